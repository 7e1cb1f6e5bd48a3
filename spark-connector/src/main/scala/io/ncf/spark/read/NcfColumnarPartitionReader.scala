package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.connector.metric.CustomTaskMetric
import org.apache.spark.sql.connector.read.PartitionReader
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}
import org.apache.spark.{TaskContext, TaskKilledException}

import io.ncf.jni.{ArrowLayout, JvmStorage, NativeScan, NcfColumnVector}
import io.ncf.spark.Json

/** Reads splits one after the other. There is one batch object, whose columns are pointed at each
  * batch in turn: a batch is valid until `next` or `close`.
  *
  * @param splits  the splits' JSON
  * @param schema  the columns of the batches
  * @param request the rest of `openScan`'s request
  * @param storage where the files are, null for local ones
  */
private[spark] final class NcfColumnarPartitionReader(
    splits: Array[String],
    schema: StructType,
    request: String,
    storage: JvmStorage
) extends PartitionReader[ColumnarBatch] {

  private val vectors = schema.fields.map(field => new NcfColumnVector(field.dataType))
  private val batch = new ColumnarBatch(vectors.toArray[ColumnVector])
  private val context = Option(TaskContext.get())

  private var nextSplit = 0
  private var scan: Option[NativeScan] = None
  private var counted = Map.empty[String, Long]

  // A killed task does not always close its readers.
  context.foreach(_.addTaskCompletionListener[Unit](_ => close()))

  override def next(): Boolean = {
    var found = false
    while (!found && advance()) found = batch.numRows() > 0
    found
  }

  override def get(): ColumnarBatch = batch

  /** Loads the next batch, which may be empty; false at the end of the last split. */
  private def advance(): Boolean = {
    stopIfKilled()
    scan match {
      case Some(open) =>
        val array = open.nextBatch()
        if (array == 0L) closeScan() else load(array)
        true
      case None if nextSplit < splits.length =>
        scan = Some(NativeScan.open(openRequest(splits(nextSplit)), storage))
        nextSplit += 1
        true
      case None => false
    }
  }

  /** Native code does not see the interruption by which Spark kills a task. */
  private def stopIfKilled(): Unit = context.filter(_.isInterrupted()).foreach { _ =>
    close()
    throw new TaskKilledException
  }

  private def load(array: Long): Unit = {
    var index = 0
    while (index < vectors.length) {
      vectors(index).reset(ArrowLayout.child(array, index))
      index += 1
    }
    batch.setNumRows(ArrowLayout.length(array))
  }

  private def openRequest(split: String): String = {
    val node = Json.parse(request).asInstanceOf[ObjectNode]
    node.set[JsonNode]("split", Json.parse(split))
    node.toString
  }

  override def currentMetricsValues(): Array[CustomTaskMetric] = {
    val now = counts()
    NcfMetrics.values(NcfMetrics.ofTask, name => now.getOrElse(name, 0L))
  }

  /** Spark hands over what the task's earlier partitions counted. */
  override def initMetricsValues(metrics: Array[CustomTaskMetric]): Unit =
    counted = metrics.map(metric => metric.name() -> metric.value()).toMap

  private def counts(): Map[String, Long] =
    scan.fold(counted)(open => NcfMetrics.add(counted, Json.parse(open.metrics())))

  private def closeScan(): Unit = {
    batch.setNumRows(0)
    try counted = counts()
    finally {
      scan.foreach(_.close())
      scan = None
    }
  }

  override def close(): Unit = {
    nextSplit = splits.length
    if (scan.isDefined) closeScan()
  }
}
