package io.ncf.spark.write

import org.apache.spark.sql.connector.metric.{CustomMetric, CustomSumMetric, CustomTaskMetric}

/** Stored bytes of finished files. */
final class BytesWritten extends CustomSumMetric {
  override def name(): String = WriteMetrics.bytes
  override def description(): String = "bytes written"
}

/** Rows written. */
final class RecordsWritten extends CustomSumMetric {
  override def name(): String = WriteMetrics.records
  override def description(): String = "records written"
}

private[spark] object WriteMetrics {

  // Task metrics of exactly these names become Spark's own output metrics.
  val bytes = "bytesWritten"
  val records = "recordsWritten"

  private final case class Value(name: String, value: Long) extends CustomTaskMetric

  def all(): Array[CustomMetric] = Array(new BytesWritten, new RecordsWritten)

  def values(bytesWritten: Long, rows: Long): Array[CustomTaskMetric] =
    Array(Value(bytes, bytesWritten), Value(records, rows))
}
