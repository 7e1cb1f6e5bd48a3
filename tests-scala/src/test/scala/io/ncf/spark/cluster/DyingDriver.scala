package io.ncf.spark.cluster

import java.nio.file.{Files, Path => LocalPath}

import scala.util.Using

import org.apache.hadoop.fs.Path
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.functions.col

import io.ncf.spark.storage.FakeFileSystem

/** A driver that appends to a table on the fake store, and dies on the way. Arguments: where it dies,
  * and the table's URL.
  */
object DyingDriver {

  /** Exit status of a driver that took its own life. */
  val Status = 86

  // In the order in which a write comes by.
  val BeforeTasks = "before any task"
  val InTask = "in a task"
  val AfterTasks = "after the tasks, before the commit"
  val BeforePut = "before the put"
  val AfterPut = "after the put, before it returns"
  val AfterCommit = "after the commit"

  /** All points, and whether the write is part of the table then. */
  val points: Seq[(String, Boolean)] = Seq(
    BeforeTasks -> false,
    InTask -> false,
    AfterTasks -> false,
    BeforePut -> false,
    AfterPut -> true,
    AfterCommit -> true
  )

  /** The rows: `id` from first to last, exclusive. */
  val (first, last) = (1000L, 5000L)

  /** What makes the write one that takes effect once. */
  val transaction: Map[String, String] = Map("txnAppId" -> "dying", "txnVersion" -> "1")

  private def die(): Unit = Runtime.getRuntime.halt(Status)

  def main(arguments: Array[String]): Unit = {
    val (point, url) = (arguments(0), arguments(1))
    val spark = SparkSession.builder().appName(point).getOrCreate()
    val rows = spark.range(first, last, 1, 2)
    val columns =
      if (point == InTask) Faults.killDriver(last - 1, ProcessHandle.current().pid())(col("id"))
      else col("id")
    prepare(point, url)
    rows.select(columns.as("id")).write
      .format("ncf").mode("append").options(transaction).save(url)
    if (point == AfterCommit) die()
  }

  /** Makes the store end this process. */
  private def prepare(point: String, url: String): Unit = {
    val data = LocalPath.of(new Path(url).toUri.getPath, "data")
    def files: Long = Using.resource(Files.list(data))(_.count())
    val before = files
    def isRecord(path: Path): Boolean = path.getName.endsWith(".json")
    point match {
      case BeforeTasks =>
        FakeFileSystem.onMakeDirectory = path => if (path.getName == "log") die()
      case AfterTasks =>
        // Nothing but a commit looks into the log when there are new files.
        FakeFileSystem.onStatus =
          path => if (path.toString.contains("/_ncf/log") && files > before) die()
      case BeforePut => FakeFileSystem.beforeRename = path => if (isRecord(path)) die()
      case AfterPut  => FakeFileSystem.afterRename = path => if (isRecord(path)) die()
      case _         => ()
    }
  }
}
