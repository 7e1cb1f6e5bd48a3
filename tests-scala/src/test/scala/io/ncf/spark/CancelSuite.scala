package io.ncf.spark

import scala.jdk.CollectionConverters._

import org.apache.spark.TaskKilled
import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}

import io.ncf.jni.Native

/** Jobs that are cancelled while their tasks are in native code: those end soon, and free what they
  * hold.
  */
class CancelSuite extends SparkTestBase {

  private val rows = 200000L
  private val columns = 20

  /** Columns that take long to encode, in one block. */
  private def write(path: String): Unit = {
    val texts = (0 until columns).map(i => s"concat(id * ${i + 7919}, ' ', hash(id + $i)) c$i")
    spark.range(0, rows, 1, 1).selectExpr(texts: _*).write.format("ncf").mode("append").save(path)
  }

  private def timed(body: => Unit): Long = {
    val start = System.nanoTime()
    body
    (System.nanoTime() - start) / 1000000
  }

  /** Whether a task is in this method of the native library. */
  private def isIn(method: String): Boolean = Thread.getAllStackTraces.asScala.exists {
    case (thread, frames) =>
      thread.getName.startsWith("Executor task") && frames.exists { frame =>
        frame.getClassName == classOf[Native].getName && frame.getMethodName == method
      }
  }

  /** Runs `job` and cancels it in the native method; milliseconds from there to its end. */
  private def cancelled(method: String, interrupt: Boolean)(job: => Unit): Long = {
    val context = spark.sparkContext
    @volatile var killed = false
    val listener = new SparkListener {
      override def onTaskEnd(end: SparkListenerTaskEnd): Unit = end.reason match {
        case TaskKilled(reason, _, _, _) => killed ||= reason.contains("cancelled job group")
        case _                           => ()
      }
    }
    context.addSparkListener(listener)
    val query = new Thread(() => {
      context.setJobGroup("long", "a job to cancel", interruptOnCancel = interrupt)
      try job
      catch { case _: Exception => () }
    })
    try {
      query.start()
      eventually(s"no task came to $method") {
        assert(query.isAlive, s"the job was over before it was seen in $method")
        isIn(method)
      }
      val taken = timed {
        context.cancelJobGroup("long")
        eventually("native work goes on")(Native.liveHandles() == 0 && !isIn(method))
      }
      query.join()
      eventually("Spark did not take the task for a killed one")(killed)
      taken
    } finally {
      query.join()
      context.removeSparkListener(listener)
    }
  }

  test("a cancelled write stops between two pages, and leaves no file") {
    withPath { path =>
      val whole = timed(write(path))
      val files = dataFiles(path).size
      for (interrupt <- Seq(false, true)) {
        // A block that is not full is encoded when its file is finished, by one native call.
        val taken = cancelled("finishWriter", interrupt)(write(path))
        assert(taken < whole / 2, s"cancelled in $taken ms, the whole write takes $whole")
        eventually("a file is left behind")(dataFiles(path).size == files)
      }
      assert(logFiles(path).size == 1)
    }
  }

  test("a cancelled scan stops between two pages") {
    withPath { path =>
      write(path)
      // Pruned by nothing and true for no row, so that every page is read.
      val wanted = (0 until columns).map(i => s"c$i like '%nowhere%'").mkString(" or ")
      val parts = Seq.fill(4)(read(path)).reduce(_ union _)
      def all(): Unit = assert(parts.where(wanted).count() == 0)
      val whole = timed(all())
      for (interrupt <- Seq(false, true)) {
        val taken = cancelled("nextBatch", interrupt)(all())
        assert(taken < whole / 2, s"cancelled in $taken ms, the whole scan takes $whole")
      }
    }
  }
}
