package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.metric.{CustomMetric, CustomSumMetric, CustomTaskMetric}

import io.ncf.spark.Json

// Spark's UI makes metrics from their class names: each needs a class of its own and a constructor
// without arguments.

/** Files that are read. */
final class FilesPlanned extends SumMetric("filesPlanned", "files planned")

/** Files that statistics and partition values ruled out. */
final class FilesPruned extends SumMetric("filesPruned", "files pruned")

/** Blocks that are read. */
final class BlocksPlanned extends SumMetric("blocksPlanned", "blocks planned")

/** Blocks that statistics ruled out. */
final class BlocksPruned extends SumMetric("blocksPruned", "blocks pruned")

/** Runs of 1,024 rows, of planned blocks, that are read. */
final class VectorsPlanned extends SumMetric("vectorsPlanned", "vectors planned")

/** Runs of 1,024 rows, of planned blocks, that statistics and indexes ruled out. */
final class VectorsPruned extends SumMetric("vectorsPruned", "vectors pruned")

/** Runs of rows that are read. */
final class RowRuns extends SumMetric("rowRuns", "row ranges planned")

/** Stored bytes of learned indexes and filters that planning read. */
final class PlanningIndexBytes
    extends SumMetric("planningIndexBytes", "index bytes read while planning")

/** Pages that were read. */
final class PagesRead extends SumMetric("pagesRead", "pages read")

/** Pages that statistics or other columns ruled out. */
final class PagesPruned extends SumMetric("pagesPruned", "pages pruned")

/** Stored bytes that were read. */
final class BytesRead extends SumMetric("bytesRead", "bytes read")

/** Rows that filters looked at. */
final class RowsScanned extends SumMetric("rowsScanned", "rows scanned")

/** Rows that Spark got. */
final class RowsOut extends SumMetric("rowsOut", "rows out")

/** Lookups in a learned index that had to fall back. */
final class IndexMisses extends SumMetric("indexMisses", "index misses")

/** Stored bytes of learned indexes that were read. */
final class IndexBytes extends SumMetric("indexBytes", "index bytes read")

/** Time spent reading, decoding and filtering, of all tasks together. */
final class DecodeTime extends CustomMetric {
  override def name(): String = "decodeTime"
  override def description(): String = "decode time"
  override def aggregateTaskMetrics(nanos: Array[Long]): String =
    f"${nanos.sum / 1e9}%.3f s"
}

/** Native memory that was held at a time, by one of the tasks. */
final class PeakMemory extends CustomMetric {
  override def name(): String = NcfMetrics.peakMemory
  override def description(): String = "peak native memory of a task"
  override def aggregateTaskMetrics(bytes: Array[Long]): String =
    f"${bytes.maxOption.getOrElse(0L) / 1048576d}%.1f MiB"
}

/** A metric that adds up. */
sealed abstract class SumMetric(metric: String, text: String) extends CustomSumMetric {
  override def name(): String = metric
  override def description(): String = text
}

/** The metrics of a scan, in design order; driver and tasks report different ones. */
private[spark] object NcfMetrics {

  def all(): Array[CustomMetric] = Array(
    new FilesPlanned,
    new FilesPruned,
    new BlocksPlanned,
    new BlocksPruned,
    new VectorsPlanned,
    new VectorsPruned,
    new RowRuns,
    new PlanningIndexBytes,
    new PagesRead,
    new PagesPruned,
    new BytesRead,
    new RowsScanned,
    new RowsOut,
    new DecodeTime,
    new IndexMisses,
    new IndexBytes,
    new PeakMemory
  )

  /** The only metric of which the largest value counts. */
  val peakMemory: String = "peakMemory"

  /** What planning knows. */
  val ofDriver: Seq[String] = Seq(
    "filesPlanned",
    "filesPruned",
    "blocksPlanned",
    "blocksPruned",
    "vectorsPlanned",
    "vectorsPruned",
    "rowRuns",
    "planningIndexBytes"
  )

  /** What a task counts. */
  val ofTask: Seq[String] = Seq(
    "pagesRead",
    "pagesPruned",
    "bytesRead",
    "rowsScanned",
    "rowsOut",
    "decodeTime",
    "indexMisses",
    "indexBytes",
    peakMemory
  )

  /** A value that is reported. */
  private final case class Value(name: String, value: Long) extends CustomTaskMetric

  def values(names: Seq[String], value: String => Long): Array[CustomTaskMetric] =
    names.map(name => Value(name, value(name)): CustomTaskMetric).toArray

  /** The task metrics in a scan's JSON, added to what earlier scans counted. */
  def add(earlier: Map[String, Long], json: JsonNode): Map[String, Long] =
    ofTask.map { name =>
      val (before, now) = (earlier.getOrElse(name, 0L), Json.long(json, name))
      name -> (if (name == peakMemory) math.max(before, now) else before + now)
    }.toMap
}
