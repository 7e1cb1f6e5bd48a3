package io.ncf.spark

import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.execution.{SimpleMode, SortExec}
import org.apache.spark.sql.functions.{col, spark_partition_id}
import org.apache.spark.sql.{Column, DataFrame, Row}

import io.ncf.spark.read.NcfScan

/** Scans that report the order of their rows, so that Spark sorts no more, and those that must not. */
class OrderSuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  /** Tasks of a shuffle stay apart, however few rows they have. */
  override protected def settings: Map[String, String] = Map(
    "spark.sql.shuffle.partitions" -> "4",
    "spark.sql.adaptive.coalescePartitions.enabled" -> "false"
  )

  private val seed = System.nanoTime()
  private val total = 30000L

  /** Rows in no order, with whatever sorts in its own way. */
  private def rows(tasks: Int): DataFrame = spark.range(0, total, 1, tasks).selectExpr(
    s"if(hash(id, ${seed}L) % 11 = 0, null, hash(id, ${seed}L) % 5000) a",
    "if(hash(id, 1) % 13 = 0, null, " +
      "element_at(array('', 'z', 'é', 'e', 'E', concat('k', id % 97)), int(1 + pmod(hash(id, 2), 6)))) k",
    "element_at(array(double('NaN'), -0d, 0d, double('Infinity'), null, double(hash(id, 3) % 100)), " +
      "int(1 + pmod(hash(id, 4), 6))) d",
    "cast(hash(id, 5) % 700 as decimal(30,2)) m",
    "timestamp_seconds(pmod(hash(id, 6), 9000)) t",
    "id"
  )

  private def write(frame: DataFrame, path: String, options: (String, String)*): Unit =
    frame.write.format("ncf").mode("append").options(options.toMap).save(path)

  private def sorts(frame: DataFrame): Int =
    collect(frame.queryExecution.executedPlan) { case sort: SortExec => sort }.size

  private def scan(frame: DataFrame): BatchScanExec =
    collect(frame.queryExecution.executedPlan) { case scan: BatchScanExec => scan }.head

  private def order(frame: DataFrame): Seq[String] =
    scan(frame).scan.asInstanceOf[NcfScan].outputOrdering().map(_.describe()).toSeq

  /** `frame`, each partition in an order. */
  private def within(frame: DataFrame, sortBy: String): DataFrame =
    frame.sortWithinPartitions(keys(sortBy): _*)

  private def keys(sortBy: String): Seq[Column] = sortBy.split(", ").toSeq.map { key =>
    val column = col(key.takeWhile(_ != ' '))
    if (key.endsWith("desc")) column.desc else column.asc
  }

  /** Fails unless each partition's rows are in an order: Spark sorts them by themselves to know. */
  private def assertInOrder(frame: DataFrame, sortBy: String): Unit = {
    val columns = sortBy.split(", ").toSeq.map(key => col(key.takeWhile(_ != ' ')))
    val wanted = frame.select(columns: _*)
    val found = frame.select(spark_partition_id() +: columns: _*).collect().toSeq
    for ((partition, rows) <- found.groupBy(_.getInt(0))) {
      val stored = rows.map(row => Row.fromSeq(row.toSeq.tail))
      val again = spark.createDataFrame(spark.sparkContext.parallelize(stored, 1), wanted.schema)
      val sorted = again.orderBy(keys(sortBy): _*).collect().toSeq
      def plainly(rows: Seq[Row]) = rows.map(_.toSeq.map(value => canonical(plain(value))))
      assert(plainly(stored) == plainly(sorted), s"partition $partition by $sortBy, seed $seed")
    }
  }

  /** Values that are equal in an order are one. */
  private def canonical(value: Any): Any = value match {
    case ("double", bits: Long) =>
      val number = java.lang.Double.longBitsToDouble(bits)
      if (number.isNaN) "NaN" else number + 0.0
    case other => other
  }

  for (sortBy <- Seq("a", "a desc", "k, a desc", "d, k desc", "d desc", "m desc, d", "t, m"))
    test(s"files sorted by $sortBy spare the sort, and the rows are right") {
      withPath { path =>
        rows(3).write.parquet(s"$path-parquet")
        val parquet = spark.read.parquet(s"$path-parquet")
        write(parquet.coalesce(1), path, "sortBy" -> sortBy, "blockRows" -> "7000")
        val ours = within(read(path), sortBy)
        assert(sorts(ours) == 0, ours.queryExecution.executedPlan)
        assertInOrder(ours, sortBy)
        assertSame(ours, parquet)
        // Filters, and columns that are left out behind the first keys, change nothing.
        val some = within(read(path).where("id % 7 < 3 AND m > -200"), sortBy)
        assert(sorts(some) == 0)
        assertInOrder(some, sortBy)
        assertSame(some, parquet.where("id % 7 < 3 AND m > -200"))
        assert(sorts(within(parquet, sortBy)) == 1, "the control")
      }
    }

  test("ranges of one write follow one another within a task") {
    for (sortBy <- Seq("id", "id desc", "a", "a desc", "id, k")) withClue(s"$sortBy: ") {
      withPath { path =>
        write(rows(3), path, "sortBy" -> sortBy, "sortDistribution" -> "range")
        assert(dataFiles(path).size == 4)
        // Four files for two cores.
        val ours = within(read(path), sortBy)
        assert(sorts(ours) == 0, ours.queryExecution.executedPlan)
        assert(ours.rdd.getNumPartitions <= 4)
        assertInOrder(ours, sortBy)
        assertSame(ours, rows(3))
      }
    }
  }

  test("a rewrite in the same order keeps it") {
    withPath { path =>
      write(rows(1), path, "sortBy" -> "a, id")
      write(read(path), s"$path-again", "sortBy" -> "a, id")
      assert(order(read(s"$path-again")).size == 2)
      assertSame(read(s"$path-again"), rows(1))
    }
  }

  test("what is not in order is not reported") {
    withPath { path =>
      write(rows(1), path, "sortBy" -> "a, k desc")
      val keys = Seq("a ASC NULLS FIRST", "k DESC NULLS LAST")
      assert(order(read(path)) == keys)
      assert(order(read(path).select("k", "a")) == keys)
      assert(order(read(path).select("id", "a")) == keys.take(1))
      assert(order(read(path).select("k")) == Nil)
      assert(order(read(path).groupBy("a").count()) == Nil)
      assert(order(read(path).orderBy("k").limit(3)) == Nil)
      val other = within(read(path), "k desc, a")
      assert(sorts(other) == 1)
      assertInOrder(other, "k desc, a")
      assert(sorts(read(path).sortWithinPartitions(col("a").asc_nulls_last)) == 1)

      // Rows that were appended in no order.
      write(rows(1).limit(100), path)
      assert(order(read(path)) == Nil)
      val mixed = within(read(path), "a")
      assert(sorts(mixed) == 1)
      assertInOrder(mixed, "a")
      assert(order(read(path).where("id < 0 or a is null").select("k")) == Nil)
      // The version before has only the sorted file.
      val before = spark.read.format("ncf").option("versionAsOf", "0").load(path)
      assert(order(before) == keys)
      assertInOrder(within(before, "a, k desc"), "a, k desc")
    }
  }

  test("more files that overlap than tasks are in no order") {
    withPath { path =>
      for (_ <- 0 until 5) write(rows(1).limit(200), path, "sortBy" -> "a")
      assert(dataFiles(path).size == 5)
      assert(order(read(path)) == Nil)
      assertInOrder(within(read(path), "a"), "a")
    }
  }

  test("partitions of a table are sorted each, by columns that files have") {
    withPath { path =>
      rows(2).selectExpr("*", "id % 2 p").write.format("ncf").partitionBy("p")
        .option("sortBy", "p, a desc").option("sortDistribution", "range").save(path)
      for (partition <- 0 to 1) {
        val one = within(read(path).where(s"p = $partition"), "a desc")
        assertInOrder(one, "a desc")
        assert(one.count() == total / 2)
      }
      assertSame(read(path), rows(2).selectExpr("*", "id % 2 p"))
    }
  }

  test("filters that come up while a query runs keep the order") {
    withPath { path =>
      write(rows(1).where("a is not null and a > 0"), path, "sortBy" -> "a", "blockRows" -> "5000")
      write(rows(1).where("a is not null and a <= 0"), path, "sortBy" -> "a", "blockRows" -> "5000")
      spark.range(-50, 50, 1, 1).selectExpr("cast(id * 97 as int) key", "int(id / 10) kind")
        .write.format("ncf").save(s"$path-dim")
      read(path).createOrReplaceTempView("fact")
      read(s"$path-dim").createOrReplaceTempView("dim")
      val joined = spark.sql(
        "SELECT /*+ BROADCAST(dim) */ a, id, kind FROM fact JOIN dim ON a = key WHERE kind IN (-3, 0, 4)"
      )
      val ours = within(joined, "a")
      assert(sorts(ours) == 0, ours.queryExecution.executedPlan)
      val text = ours.queryExecution.explainString(SimpleMode)
      assert(text.contains("RuntimeFilters: [dynamicpruningexpression(a"), text)
      val found = ours.select(spark_partition_id(), col("a"), col("id")).collect().toSeq
      val wanted = joined.select("a", "id").collect().map(_.toString).toSet
      assert(found.nonEmpty && found.map(r => s"[${r.get(1)},${r.get(2)}]").toSet == wanted)
      for ((_, part) <- found.groupBy(_.getInt(0))) {
        val keys = part.map(_.getInt(1))
        assert(keys == keys.sorted)
      }
    }
  }

  test("names that differ only in case report no order where a session does not tell them apart") {
    withPath { path =>
      withConf("spark.sql.caseSensitive", "true") {
        val alike = spark.range(0, 1000, 1, 1).selectExpr("id a", "id * 7 % 1000 A")
        write(alike, path, "sortBy" -> "a")
        assert(order(read(path).select("a")).nonEmpty)
      }
      val one = read(path).toDF("x", "y").select("x")
      assert(order(one).isEmpty)
      assert(one.collect().map(_.getLong(0)).toSet == (0L until 1000L).toSet)
    }
  }
}
