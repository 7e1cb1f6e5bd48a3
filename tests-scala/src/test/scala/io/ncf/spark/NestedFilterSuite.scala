package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.execution.ExplainMode
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.functions.{count, max, min, sum}
import org.apache.spark.sql.types.StructType

/** Filters on fields of structs are evaluated by NCF: exactly, and from the pages of those fields. */
class NestedFilterSuite extends SparkTestBase {

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    spark.conf.set("spark.sql.timeType.enabled", "true")
  }

  /** Whether Spark still filters. */
  private def filters(frame: DataFrame): Boolean =
    frame.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter])

  private def explain(frame: DataFrame): String =
    frame.queryExecution.explainString(ExplainMode.fromString("formatted"))

  /** Runs a query and answers the metrics of its scan. */
  private def metrics(frame: DataFrame): String => Long = {
    frame.collect()
    val scan = frame.queryExecution.executedPlan.collectLeaves().collectFirst {
      case scan: BatchScanExec => scan
    }.get
    name => scan.metrics(name).value
  }

  private val schema = StructType.fromDDL(
    "id int, big bigint, s struct<a: bigint, f: double, d: decimal(12, 2), t: struct<name: string, on: date>, " +
      "l: array<int>, m: map<string, int>>, a array<struct<x: int>>, m map<int, string>, " +
      "year interval year to month, day interval day to second, hour time(6)"
  )

  private val pushed = Seq(
    "s.a > 5",
    "s.a <=> 7",
    "s.a <=> null",
    "not (s.a > 5)",
    "s.a in (1, 2, 3, null)",
    "s.a >= big",
    "s.f = cast('NaN' as double)",
    "s.f <= -0.0d",
    "s.d >= 12.34",
    "s.t.name = 'apple'",
    "s.t.name like 'a%'",
    "s.t.name > 'b' or s.a < 3",
    "s.t.on >= date'2000-01-01'",
    "s.t.name is null",
    "s.t is null",
    "s is null",
    "s is not null and s.t is null",
    "s.l is null",
    "s.m is not null",
    "a is null",
    "m is not null and a is not null",
    "not (s is null or s.t.name is null)",
    "year > interval '10' year",
    "year is null or day <= interval '1 02:03:04' day to second",
    "hour < time'12:00:00'"
  )

  test("every predicate gives what Parquet gives, and Spark filters no more") {
    withPath { path =>
      RandomRows.of(spark, schema, 3000, 3).coalesce(1).write.parquet(path + "-parquet")
      val parquet = spark.read.parquet(path + "-parquet")
      parquet.write.format("ncf").option("blockRows", "1300").save(path)
      for (condition <- pushed) withClue(condition) {
        val frame = read(path).where(condition)
        assertSameRows(frame, parquet.where(condition))
        assert(!filters(frame))
      }
    }
  }

  test("what is inside arrays and maps stays with Spark") {
    withPath { path =>
      val source = RandomRows.of(spark, schema, 2000, 4)
      source.write.format("ncf").save(path)
      val conditions =
        Seq("size(s.l) > 2", "get(a, 0).x > 0", "m[1] = 'apple'", "array_contains(s.l, 3)")
      for (condition <- conditions) withClue(condition) {
        assert(filters(read(path).where(condition)))
        assertSameRows(read(path).where(condition), source.where(condition))
        val both = s"s.a > 5 and $condition"
        assert(explain(read(path).where(both)).contains("s.a > 5]"))
        assertSameRows(read(path).where(both), source.where(both))
      }
    }
  }

  private def people(rows: Long): DataFrame = spark.range(0, rows, 1, 1).selectExpr(
    "id",
    "named_struct('at', id, 'of7', id % 7, 'note', uuid(), 'in', named_struct('n', id % 2, 'u', uuid())) p",
    "uuid() u"
  )

  test("only pages of the fields that a filter names are read, others for the rows that are left") {
    withPath { path =>
      people(40000).write.format("ncf").option("blockRows", "10000").save(path)
      val bytes = (frame: DataFrame) => metrics(frame)("bytesRead")
      val notes = bytes(read(path).select("p.note"))
      val inner = bytes(read(path).select("p.in.n"))
      // A field's presence takes no part: its nulls are those of the structs around it, too.
      assert(bytes(read(path).where("p.in.n = 1").selectExpr("1 one")) <= inner)
      // Possible by the bounds, true of no row: nothing but the filter's field is read.
      val none = read(path).where("p.of7 = 3 and p.of7 = 5").select("p.note", "u")
      val odd = read(path).where("p.in.n > 0 and p.in.n < 1").select("p.note", "u")
      assert(bytes(none) * 10 < notes)
      assert(bytes(odd) * 10 < notes)
      // One block of four, by the statistics of the field.
      val one = read(path).where("p.at between 20000 and 20004").select("p.note")
      assert(one.count() == 5)
      assert(metrics(one)("blocksPruned") == 3)
      assert(bytes(one) * 2 < notes)
    }
  }

  test("fields prune files and blocks, and the plan shows what was pushed") {
    withPath { path =>
      val source = spark.range(0, 100000, 1, 4)
        .selectExpr("named_struct('t', if(id < 30000, null, named_struct('a', id))) s")
      source.write.format("ncf").option("blockRows", "10000").save(path)
      val text = explain(read(path).where("s.t.a >= 99990"))
      assert(text.contains("s.t.a IS NOT NULL, s.t.a >= 99990]"))
      assert(text.contains("filesPlanned: 1") && text.contains("filesPruned: 3"))
      assert(read(path).where("s.t.a >= 99990").count() == 10)
      // Nulls of the struct are known by whether it is there, those of its field by their number.
      for (
        (condition, files, rows) <- Seq(("s.t is null", 2, 30000), ("s.t.a is null", 2, 30000))
      ) {
        assert(explain(read(path).where(condition)).contains(s"filesPlanned: $files"))
        assert(read(path).where(condition).count() == rows)
      }
      assert(explain(read(path).where("s is null")).contains("filesPlanned: 0"))
      assert(read(path).where("s.t is not null").count() == 70000)
    }
  }

  test("names with dots are names") {
    withPath { path =>
      val source = spark.range(100).selectExpr(
        "named_struct('b', id, 'c.d', id % 3, 'e', named_struct('f.g', id % 2)) a",
        "id + 1000 `a.b`",
        "named_struct('d', id + 2000) `a.c`"
      )
      source.write.format("ncf").save(path)
      val counts = Seq(
        "a.b = 7" -> 1,
        "`a.b` = 1007" -> 1,
        "a.b = 1007" -> 0,
        "a.`c.d` = 2 and a.e.`f.g` = 0" -> 17,
        "`a.c`.d < 2003" -> 3
      )
      for ((condition, rows) <- counts) withClue(condition) {
        val frame = read(path).where(condition)
        assert(!filters(frame))
        assert(frame.count() == rows)
        assertSame(frame, source.where(condition))
      }
    }
  }

  test("fields are found whatever their case, and those that are not stored are null") {
    withPath { path =>
      spark.range(100).selectExpr("named_struct('a', id, 'T', named_struct('x', id)) s")
        .write.format("ncf").save(path)
      val wanted = "S struct<B: int, t: struct<X: bigint>, A: bigint>"
      val frame = spark.read.format("ncf").schema(wanted).load(path)
      assert(!filters(frame.where("s.a = 7 and s.t.x = 7")))
      assert(frame.where("s.a = 7 and s.t.x = 7").count() == 1)
      assert(frame.where("s.a < 5").select("S.t.X").collect().map(_.getLong(0)).toSet ==
        (0L until 5L).toSet)
      assert(frame.where("s.b is null and s.a > 97").count() == 2)
      assert(frame.where("s.b = 1").count() == 0)
    }
  }

  test("aggregates of fields, with filters on fields") {
    withPath { path =>
      RandomRows.of(spark, schema, 3000, 6).coalesce(1).write.parquet(path + "-parquet")
      val parquet = spark.read.parquet(path + "-parquet")
      parquet.write.format("ncf").option("blockRows", "1000").save(path)
      val queries: Seq[DataFrame => DataFrame] = Seq(
        _.groupBy("s.t.name").agg(count("*"), count("s.a"), max("s.a"), min("s.d"), sum("s.d")),
        _.groupBy("s.t.on", "id").agg(min("s.t.name")),
        _.where("s.a > 5 and s.t is not null").agg(count("*"), min("s.a"), max("s.t.on")),
        _.where("s is null").agg(count("*"), count("s.a"), max("s.a")),
        _.agg(count("s"), count("a"), min("s.a"))
      )
      for ((query, index) <- queries.zipWithIndex) withClue(s"query $index: ") {
        assertSameRows(query(read(path)), query(parquet))
      }
    }
  }

  test("structs partition and stream as before") {
    withPath { path =>
      val source = spark.range(300).selectExpr("named_struct('a', id) s", "id % 3 p")
      source.write.format("ncf").partitionBy("p").save(path)
      assertSame(read(path).where("p = 1 and s.a < 50"), source.where("p = 1 and s.a < 50"))
      spark.readStream.format("ncf").load(path).where("s.a < 50")
        .writeStream.format("ncf")
        .option("checkpointLocation", path + "-checkpoint")
        .trigger(org.apache.spark.sql.streaming.Trigger.AvailableNow())
        .start(path + "-copy")
        .awaitTermination()
      assertSame(read(path + "-copy"), source.where("s.a < 50"))
    }
  }
}
