package io.ncf.spark

import java.io.File
import java.nio.file.Files
import java.util.concurrent.atomic.AtomicInteger

import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}
import org.apache.spark.sql.functions.{col, udf}
import org.apache.spark.sql.{AnalysisException, DataFrame}

import io.ncf.jni.NcfInvalidArgumentException

/** Writing by path: every save mode, on every kind of path. */
class SaveModesSuite extends SparkTestBase {

  private def numbers(from: Int, to: Int): DataFrame =
    spark.range(from.toLong, to.toLong, 1, 2).selectExpr("id a", "cast(id as string) s")

  test("every mode writes to a new path") {
    for (mode <- Seq("errorifexists", "append", "overwrite", "ignore")) withPath { path =>
      numbers(0, 10).write.format("ncf").mode(mode).save(path)
      assertSame(read(path), numbers(0, 10))
    }
  }

  test("the default mode refuses a table that exists and leaves it as it is") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      val message = failure[AnalysisException](numbers(5, 9).write.format("ncf").save(path))
      assert(message.contains("already exists") && message.contains(path))
      assertSame(read(path), numbers(0, 10))
    }
  }

  test("append adds rows, by name") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      numbers(10, 20).select("s", "a").write.format("ncf").mode("append").save(path)
      assertSame(read(path), numbers(0, 20))
    }
  }

  test("overwrite replaces rows, columns and partitioning") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      numbers(5, 7).write.format("ncf").mode("overwrite").save(path)
      assertSame(read(path), numbers(5, 7))
      val other = spark.range(20).selectExpr("cast(id as double) x", "id % 3 p")
      other.write.format("ncf").mode("overwrite").partitionBy("p").save(path)
      assertSame(read(path), other)
      numbers(1, 2).write.format("ncf").mode("overwrite").save(path)
      assertSame(read(path), numbers(1, 2))
    }
  }

  test("a table can be overwritten from itself") {
    withPath { path =>
      numbers(0, 1000).write.format("ncf").save(path)
      read(path).where("a < 10").write.format("ncf").mode("overwrite").save(path)
      assertSame(read(path), numbers(0, 10))
    }
  }

  test("ignore leaves what is there") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      numbers(5, 7).write.format("ncf").mode("ignore").save(path)
      assertSame(read(path), numbers(0, 10))
    }
  }

  test("an empty directory counts as a new path") {
    withPath { path =>
      Files.createDirectory(new File(path).toPath)
      numbers(0, 10).write.format("ncf").save(path)
      assertSame(read(path), numbers(0, 10))
    }
  }

  test("older versions stay readable") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      numbers(10, 20).write.format("ncf").mode("append").save(path)
      numbers(7, 8).write.format("ncf").mode("overwrite").save(path)
      val at = (v: Int) => spark.read.format("ncf").option("versionAsOf", v.toString).load(path)
      assertSame(at(0), numbers(0, 10))
      assertSame(at(1), numbers(0, 20))
      assertSame(at(2), numbers(7, 8))
    }
  }

  test("a write with txnAppId and txnVersion takes effect once") {
    withPath { path =>
      val write = (version: Int) =>
        numbers(0, 10).write
          .format("ncf")
          .mode("append")
          .option("txnAppId", "nightly")
          .option("txnVersion", version.toString)
          .save(path)
      write(1)
      write(1)
      assert(read(path).count() == 10)
      write(2)
      assert(read(path).count() == 20)
    }
  }

  test("sortBy orders rows within a task; session options reach writes") {
    withPath { path =>
      spark.conf.set("spark.datasource.ncf.sortBy", "a desc")
      try spark.range(0, 1000, 1, 1).selectExpr("(id * 7) % 1000 a").write.format("ncf").save(path)
      finally spark.conf.unset("spark.datasource.ncf.sortBy")
      assert(read(path).collect().map(_.getLong(0)).toSeq == (0L until 1000L).reverse)
    }
  }

  test("a cached data frame is refreshed by a write to its path") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      val cached = read(path).cache()
      assert(cached.count() == 10)
      numbers(10, 20).write.format("ncf").mode("append").save(path)
      assert(read(path).count() == 20)
      cached.unpersist()
    }
  }

  test("a failing job leaves no file and no version") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      val files = dataFiles(path).size
      // The last row fails when the other tasks have reported their files. Those of a task that is
      // killed after its commit stay behind, unknown to the table, for vacuum.
      val ended = SaveModesSuite.ended
      ended.set(0)
      val counting = new SparkListener {
        override def onTaskEnd(end: SparkListenerTaskEnd): Unit = { ended.incrementAndGet(); () }
      }
      val boom = udf { id: Long =>
        if (id == 99999L) {
          SaveModesSuite.awaitEnded(2)
          throw new IllegalStateException("boom")
        }
        id
      }
      val failing =
        spark.range(0, 100000, 1, 3).select(boom(col("id")) as "a", col("id").cast("string") as "s")
      spark.sparkContext.addSparkListener(counting)
      try {
        val message = failure[Exception](failing.write.format("ncf").mode("append").save(path))
        assert(message.contains("boom"))
      } finally spark.sparkContext.removeSparkListener(counting)
      // The job has failed before the last of its other tasks is killed and has cleaned up.
      val deadline = System.nanoTime() + 20L * 1000 * 1000 * 1000
      while (dataFiles(path).size != files && System.nanoTime() < deadline) Thread.sleep(20)
      assert(dataFiles(path).size == files)
      assertSame(read(path), numbers(0, 10))
      assert(io.ncf.jni.Native.liveHandles() == 0)
    }
  }

  test("an append of other columns names every difference") {
    withPath { path =>
      numbers(0, 10).write.format("ncf").save(path)
      val other = spark.range(3).selectExpr("cast(id as double) a", "id extra")
      val message =
        failure[NcfInvalidArgumentException](other.write.format("ncf").mode("append").save(path))
      assert(message.contains("column a is bigint in the table and double here"))
      assert(message.contains("column s (string) is missing"))
      assert(message.contains("column extra (bigint) is not in the table"))
      assertSame(read(path), numbers(0, 10))
    }
  }
}

object SaveModesSuite {

  /** Tasks that have ended, of the job that a test runs. */
  private val ended = new AtomicInteger

  private def awaitEnded(tasks: Int): Unit = {
    val deadline = System.nanoTime() + 60L * 1000 * 1000 * 1000
    while (ended.get() < tasks && System.nanoTime() < deadline) Thread.sleep(10)
  }
}
