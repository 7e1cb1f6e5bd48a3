package io.ncf.spark

import org.apache.spark.sql.{DataFrame, Row}

import io.ncf.spark.PushedPlans.{top => pushes}

/** `ORDER BY … LIMIT` that splits carry out gives Spark's first rows. */
class TopNSuite extends SparkTestBase {

  private def ordered(
      frame: DataFrame,
      columns: String,
      where: String,
      order: String
  ): DataFrame = {
    frame.createOrReplaceTempView("t")
    spark.sql(s"SELECT $columns FROM t WHERE $where ORDER BY $order")
  }

  /** As text: a NaN does not equal itself. */
  private def rows(frame: DataFrame): Seq[String] = frame.collect().toSeq.map { row: Row =>
    row.toSeq.map {
      case bytes: Array[Byte] => bytes.toSeq.toString
      case -0.0d              => "0.0"
      case -0.0f              => "0.0"
      case other              => String.valueOf(other)
    }.mkString(", ")
  }

  private val orders = Seq(
    "i32",
    "i64 DESC",
    "i8 NULLS LAST",
    "d38 DESC NULLS FIRST",
    "s",
    "s DESC NULLS LAST, i16",
    "f64",
    "f64 DESC",
    "f32 DESC, i64 DESC",
    "day, ts DESC, tsn",
    "bool DESC, bin",
    "part, d9 DESC",
    "d18 DESC, part NULLS LAST"
  )

  test("first rows of every order are Spark's") {
    withPath { path =>
      val source = RandomRows.frame(spark, 20000).selectExpr("*", "cast(i16 % 3 as int) part")
      source.write.parquet(path + "-parquet")
      val parquet = spark.read.parquet(path + "-parquet")
      parquet.write.format("ncf").option("blockRows", "3000").partitionBy("part").save(path)
      for (order <- orders; where <- Seq("true", "i8 > 100 or i16 is null"); limit <- Seq(1, 50)) {
        // Only the keys: of rows that are equal in them, any may be among the first.
        val keys = order.replaceAll(" DESC| NULLS (LAST|FIRST)", "")
        val ours = ordered(read(path), keys, where, order).limit(limit)
        val wanted = ordered(parquet, keys, where, order).limit(limit)
        assert(pushes(ours), order)
        assert(rows(ours) == rows(wanted), s"$order where $where, first $limit")
      }
    }
  }

  test("columns beside the keys, and keys that are not selected") {
    withPath { path =>
      val source = spark.range(0, 30000, 1, 3).selectExpr(
        "id",
        "id * 7919 % 30000 mixed",
        "cast(id as string) s"
      )
      source.write.format("ncf").option("blockRows", "4000").save(path)
      val ours = ordered(read(path), "s, id", "id % 2 = 0 or id > 5", "mixed DESC").limit(20)
      assert(rows(ours) == rows(ordered(
        source,
        "s, id",
        "id % 2 = 0 or id > 5",
        "mixed DESC"
      ).limit(20)))
      val offset = ordered(read(path), "s", "id > 5", "mixed").limit(30).offset(10)
      assert(pushes(offset))
      assert(rows(offset) == rows(ordered(source, "s", "id > 5", "mixed").limit(30).offset(10)))
    }
  }

  test("sorted data: few pages are read") {
    withPath { path =>
      spark.range(0, 400000, 1, 1).selectExpr("id", "uuid() u").write.format("ncf")
        .option("blockRows", "40000").save(path)
      val last = read(path).orderBy(org.apache.spark.sql.functions.col("id").desc).limit(5)
      assert(last.collect().toSeq.map(_.getLong(0)) == Seq(
        399999L, 399998L, 399997L, 399996L, 399995L
      ))
      val metrics = last.queryExecution.executedPlan.collectLeaves().flatMap(_.metrics).toMap
      // Of the twenty pages, one of each column in one block of each split.
      assert(metrics("pagesRead").value <= 8)
      assert(metrics("rowsOut").value <= 20)
    }
  }

  test("what is not pushed, and the option") {
    withPath { path =>
      spark.range(1000).selectExpr("id", "cast(id as string) s").write.format("ncf").save(path)
      val frame = read(path)
      assert(!pushes(ordered(frame, "id", "true", "id + 1").limit(3)))
      assert(!pushes(ordered(frame, "id", "ascii(s) = 50", "id").limit(3)))
      assert(!pushes(ordered(frame, "id", "true", "id").limit(70000)))
      val off = spark.read.format("ncf").option("pushdown.topN", "false").load(path)
      assert(!pushes(ordered(off, "id", "true", "id").limit(3)))
      val text = ordered(frame, "id", "id > 3", "id").limit(3).queryExecution.executedPlan.toString
      assert(text.contains("PushedTopN: ORDER BY [id ASC NULLS FIRST] LIMIT 3"), text)
    }
  }
}
