package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.streaming.runtime.MemoryStream
import org.apache.spark.sql.streaming.{StreamingQueryException, Trigger}

/** Streams from and to tables. */
class StreamingSuite extends SparkTestBase {

  private def append(path: String, from: Long, to: Long): Unit =
    spark.range(from, to, 1, 1).toDF("a").write.format("ncf").mode("append").save(path)

  /** Runs what is available into `sink` and stops. */
  private def drain(source: DataFrame, sink: String, mode: String = "append"): Unit = {
    val query = source.writeStream
      .format("ncf")
      .outputMode(mode)
      .option("checkpointLocation", sink + "-checkpoint")
      .trigger(Trigger.AvailableNow())
      .start(sink)
    query.awaitTermination()
  }

  test("a stream reads the snapshot first, then what appends add, across restarts") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      append(path, 10, 20)
      def source: DataFrame = spark.readStream.format("ncf").load(path)
      drain(source, sink)
      assertSame(read(sink), spark.range(20).toDF("a"))
      drain(source, sink)
      assert(read(sink).count() == 20)
      append(path, 20, 25)
      append(path, 25, 30)
      drain(source, sink)
      assertSame(read(sink), spark.range(30).toDF("a"))
    }
  }

  test("a stream over a table that was overwritten stops with an error") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      drain(spark.readStream.format("ncf").load(path), sink)
      spark.range(3).toDF("a").write.format("ncf").mode("overwrite").save(path)
      val message = failure[StreamingQueryException](
        drain(spark.readStream.format("ncf").load(path), sink)
      )
      assert(message.contains("removed files") && message.contains("new checkpoint"))
    }
  }

  test("an epoch that is delivered again changes nothing") {
    withPath { sink =>
      val session = spark
      import session.implicits._
      val input = MemoryStream[Long](1, session)
      def start(): Unit = {
        val query = input.toDF().writeStream
          .format("ncf")
          .option("checkpointLocation", sink + "-checkpoint")
          .start(sink)
        query.processAllAvailable()
        query.stop()
      }
      input.addData(1L, 2L, 3L)
      start()
      input.addData(4L)
      start()
      assert(read(sink).collect().map(_.getLong(0)).sorted.toSeq == Seq(1L, 2L, 3L, 4L))
      // As if the driver had died between NCF's commit and Spark's: the last epoch runs again.
      val commits = new java.io.File(sink + "-checkpoint", "commits")
      val last = commits.listFiles().filter(_.getName.matches("\\d+")).maxBy(_.getName.toInt)
      assert(last.delete())
      new java.io.File(commits, s".${last.getName}.crc").delete()
      start()
      assert(read(sink).collect().map(_.getLong(0)).sorted.toSeq == Seq(1L, 2L, 3L, 4L))
    }
  }

  test("complete mode replaces the table in every epoch") {
    withPath { sink =>
      val session = spark
      import session.implicits._
      val input = MemoryStream[Long](1, session)
      val query = input.toDF().selectExpr("value % 2 as k").groupBy("k").count().writeStream
        .format("ncf")
        .outputMode("complete")
        .option("checkpointLocation", sink + "-checkpoint")
        .start(sink)
      try {
        input.addData(1L, 2L, 3L)
        query.processAllAvailable()
        assert(read(sink).orderBy("k").collect().map(_.getLong(1)).toSeq == Seq(1L, 2L))
        input.addData(4L)
        query.processAllAvailable()
        assert(read(sink).orderBy("k").collect().map(_.getLong(1)).toSeq == Seq(2L, 2L))
      } finally query.stop()
    }
  }

  test("a stream appends to a partitioned table") {
    withPath { sink =>
      spark.range(0).selectExpr("id a", "id % 2 p").write.format("ncf").partitionBy("p").save(sink)
      val source = sink + "-source"
      append(source, 0, 10)
      drain(spark.readStream.format("ncf").load(source).selectExpr("a", "a % 2 p"), sink)
      assertSame(read(sink), spark.range(10).selectExpr("id a", "id % 2 p"))
    }
  }
}
