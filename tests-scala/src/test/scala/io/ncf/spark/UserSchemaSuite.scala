package io.ncf.spark

import java.nio.file.{Files, Path}

import org.apache.spark.sql.functions.col
import org.apache.spark.sql.types._

import io.ncf.jni.NcfInvalidArgumentException

/** Schemas that users give, and those of directories without a log. */
class UserSchemaSuite extends SparkTestBase {

  test("columns are found whatever their case, unless the session minds it") {
    withPath { path =>
      val source = spark.range(100).selectExpr("id a", "concat('v', id) s", "id % 4 p")
      source.write.format("ncf").partitionBy("p").save(path)
      val other = spark.read.format("ncf").schema("P bigint, S string, A bigint").load(path)
      assertSame(other.toDF("p", "s", "a"), source.select("p", "s", "a"))
      assert(other.where("A = 7 and P = 3").select("S").head().getString(0) == "v7")
      assert(other.where("P = 3").count() == 25)
      spark.conf.set("spark.sql.caseSensitive", "true")
      try {
        val strict = spark.read.format("ncf").schema("A bigint, s string").load(path)
        assert(strict.where(col("A").isNull && col("s").isNotNull).count() == 100)
      } finally spark.conf.unset("spark.sql.caseSensitive")
    }
  }

  test("a name that two columns answer to is an error") {
    withPath { path =>
      spark.conf.set("spark.sql.caseSensitive", "true")
      try spark.range(3).selectExpr("id ab", "id AB").write.format("ncf").save(path)
      finally spark.conf.unset("spark.sql.caseSensitive")
      val message = failure[NcfInvalidArgumentException](
        spark.read.format("ncf").schema("Ab bigint").load(path).collect()
      )
      assert(message.contains("Ab may be any of the columns ab, AB"))
      assert(spark.read.format("ncf").schema("AB bigint").load(path).count() == 3)
    }
  }

  test("NOT NULL in a schema by path is no promise") {
    withPath { path =>
      spark.range(10).selectExpr("if(id < 3, null, id) a").write.format("ncf").save(path)
      val schema = StructType(Seq(StructField("a", LongType, nullable = false)))
      val frame = spark.read.format("ncf").schema(schema).load(path)
      assert(frame.schema.head.nullable)
      assert(frame.where("a is null").count() == 3)
    }
  }

  /** A directory without a log that holds one file of rows 0 to 9 below each of `folders`. */
  private def bare(path: String, folders: String*): Unit = {
    val source = path + "-source"
    spark.range(0, 10, 1, 1).toDF("v").write.format("ncf").mode("overwrite").save(source)
    folders.foreach { folder =>
      Files.createDirectories(Path.of(path, folder))
      Files.copy(dataFiles(source).head.toPath, Path.of(path, folder, "x.ncf"))
    }
  }

  test("partition values of bare directories: doubles and times") {
    withPath { path =>
      bare(path, "d=1.5/t=2024-01-01 10%3A00%3A00", "d=2/t=2024-01-02 11%3A30%3A00.5")
      val frame = read(path)
      assert(frame.schema("d").dataType == DoubleType)
      assert(frame.schema("t").dataType == TimestampNTZType)
      assert(frame.where("d = 1.5D").count() == 10)
      // The zone of the session, as in Spark's own sources.
      assert(frame.where("t = TIMESTAMP'2024-01-02 11:30:00.5'").count() == 10)
    }
  }

  test("a schema may give a partition column of a bare directory another type") {
    withPath { path =>
      bare(path, "k=007", "k=12")
      assert(read(path).schema("k").dataType == IntegerType)
      val frame = spark.read.format("ncf").schema("v bigint, k string").load(path)
      assert(frame.select("k").distinct().collect().map(_.getString(0)).toSet == Set("007", "12"))
      assert(frame.where("k = '007'").count() == 10)
      val small = spark.read.format("ncf").schema("k smallint, v bigint").load(path)
      assert(small.where("k = 7").count() == 10)
      assert(failure[NcfInvalidArgumentException](
        spark.read.format("ncf").schema("v bigint, k date").load(path).collect()
      ).contains("not a date"))
      assert(failure[NcfInvalidArgumentException](
        spark.read.format("ncf").schema("v string").load(path).collect()
      ).contains("column v is bigint"))
    }
  }

  test("a schema need not name the partition columns of a bare directory") {
    withPath { path =>
      bare(path, "k=1/s=a", "k=2/s=b")
      val frame = spark.read.format("ncf").schema("S string, v bigint").load(path)
      assert(frame.schema.map(f => f.name -> f.dataType) ==
        Seq("S" -> StringType, "v" -> LongType, "k" -> IntegerType))
      assert(frame.where("k = 2 and v = 3").select("S").head().getString(0) == "b")
    }
  }
}
