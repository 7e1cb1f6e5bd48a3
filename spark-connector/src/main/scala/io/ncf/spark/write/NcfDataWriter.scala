package io.ncf.spark.write

import java.util

import scala.util.control.NonFatal

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.metric.CustomTaskMetric
import org.apache.spark.sql.connector.write.{DataWriter, WriterCommitMessage}

import io.ncf.jni.{BatchBuilder, NativeWriter, TaskMemory}
import io.ncf.spark.{Json, KillableTask}

/** Writes the rows of one task: a file for each run of rows with equal partition values, and none
  * for no rows. Rows arrive ordered by the partition columns, so one file is open at a time.
  *
  * `commit`, `abort` and `close` may come in any order and more than once.
  *
  * @param attempt distinguishes the attempts of a task, which may run at the same time
  */
private[spark] final class NcfDataWriter(job: WriteJob, partition: Int, attempt: Long)
    extends DataWriter[InternalRow] {

  private val task = KillableTask.current
  private val memory = TaskMemory.ofTask()
  private val batch = new BatchBuilder(job.columns, memory)
  private var open: Option[OpenFile] = None

  // Spark closes no writer that could not be made.
  task.foreach(_.onCompletion(close()))

  private val rows = new RowWriter(job, batch)
  private val key =
    if (job.partitionColumns.isEmpty) None
    else Some(new PartitionKey(job.input, job.partitionColumns))

  private var finished = Vector.empty[WrittenFile]
  private var opened = 0
  private var rowsWritten = 0L
  private var bytesWritten = 0L

  /** The file that rows go to. */
  private final class OpenFile(val path: String, val values: Seq[(String, Option[String])]) {
    val writer: NativeWriter = openNative(path)
  }

  override def write(row: InternalRow): Unit = {
    if (key.exists(_.changes(row))) finishFile()
    if (open.isEmpty) openFile(row)
    if (rows.append(row)) flush()
    rowsWritten += 1
  }

  /** Finishes the last file, so that Spark counts it, which reads metrics before it commits. */
  override def writeAll(records: util.Iterator[InternalRow]): Unit = {
    while (records.hasNext) write(records.next())
    finishFile()
  }

  override def commit(): WriterCommitMessage = {
    finishFile()
    // Spark would drop the message of a killed task, files and all; instead it aborts, which deletes.
    task.foreach(_.stopIfKilled())
    NcfCommitMessage(finished)
  }

  override def abort(): Unit = {
    dropOpenFile()
    TableCommit.deleteQuietly(job.location, finished)
    finished = Vector.empty
  }

  override def close(): Unit = {
    dropOpenFile()
    batch.close()
  }

  override def currentMetricsValues(): Array[CustomTaskMetric] =
    WriteMetrics.values(bytesWritten, rowsWritten)

  private def openFile(row: InternalRow): Unit = {
    val values = key.fold(Seq.empty[(String, Option[String])])(_.values(row))
    val name = s"r${job.readVersion}-${job.jobId}-$partition-$attempt-$opened.ncf"
    opened += 1
    open = Some(new OpenFile(s"data/${PartitionKey.directories(values)}$name", values))
  }

  private def openNative(path: String): NativeWriter = {
    val request = Json.obj()
    request.put("file", job.location.file(path))
    request.set[JsonNode]("schema", Json.parse(job.fileSchema))
    request.set[JsonNode]("options", Json.parse(job.options))
    request.set[JsonNode]("sortedBy", Json.parse(job.sortedBy))
    NativeWriter.open(request.toString, job.location.storage, memory, task.orNull)
  }

  private def flush(): Unit = {
    task.foreach(_.stopIfKilled())
    open.foreach(_.writer.write(batch))
  }

  private def finishFile(): Unit = open.foreach { file =>
    flush()
    open = None
    val summary = file.writer.finish()
    finished :+= WrittenFile(file.path, summary, file.values)
    bytesWritten += Json.long(Json.parse(summary), "bytes")
  }

  private def dropOpenFile(): Unit = {
    try open.foreach(_.writer.close())
    catch { case NonFatal(_) => () } // The file is unknown to the table: vacuum removes it.
    open = None
  }
}
