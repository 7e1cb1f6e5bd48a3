package io.ncf.spark

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._

/** What was written is what is read: every type, in every position. */
class RoundTripSuite extends SparkTestBase {

  /** A million; fewer on a slow machine, by the system property `ncf.test.rows`. */
  private val manyRows: Int = Integer.getInteger("ncf.test.rows", 1000000)

  test(s"$manyRows random rows of every type equal their source and Parquet's copy") {
    withPath { path =>
      val source = RandomRows.frame(spark, manyRows)
      source.write.parquet(path + "-parquet")
      val expected = spark.read.parquet(path + "-parquet")
      expected.write.format("ncf").save(path)
      assert(read(path).count() == manyRows)
      assert(read(path).schema == expected.schema)
      assertSame(read(path), expected)
    }
  }

  test("bits of floats survive: NaN and the sign of zero") {
    withPath { path =>
      val values = Seq(0.0, -0.0, Double.NaN, Double.NegativeInfinity, 1e-310)
      val source = spark.createDataFrame(values.map(Tuple1(_))).toDF("v").coalesce(1)
      source.write.format("ncf").save(path)
      val bits = read(path).collect().map(r => java.lang.Double.doubleToRawLongBits(r.getDouble(0)))
      assert(bits.toSeq == values.map(v => java.lang.Double.doubleToRawLongBits(v)))
    }
  }

  test("order within a task and the number of rows survive") {
    withPath { path =>
      spark.range(0, 100000, 1, 1).write.format("ncf").save(path)
      assert(read(path).collect().map(_.getLong(0)).toSeq == (0L until 100000L))
    }
  }

  test("no rows, one row, only nulls") {
    withPath { path =>
      RandomRows.frame(spark, 100).where("i32 = i32 + 1").write.format("ncf").save(path)
      assert(read(path).schema == RandomRows.schema)
      assert(read(path).collect().isEmpty)
      assert(read(path).count() == 0)
    }
    withPath { path =>
      val nulls = spark.createDataFrame(
        Seq.fill(10)(org.apache.spark.sql.Row.fromSeq(RandomRows.schema.map(_ => null))).asJava,
        RandomRows.schema
      )
      nulls.write.format("ncf").save(path)
      assertSame(read(path), nulls)
    }
  }

  test("columns are pruned, reordered, counted without being read") {
    withPath { path =>
      val source = RandomRows.frame(spark, 20000).cache()
      source.write.format("ncf").save(path)
      assertSame(read(path).select("s", "i32"), source.select("s", "i32"))
      assertSame(
        read(path).select(col("d38") + 1, upper(col("s"))).toDF("a", "b"),
        source.select(col("d38") + 1, upper(col("s"))).toDF("a", "b")
      )
      assert(read(path).select().count() == 20000)
      source.unpersist()
    }
  }

  test("a schema may be given: fewer columns, other order, columns that are not there") {
    withPath { path =>
      spark.range(1000).selectExpr("id", "cast(id as string) s").write.format("ncf").save(path)
      val frame = spark.read.format("ncf").schema("extra int, s string, id bigint").load(path)
      assert(frame.schema.fieldNames.toSeq == Seq("extra", "s", "id"))
      assert(frame.where("extra is null and s = cast(id as string)").count() == 1000)
      assert(frame.where("extra = 1").count() == 0)
      assert(frame.selectExpr("sum(id)").head().getLong(0) == 499500)
    }
  }

  test("odd column names and comments survive") {
    withPath { path =>
      val comment = new MetadataBuilder().putString("comment", "größe, in m").build()
      val source = spark.range(10).select(
        col("id").as("a.b"),
        col("id").as("with space"),
        col("id").as("日本"),
        col("id").as("c`d", comment)
      )
      source.write.format("ncf").save(path)
      assertSame(read(path), source)
      assert(read(path).schema("c`d").getComment().contains("größe, in m"))
      assert(read(path).where("`a.b` = 3 and `with space` = 3").count() == 1)
    }
  }

  test("metrics, statistics and the description reach Spark") {
    withPath { path =>
      spark.range(0, 100000, 1, 2).toDF("a").write.format("ncf").save(path)
      val frame = read(path).where("a < 10")
      assert(frame.collect().length == 10)
      val plan = frame.queryExecution.executedPlan
      val metrics = plan.collectLeaves().flatMap(_.metrics).toMap
      assert(metrics("rowsOut").value == 10)
      assert(metrics("filesPlanned").value + metrics("filesPruned").value == 2)
      val statistics = read(path).queryExecution.optimizedPlan.stats
      assert(statistics.rowCount.contains(BigInt(100000)))
    }
  }

  test("no native handle outlives its query") {
    withPath { path =>
      spark.range(0, 200000, 1, 4).toDF("a").write.format("ncf").save(path)
      read(path).limit(5).collect()
      read(path).where("a % 7 = 0").count()
      assert(io.ncf.jni.Native.liveHandles() == 0)
    }
  }
}
