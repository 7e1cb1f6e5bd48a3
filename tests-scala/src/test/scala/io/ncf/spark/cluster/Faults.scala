package io.ncf.spark.cluster

import java.io.File
import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.TaskContext
import org.apache.spark.sql.expressions.UserDefinedFunction
import org.apache.spark.sql.functions.udf

/** Functions over the column `id` that return it, and on the way do to their task what a test wants.
  * Tasks, attempts and tests tell each other how far they are by files in a folder.
  */
object Faults {

  /** How long one waits for another, in milliseconds. */
  private val patience = 120000L

  // Attempts of this process that have a listener.
  private val listening = ConcurrentHashMap.newKeySet[Long]()

  /** Leaves a mark; false if it was there. */
  def mark(folder: String, name: String): Boolean = new File(folder, name).createNewFile()

  def isMarked(folder: String, name: String): Boolean = new File(folder, name).exists()

  /** Ids of the attempts that were to fail. */
  def failed(folder: String): Seq[String] =
    new File(folder).list().toSeq.filter(_.startsWith("failed-")).map(_.stripPrefix("failed-"))

  /** Waits for a mark. */
  def await(folder: String, name: String): Unit = {
    val deadline = System.currentTimeMillis() + patience
    while (!isMarked(folder, name)) {
      if (System.currentTimeMillis() > deadline) {
        throw new IllegalStateException(s"nobody left $name in $folder")
      }
      Thread.sleep(10)
    }
  }

  /** Runs `body` when the attempt has ended well: its `DataWriter` has committed, and the driver has
    * not heard of it.
    */
  private def whenCommitted(body: TaskContext => Unit): Unit = {
    val context = TaskContext.get()
    if (listening.add(context.taskAttemptId())) {
      context.addTaskCompletionListener[Unit] { context =>
        if (!context.isFailed() && !context.isInterrupted()) body(context)
      }
      ()
    }
  }

  private def halt(): Unit = Runtime.getRuntime.halt(17)

  /** The first attempt that commits takes its process down. */
  def haltAfterCommit(folder: String): UserDefinedFunction = udf { id: Long =>
    whenCommitted(_ => if (mark(folder, "halted")) halt())
    id
  }

  /** First attempts fail at a row; their ids are marked. */
  def failFirst(at: Long, folder: String): UserDefinedFunction = udf { id: Long =>
    if (id == at && TaskContext.get().attemptNumber() == 0) {
      mark(folder, s"failed-${TaskContext.get().taskAttemptId()}")
      throw new IllegalStateException("the first attempt fails")
    }
    id
  }

  /** The first attempt of the task that has the row waits there until it is killed; its id is marked. */
  def stuckAt(at: Long, folder: String): UserDefinedFunction = udf { id: Long =>
    if (id == at && TaskContext.get().attemptNumber() == 0) {
      mark(folder, s"failed-${TaskContext.get().taskAttemptId()}")
      await(folder, "never")
    }
    id
  }

  /** Two attempts of the task that has the row commit, before the driver hears of either. */
  def commitTwice(at: Long, folder: String): UserDefinedFunction = udf { id: Long =>
    if (id == at) {
      val attempt = TaskContext.get().attemptNumber()
      mark(folder, s"started-$attempt")
      if (attempt == 0) await(folder, "started-1")
      whenCommitted { context =>
        mark(folder, s"committed-${context.attemptNumber()}")
        await(folder, s"committed-${1 - context.attemptNumber()}")
      }
    }
    id
  }

  /** The task that has the row kills the driver, and lives on for as long as it can. */
  def killDriver(at: Long, pid: Long): UserDefinedFunction = udf { id: Long =>
    if (id == at) {
      ProcessHandle.of(pid).ifPresent { driver => driver.destroyForcibly(); () }
      Thread.sleep(patience)
    }
    id
  }
}
