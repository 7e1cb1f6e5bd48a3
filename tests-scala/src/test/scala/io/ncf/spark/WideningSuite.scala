package io.ncf.spark

import java.nio.file.{Files, Path}

import scala.util.Try

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.types._

import io.ncf.jni.{NcfInvalidArgumentException, NcfUnsupportedException}

/** Columns read as types that hold all of their values. */
class WideningSuite extends SparkTestBase {

  private def as(schema: String, path: String): DataFrame =
    spark.read.format("ncf").schema(schema).load(path)

  private val widenings = Seq(
    "tinyint" -> "smallint",
    "tinyint" -> "int",
    "tinyint" -> "bigint",
    "smallint" -> "int",
    "smallint" -> "bigint",
    "int" -> "bigint",
    "tinyint" -> "double",
    "smallint" -> "double",
    "int" -> "double",
    "float" -> "double",
    "tinyint" -> "decimal(3, 0)",
    "smallint" -> "decimal(10, 5)",
    "int" -> "decimal(12, 2)",
    "int" -> "decimal(38, 10)",
    "bigint" -> "decimal(19, 0)",
    "bigint" -> "decimal(25, 5)",
    "decimal(9, 2)" -> "decimal(12, 2)",
    "decimal(9, 2)" -> "decimal(18, 6)",
    "decimal(9, 2)" -> "decimal(30, 12)",
    "decimal(20, 3)" -> "decimal(38, 20)",
    "date" -> "timestamp_ntz"
  )

  test("values of every narrower type, flat and nested, are those that Spark casts to") {
    withPath { path =>
      val columns = widenings.zipWithIndex.map { case ((stored, wider), i) =>
        (s"c$i", stored, wider)
      }
      val of = (wide: Boolean) =>
        columns.map { case (name, stored, wider) => s"$name ${if (wide) wider else stored}" }
      val nested = (wide: Boolean) =>
        columns.map { case (name, stored, wider) => s"$name: ${if (wide) wider else stored}" }
          .mkString("struct<", ", ", ">")
      val ddl = (wide: Boolean) =>
        (of(wide) ++ Seq(
          s"s ${nested(wide)}",
          s"a array<${nested(wide)}>",
          s"m map<${if (wide) "bigint" else "int"}, ${nested(wide)}>"
        )).mkString(", ")
      val source = RandomRows.of(spark, StructType.fromDDL(ddl(false)), 3000, 5)
      source.write.format("ncf").option("blockRows", "1000").save(path)
      val wide = StructType.fromDDL(ddl(true))
      val expected =
        read(path).selectExpr(wide.map(f => s"cast(${f.name} as ${f.dataType.sql}) ${f.name}"): _*)
      val actual = spark.read.format("ncf").schema(wide).load(path)
      assertSameRows(actual, expected)
      assertSameRows(actual.select("s.c3", "a.c20", "m"), expected.select("s.c3", "a.c20", "m"))
    }
  }

  test("filters compare widened values, and prune by widened bounds") {
    withPath { path =>
      val source = spark.range(0, 40000, 1, 1).selectExpr(
        "cast(id - 20000 as int) i",
        "cast(id / 4 as float) f",
        "cast(id / 100 as decimal(9, 2)) d",
        "date_add(date'1900-01-01', cast(id as int)) t",
        "named_struct('i', cast(id as int)) s",
        "id - 20000 j"
      )
      source.write.format("ncf").option("blockRows", "10000").save(path)
      val frame = as(
        "i bigint, f double, d decimal(30, 4), t timestamp_ntz, s struct<i: decimal(20, 2)>, j bigint",
        path
      )
      val conditions = Seq(
        "i = 19000",
        "i > 3000000000",
        "i < -3000000000",
        "i in (-20000, 19999, 5000000000)",
        "f = 9000.25d",
        "f < 0.1d",
        "d > 399.985",
        "d = 12.3456",
        "t >= timestamp_ntz'2009-01-01 00:00:00'",
        "t = timestamp_ntz'2009-01-01 00:00:01'",
        "s.i = 39999.00",
        "s.i = 39998.50",
        "s.i > 39998.50",
        "i <=> j and i > 5"
      )
      val expected = source.selectExpr(
        "cast(i as bigint) i",
        "cast(f as double) f",
        "cast(d as decimal(30, 4)) d",
        "cast(t as timestamp_ntz) t",
        "named_struct('i', cast(s.i as decimal(20, 2))) s",
        "j"
      )
      for (condition <- conditions) withClue(condition) {
        val found = frame.where(condition)
        assertSame(found, expected.where(condition))
        assert(!found.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter]))
      }
      val aggregates =
        Seq("count(i)", "sum(i)", "min(d)", "max(t)", "sum(d * 2)", "max(s.i)", "sum(f)")
      assertSame(frame.selectExpr(aggregates: _*), expected.selectExpr(aggregates: _*))
      val groups = (of: DataFrame) => of.where("i < 0").groupBy("d").count()
      assertSame(groups(frame), groups(expected))
      val plan = frame.where("i >= 19000").queryExecution.executedPlan.toString
      assert(plan.contains("blocksPruned: 3"), plan)
    }
  }

  /** Writes each frame as one file of a directory without a log. */
  private def directory(path: String, frames: DataFrame*): Unit = {
    Files.createDirectories(Path.of(path))
    frames.zipWithIndex.foreach { case (frame, index) =>
      frame.coalesce(1).write.format("ncf").save(s"$path-$index")
      Files.copy(dataFiles(s"$path-$index").head.toPath, Path.of(path, s"$index.ncf"))
    }
  }

  test("mergeSchema takes the wider type, whichever file comes first") {
    withPath { path =>
      val narrow = spark.range(10).selectExpr("cast(id as int) v", "array(named_struct('x', 1Y)) a")
      val wide = spark.range(5000000000L, 5000000010L)
        .selectExpr("id v", "array(named_struct('x', 2.5D)) a")
      directory(path + "/up", narrow, wide)
      directory(path + "/down", wide, narrow)
      for (folder <- Seq("up", "down")) withClue(folder) {
        val frame = spark.read.format("ncf").option("mergeSchema", "true").load(s"$path/$folder")
        assert(frame.schema.toDDL == "v BIGINT,a ARRAY<STRUCT<x: DOUBLE>>")
        assert(frame.where("v > 5").count() == 14)
        assert(frame.where("v >= 5000000005").count() == 5)
        assert(frame.selectExpr("sum(a[0].x)").head().getDouble(0) == 35.0)
      }
      // Without it the first file says what the columns are, and the narrower file fits in.
      assert(read(path + "/down").where("v = 3").count() == 1)
      val message = failure[NcfUnsupportedException](read(path + "/up").collect())
      assert(Seq(
        "column v",
        "1.ncf",
        "stored as bigint",
        "read as int"
      ).forall(message.contains(_)))
    }
  }

  test("types of which neither holds the other do not merge") {
    withPath { path =>
      directory(path, spark.range(3).selectExpr("id v"), spark.range(3).selectExpr("1.5D v"))
      val message = failure[NcfUnsupportedException](
        spark.read.format("ncf").option("mergeSchema", "true").load(path).collect()
      )
      assert(message.contains("column v") && message.contains("holds all values"))
    }
  }

  test("what is no widening names column, both types and what to do") {
    withPath { path =>
      spark.range(3).selectExpr("id v", "named_struct('x', 1) s").write.format("ncf").save(path)
      for (
        (schema, words) <- Seq("v double" -> "v is bigint", "s struct<x: float>" -> "s.x is int")
      ) {
        val message = failure[NcfInvalidArgumentException](as(schema, path).collect())
        assert(message.contains(words))
      }
    }
  }

  test("dates without a timestamp are an error, and not in rows that hold none") {
    withPath { path =>
      val far = "date_add(date'1970-01-01', 2147483647)"
      spark.range(10).selectExpr(
        "id",
        s"if(id = 7, $far, date'2020-01-01') d",
        "cast(null as date) n"
      )
        .coalesce(1).write.format("ncf").save(path)
      val frame = as("id bigint, d timestamp_ntz, n timestamp_ntz", path)
      assert(frame.where("n is null").select("id").count() == 10)
      val message = failure[NcfUnsupportedException](frame.select("d").collect())
      assert(message.contains("outside of timestamp_ntz") && message.contains("column d"))
    }
  }

  test("both sides agree on which types hold which") {
    val types = Seq(
      BooleanType,
      ByteType,
      ShortType,
      IntegerType,
      LongType,
      FloatType,
      DoubleType,
      DecimalType(3, 0),
      DecimalType(10, 0),
      DecimalType(12, 2),
      DecimalType(20, 4),
      DecimalType(38, 18),
      StringType,
      BinaryType,
      DateType,
      TimestampType,
      TimestampNTZType
    )
    withPath { path =>
      val stored = StructType(types.zipWithIndex.map { case (t, i) => StructField(s"c$i", t) })
      Files.createDirectories(Path.of(path))
      val rows = Seq(org.apache.spark.sql.catalyst.InternalRow.fromSeq(types.map(_ => null)))
      NcfFiles.write(s"$path/0.ncf", SchemaConverter.toNcf(stored).toString, stored, rows)
      val file = NcfPath.find(scala.collection.Map("path" -> s"$path/0.ncf")).get
      for ((from, i) <- types.zipWithIndex; to <- types) withClue(s"$from to $to") {
        val schema = StructType(Seq(StructField(s"c$i", to)))
        val request = Json.obj()
        request.put("path", file.text)
        request.set[com.fasterxml.jackson.databind.JsonNode](
          "schema",
          SchemaConverter.toNcf(schema)
        )
        val native = Try(io.ncf.jni.Native.planScan(request.toString, file.storage))
        assert(native.isSuccess == Widening.allows(from, to), native)
      }
    }
  }

  test("narrower columns are appended as the table's type, and its schema stays") {
    withPath { path =>
      spark.range(5).selectExpr("id", "named_struct('x', 1.5D) s").write.format("ncf").save(path)
      spark.range(5, 8).selectExpr("cast(id as int) id", "named_struct('x', 2S) s")
        .write.format("ncf").mode("append").save(path)
      assert(read(path).schema.toDDL == "id BIGINT,s STRUCT<x: DOUBLE>")
      assert(read(path).selectExpr("sum(id)", "sum(s.x)").head().toString == "[28,13.5]")
      val message = failure[NcfInvalidArgumentException](
        spark.range(3).selectExpr("cast(id as double) id", "named_struct('x', 1D) s")
          .write.format("ncf").mode("append").save(path)
      )
      assert(message.contains("column id is bigint in the table and double here"))
    }
  }
}
