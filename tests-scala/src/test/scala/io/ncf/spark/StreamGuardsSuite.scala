package io.ncf.spark

import java.io.File

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.streaming.runtime.MemoryStream
import org.apache.spark.sql.streaming.{DataStreamWriter, StreamingQueryException, Trigger}

import io.ncf.jni.{NcfException, NcfInvalidArgumentException}

/** Streams where something else than the next append happens. */
class StreamGuardsSuite extends SparkTestBase {

  private def append(path: String, from: Long, to: Long): Unit =
    spark.range(from, to, 1, 1).toDF("a").write.format("ncf").mode("append").save(path)

  private def writer(source: DataFrame, sink: String): DataStreamWriter[org.apache.spark.sql.Row] =
    source.writeStream
      .format("ncf")
      .option("checkpointLocation", sink + "-checkpoint")
      .trigger(Trigger.AvailableNow())

  private def drain(source: DataFrame, sink: String): Unit =
    writer(source, sink).start(sink).awaitTermination()

  private def source(path: String): DataFrame = spark.readStream.format("ncf").load(path)

  private def erase(file: File): Unit = {
    Option(file.listFiles()).toSeq.flatten.foreach(erase)
    assert(file.delete())
  }

  test("a table that was created again stops the stream") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      append(path, 10, 20)
      drain(source(path), sink)
      erase(new File(path))
      for (i <- 0 until 4) append(path, i * 100L, i * 100L + 5)
      val message = failure[StreamingQueryException](drain(source(path), sink))
      assert(message.contains("not the table that the stream has read"))
      assert(read(sink).count() == 20)
    }
  }

  test("checkpoints without a table id go on") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      drain(source(path), sink)
      val log = new File(sink + "-checkpoint", "offsets/0").toPath
      val text = java.nio.file.Files.readString(log)
      assert(text.contains("\"table\""))
      java.nio.file.Files.writeString(log, text.replaceAll(",\"table\":\"[^\"]*\"", ""))
      new File(sink + "-checkpoint", "offsets/.0.crc").delete()
      append(path, 10, 20)
      drain(source(path), sink)
      assertSame(read(sink), spark.range(20).toDF("a"))
    }
  }

  test("time travel does not fit a stream") {
    withPath { path =>
      append(path, 0, 10)
      append(path, 10, 20)
      for ((option, value) <- Seq("versionAsOf" -> "0", "timestampAsOf" -> "2999-01-01")) {
        val message = failure[NcfInvalidArgumentException](
          drain(spark.readStream.format("ncf").option(option, value).load(path), path + "-sink")
        )
        assert(message.contains("versionAsOf and timestampAsOf do not fit a stream"))
      }
    }
  }

  test("a table that comes into being with other types stops the stream") {
    withPath { path =>
      try {
        spark.sql(s"CREATE TABLE g1 (a BIGINT) USING ncf LOCATION '$path'")
        val query = spark.readStream.table("g1").writeStream
          .format("ncf")
          .option("checkpointLocation", path + "-checkpoint")
          .start(path + "-sink")
        try {
          query.processAllAvailable()
          spark.range(3).selectExpr("cast(id as string) a").write
            .format("ncf").mode("append").save(path)
          val message = failure[NcfException](query.processAllAvailable())
          assert(message.contains("column a is string in the table and bigint here"))
        } finally query.stop()
      } finally { spark.sql("DROP TABLE IF EXISTS g1"); () }
    }
  }

  test("partitionBy holds for a stream to a new path") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      def rows: DataFrame = source(path).selectExpr("a", "a % 2 p")
      writer(rows, sink).partitionBy("p").start(sink).awaitTermination()
      assert(dataFiles(sink).forall(_.getParentFile.getName.startsWith("p=")))
      append(path, 10, 20)
      writer(rows, sink).partitionBy("p").start(sink).awaitTermination()
      assertSame(read(sink), spark.range(20).selectExpr("id a", "id % 2 p"))
      assert(logFiles(sink).size == 2)
    }
  }

  test("a first batch that is delivered again changes nothing") {
    withPath { sink =>
      val session = spark
      import session.implicits._
      val input = MemoryStream[Long](1, session)
      def start(): Unit = {
        val query = input.toDF().writeStream
          .format("ncf").option("checkpointLocation", sink + "-checkpoint").start(sink)
        query.processAllAvailable()
        query.stop()
      }
      input.addData(1L, 2L, 3L)
      start()
      val commits = new File(sink + "-checkpoint", "commits")
      assert(new File(commits, "0").delete())
      new File(commits, ".0.crc").delete()
      start()
      assert(read(sink).collect().map(_.getLong(0)).sorted.toSeq == Seq(1L, 2L, 3L))
    }
  }

  test("complete mode on a new partitioned path, whatever partitionOverwriteMode is") {
    withPath { sink =>
      val session = spark
      import session.implicits._
      spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
      val input = MemoryStream[Long](1, session)
      val query = input.toDF().selectExpr("value % 2 as k").groupBy("k").count().writeStream
        .format("ncf").partitionBy("k").outputMode("complete")
        .option("checkpointLocation", sink + "-checkpoint").start(sink)
      try for ((value, counts) <- Seq(1L -> Seq(1L), 2L -> Seq(1L, 1L), 4L -> Seq(2L, 1L))) {
          input.addData(value)
          query.processAllAvailable()
          assert(
            read(sink).orderBy("k").selectExpr("count").collect().map(_.getLong(0)).toSeq == counts
          )
        }
      finally {
        query.stop()
        spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
      }
    }
  }

  test("a stream takes no transaction of the user's") {
    withPath { path =>
      val sink = path + "-sink"
      append(path, 0, 10)
      for (_ <- 0 until 2) {
        val message = failure[NcfInvalidArgumentException](
          writer(source(path), sink).option("txnAppId", "x").option("txnVersion", "1")
            .start(sink).awaitTermination()
        )
        assert(message.contains("txnAppId and txnVersion do not fit a stream"))
        // Once to a new path, once to a table.
        append(sink, 0, 1)
      }
    }
  }
}
