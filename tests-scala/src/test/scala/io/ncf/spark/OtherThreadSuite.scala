package io.ncf.spark

import java.io.File
import java.nio.file.Files
import java.util.concurrent.{Executors, TimeUnit}

import scala.concurrent.duration._
import scala.concurrent.{Await, ExecutionContext, Future}
import scala.util.Try

import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec

import io.ncf.jni.Native
import io.ncf.spark.read.{NcfColumnarPartitionReader, NcfInputPartition, NcfPartitionReaderFactory}

/** Scans that are consumed on another thread than the task's. */
class OtherThreadSuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  private def write(path: String): Unit =
    spark.range(0, 200000, 1, 1).selectExpr("id a", "concat('value ', id) s").write
      .format("ncf").save(path)

  /** A reader of all of the table, outside of any task. */
  private def reader(path: String): NcfColumnarPartitionReader = {
    val plan = read(path).queryExecution.executedPlan
    val scan = collectFirst(plan) { case scan: BatchScanExec => scan }.get
    val splits = scan.batch.planInputPartitions().toSeq.flatMap {
      case partition: NcfInputPartition => partition.splits.toSeq
      case other                        => fail(s"a partition of ${other.getClass}")
    }.toArray
    val factory = scan.batch.createReaderFactory().asInstanceOf[NcfPartitionReaderFactory]
    new NcfColumnarPartitionReader(splits, factory.schema, factory.request, null)
  }

  /** Files below `path` that this process has open. */
  private def openFiles(path: String): Int = {
    val links = Option(new File("/proc/self/fd").listFiles()).toSeq.flatten
    // A file may be closed while its link is looked at.
    links.count(link =>
      Try(Files.readSymbolicLink(link.toPath)).toOption.exists(_.startsWith(path))
    )
  }

  test("a batch, and nothing else, outlives the close by a thread that does not read it") {
    withPath { path =>
      write(path)
      val opened = reader(path)
      val executor = Executors.newSingleThreadExecutor()
      implicit val context: ExecutionContext = ExecutionContext.fromExecutor(executor)
      def there[T](body: => T): T = Await.result(Future(body), 60.seconds)
      try {
        assert(there(opened.next()))
        opened.currentMetricsValues()
        assert(openFiles(path) == 1)
        opened.close()
        assert(Native.liveHandles() == 1)
        assert(openFiles(path) == 0)
        assert(there(opened.get().column(1).getUTF8String(8000).toString) == "value 8000")
        assert(!there(opened.next()))
        assert(Native.liveHandles() == 0)
        assert(!there(opened.next()))
      } finally executor.shutdown()
      executor.awaitTermination(10, TimeUnit.SECONDS)
    }
  }

  test("a close frees what a thread that has ended left behind") {
    withPath { path =>
      write(path)
      val opened = reader(path)
      val left = new java.util.concurrent.CountDownLatch(1)
      val thread = new Thread(() => { opened.next(); left.await() })
      thread.start()
      while (Native.liveHandles() == 0) Thread.sleep(10)
      Thread.sleep(200)
      opened.close()
      assert(Native.liveHandles() == 1)
      left.countDown()
      thread.join()
      reader(path).close()
      assert(Native.liveHandles() == 0)
      assert(!opened.next())
      val own = reader(path)
      assert(own.next())
      own.close()
      assert(Native.liveHandles() == 0)
    }
  }

  test("script transformations that end before their input does") {
    withPath { path =>
      write(path)
      read(path).createOrReplaceTempView("t")
      for (_ <- 0 until 20) {
        // Takes all of its input: Spark ends no script that waits for a reader, nor its thread.
        val rows = spark.sql(
          "SELECT TRANSFORM(s) USING 'head -n 1; cat > /dev/null' AS (x STRING) FROM t LIMIT 1"
        )
        assert(rows.head().getString(0).startsWith("value "))
      }
      // Threads that fed a script end soon after it; the next reader frees what they left.
      val deadline = System.nanoTime() + 20_000_000_000L
      while (Native.liveHandles() > 0 && System.nanoTime() < deadline) {
        Thread.sleep(50)
        reader(path).close()
      }
      assert(Native.liveHandles() == 0)
      val all = spark.sql("SELECT TRANSFORM(a) USING 'cat' AS (x BIGINT) FROM t")
      assert(all.selectExpr("sum(x)").head().getLong(0) == 199999L * 100000L)
    }
  }
}
