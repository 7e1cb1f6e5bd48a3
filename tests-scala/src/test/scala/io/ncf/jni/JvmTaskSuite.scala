package io.ncf.jni

import java.nio.file.{Files, Path}
import java.util.concurrent.atomic.AtomicInteger

import scala.util.Using

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.sql.types.{IntegerType, StructType}
import org.scalatest.funsuite.AnyFunSuite

/** Tasks that are killed while native code works for them. */
class JvmTaskSuite extends AnyFunSuite {

  /** Is killed after so many questions. */
  private final class Killed(after: Int) extends JvmTask {
    val asked = new AtomicInteger
    override def isInterrupted(): Boolean = asked.getAndIncrement() >= after
  }

  private val json = new ObjectMapper
  private val rows = 200000
  private val pages = 4
  private val schema = """{"fields":[{"id":1,"name":"a","type":"int","nullable":true}]}"""

  private def withFile(body: Path => Unit): Unit = {
    val folder = Files.createTempDirectory("ncf-task-")
    val file = folder.resolve("a.ncf")
    try body(file)
    finally {
      Files.deleteIfExists(file)
      Files.delete(folder)
    }
    assert(Native.liveHandles() == 0)
  }

  private def write(file: Path, task: JvmTask): Unit = {
    val request = s"""{"file":${json.writeValueAsString(file.toString)},"schema":$schema}"""
    Using.resource(new BatchBuilder(new StructType().add("a", IntegerType))) { batch =>
      Using.resource(NativeWriter.open(request, null, null, task)) { writer =>
        (0 until rows).foreach { row =>
          batch.column(0).appendInt(row)
          if (batch.rowDone()) writer.write(batch)
        }
        writer.write(batch)
        writer.finish()
      }
    }
  }

  private def scan(file: Path, task: JvmTask): Long = {
    val path = json.writeValueAsString(file.toString)
    val plan = json.readTree(Native.planScan(s"""{"path":$path,"columns":["a"]}""", null))
    val split = plan.get("splits").get(0)
    val request = s"""{"split":$split,"columns":["a"],"schema":$schema}"""
    Using.resource(NativeScan.open(request, null, null, task)) { scan =>
      Iterator.continually(scan.nextBatch()).takeWhile(_ != 0L).map(ArrowLayout.length).sum.toLong
    }
  }

  test("a scan of a killed task ends before the next page") {
    withFile { file =>
      write(file, null)
      val alive = new Killed(after = Int.MaxValue)
      assert(scan(file, alive) == rows)
      assert(alive.asked.get() == pages)
      val killed = new Killed(after = 1)
      intercept[NcfInterruptedException](scan(file, killed))
      assert(killed.asked.get() == 2)
    }
  }

  test("a writer of a killed task ends before the next page, and its file goes") {
    withFile { file =>
      val alive = new Killed(after = Int.MaxValue)
      write(file, alive)
      // Each page is encoded, compared and written.
      assert(alive.asked.get() >= 3 * pages)
      Files.delete(file)
      for (after <- Seq(0, 2, alive.asked.get() - 1)) {
        val killed = new Killed(after)
        val message = intercept[NcfInterruptedException](write(file, killed)).getMessage
        assert(message.contains("interrupted") && message.contains(file.toString))
        assert(killed.asked.get() == after + 1)
        assert(!Files.exists(file))
      }
    }
  }

  test("a task that cannot be asked goes on") {
    withFile { file =>
      write(file, () => throw new IllegalStateException("no answer"))
      assert(scan(file, () => throw new StackOverflowError()) == rows)
    }
  }
}
