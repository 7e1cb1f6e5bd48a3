package io.ncf.spark.read

import java.util.{Optional, OptionalLong}

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.NamedReference
import org.apache.spark.sql.connector.read.colstats.ColumnStatistics
import org.apache.spark.sql.types._

import io.ncf.spark.{Json, NcfDataset, NcfOptions, ScalarReader, SchemaConverter}

/** How many rows of a dataset pass a filter, found out when it is first asked for: Spark's size of a
  * scan is that of its rows, not of the table.
  */
private[read] final class ScanEstimate(
    dataset: NcfDataset,
    options: NcfOptions,
    filter: Option[JsonNode]
) {

  private def windows: Long =
    options.get(NcfOptions.EstimateWindows).fold(ScanEstimate.windows)(_.trim.toLong)

  private lazy val plan = ScanPlan(dataset, options, Seq.empty, filter, estimateWindows = windows)

  /** The rows; those of the blocks that are read where nothing better is known. */
  def rows: Long = plan.estimatedRows.getOrElse(plan.rows)

  /** What these are of all rows of the dataset. */
  def share: Double = rows.toDouble / math.max(1L, dataset.rows.getOrElse(plan.rows))

  /** What statistics say of columns, cut to the rows that are left. */
  def columns(schema: StructType): Map[NamedReference, ColumnStatistics] = {
    val stored = dataset.columnNames
    val names = schema.flatMap(field => stored.stored(field.name).map(field -> _))
    val summaries =
      ScanPlan(dataset, options, names.map(_._2), filter, summarise = true).summaries
    val passing = math.min(1.0, rows.toDouble / math.max(1L, plan.rows))
    names.flatMap { case (field, name) =>
      summaries.get(name).map { summary =>
        val statistics = new NcfColumnStatistics(summary, field.dataType, rows, passing)
        ScanEstimate.reference(field.name) -> (statistics: ColumnStatistics)
      }
    }.toMap
  }
}

private[read] object ScanEstimate {

  /** So many pages of a column are read in milliseconds. */
  private val windows = 8L

  /** Spark finds the column by this description, without quotes. */
  private def reference(column: String): NamedReference = new NamedReference {
    override def fieldNames(): Array[String] = Array(column)
    override def describe(): String = column
    override def toString: String = column
  }
}

/** What statistics say of one column.
  *
  * @param summary of the planned blocks (`ncf::dataset::ColumnSummary`)
  * @param rows    that pass the filter
  * @param share   what they are of the rows of the planned blocks
  */
private[read] final class NcfColumnStatistics(
    summary: JsonNode,
    dataType: DataType,
    rows: Long,
    share: Double
) extends ColumnStatistics {

  override def distinctCount(): OptionalLong =
    OptionalLong.of(math.min(Json.long(summary, "distinct"), rows))

  override def min(): Optional[AnyRef] = bound("min")

  override def max(): Optional[AnyRef] = bound("max")

  override def nullCount(): OptionalLong =
    OptionalLong.of(math.ceil(Json.long(summary, "nulls") * share).toLong)

  override def avgLen(): OptionalLong = length

  override def maxLen(): OptionalLong = length

  /** Spark has no use for bounds of text; a NaN, which is the greatest, is no bound of ours. */
  private def bound(name: String): Optional[AnyRef] = {
    val usable = dataType match {
      case StringType | BinaryType => false
      case other => SchemaConverter.typeName(other).isDefined && Json.long(summary, "nans") == 0
    }
    val scalar = Option(summary.get(name)).filterNot(_.isNull).filter(_ => usable)
    scalar.map(ScalarReader.read(_, dataType).asInstanceOf[AnyRef]).fold(
      Optional.empty[AnyRef]()
    )(Optional.of(_))
  }

  private def length: OptionalLong = dataType match {
    case StringType | BinaryType => OptionalLong.empty()
    case fixed                   => OptionalLong.of(fixed.defaultSize.toLong)
  }
}
