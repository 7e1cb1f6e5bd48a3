package io.ncf.spark

import org.apache.spark.TaskContext

import io.ncf.jni.{JvmTask, NcfInterruptedException}

/** The task that a reader or a writer works for. Spark kills a task by interrupting its thread,
  * which native code does not see: it asks here before every page.
  */
private[spark] final class KillableTask private (context: TaskContext) extends JvmTask {

  override def isInterrupted(): Boolean = context.isInterrupted()

  /** Ends work that is not wanted any more. Whatever a killed task throws, Spark reports as killed,
    * with its own reason.
    */
  def stopIfKilled(): Unit =
    if (isInterrupted()) throw new NcfInterruptedException("the task was killed")

  def onCompletion(body: => Unit): Unit = {
    context.addTaskCompletionListener[Unit](_ => body)
    ()
  }
}

private[spark] object KillableTask {

  /** The task of this thread, if it is one's. */
  def current: Option[KillableTask] = Option(TaskContext.get()).map(new KillableTask(_))
}
