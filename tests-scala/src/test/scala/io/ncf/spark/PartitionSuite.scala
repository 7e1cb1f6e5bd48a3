package io.ncf.spark

import org.apache.spark.sql.functions._

/** Tables that are partitioned by columns. */
class PartitionSuite extends SparkTestBase {

  test("partition columns of every type, nulls and odd values included") {
    withPath { path =>
      val source = RandomRows.frame(spark, 400)
        .select("i64", "bool", "i8", "day", "d9", "s", "ts", "tsn", "f64")
        .cache()
      for (column <- Seq("bool", "i8", "day", "d9", "s", "ts", "tsn", "f64")) withClue(column) {
        source.write.format("ncf").mode("overwrite").partitionBy(column).save(path)
        assertSame(read(path).select(source.columns.map(n => col(n)).toIndexedSeq: _*), source)
        assert(read(path).schema.fieldNames.last == column)
      }
      source.unpersist()
    }
  }

  test("decimals that Java would print with an exponent") {
    withPath { path =>
      val source = spark.range(3).selectExpr("id v", "cast(id * 1e-8 as decimal(18, 8)) p")
      source.write.format("ncf").partitionBy("p").save(path)
      assertSame(read(path), source)
      assert(read(path).where("p > 0").count() == 2)
    }
  }

  test("text that needs escaping") {
    withPath { path =>
      val odd = Seq("a/b", "a=b", "a b", "100%", "x:y", "..", "", "é日", "a\\b", "\"q\"", null)
      val source = spark.createDataFrame(odd.zipWithIndex).toDF("p", "v").select("v", "p")
      source.write.format("ncf").partitionBy("p").save(path)
      assertSame(read(path), source)
      for (value <- odd if value != null)
        assertSame(read(path).where(col("p") === value), source.where(col("p") === value))
      assert(read(path).where("p is null").count() == 1)
    }
  }

  test("several partition columns; files are few, in Hive's directories, and pruned") {
    withPath { path =>
      val source =
        spark.range(0, 10000, 1, 2).selectExpr("id v", "id % 5 p", "concat('k', id % 2) q")
      source.write.format("ncf").partitionBy("p", "q").save(path)
      assertSame(read(path), source)
      assert(dataFiles(path).size == 20)
      assert(dataFiles(path).forall(_.getParentFile.getName.matches("q=k[01]")))
      val frame = read(path).where("p = 3 and q = 'k1'")
      assertSame(frame, source.where("p = 3 and q = 'k1'"))
      val metrics = frame.queryExecution.executedPlan
      assert(frame.collect().length == 1000)
      val values = metrics.collectLeaves().flatMap(_.metrics).toMap
      assert(values.get("filesPruned").forall(m => m.value == 18 || m.value == 0))
      assert(read(path).select("p").distinct().count() == 5)
      assert(read(path).where("p = 3").select("q").distinct().count() == 2)
    }
  }

  test("appends follow the table's partitioning and refuse another") {
    withPath { path =>
      val source = spark.range(100).selectExpr("id v", "id % 5 p", "id % 2 q")
      source.write.format("ncf").partitionBy("p").save(path)
      source.write.format("ncf").mode("append").partitionBy("p").save(path)
      source.write.format("ncf").mode("append").save(path)
      assert(read(path).where("p = 1").count() == 60)
      val message = failure[io.ncf.jni.NcfInvalidArgumentException](
        source.write.format("ncf").mode("append").partitionBy("q").save(path)
      )
      assert(message.contains("partitioned by p") && message.contains("by q"))
    }
  }

  test("partition columns that cannot be") {
    withPath { path =>
      val source = spark.range(10).selectExpr("id v", "cast('x' as binary) b")
      assert(failure[Exception](
        source.write.format("ncf").partitionBy("nope").save(path)
      ).contains("nope"))
      assert(failure[Exception](
        source.write.format("ncf").partitionBy("v", "b").save(path)
      ).nonEmpty)
      assert(failure[io.ncf.jni.NcfUnsupportedException](
        source.write.format("ncf").partitionBy("b").save(path)
      ).contains("column b is binary"))
    }
  }

  test("dynamic partition overwrite is refused rather than replacing the table") {
    withPath { path =>
      val source = spark.range(10).selectExpr("id v", "id % 2 p")
      source.write.format("ncf").partitionBy("p").save(path)
      spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
      try assert(failure[io.ncf.jni.NcfUnsupportedException](
          source.where("p = 1").write.format("ncf").mode("overwrite").partitionBy("p").save(path)
        ).contains("partitionOverwriteMode"))
      finally spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
      assertSame(read(path), source)
    }
  }
}
