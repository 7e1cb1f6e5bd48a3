package io.ncf.spark.read

import java.util.{Objects, OptionalLong}

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.metric.{CustomMetric, CustomTaskMetric}
import org.apache.spark.sql.connector.read.Scan.ColumnarSupportMode
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream
import org.apache.spark.sql.connector.read.{
  Batch,
  InputPartition,
  PartitionReaderFactory,
  Scan,
  Statistics,
  SupportsReportStatistics
}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType

import io.ncf.spark.streaming.NcfMicroBatchStream
import io.ncf.spark.{Json, NcfDataset, NcfOptions, ReadSchema, SchemaConverter}

/** A scan of one version of a table: planned once, when Spark first asks for statistics,
  * partitions or a description.
  *
  * @param dataset what is read
  * @param columns the columns to return, each with the fields of structs to return; those that the
  *                dataset lacks are null
  * @param filter  the predicate that rows must pass, evaluated natively
  * @param pushed  the predicates behind `filter`, for `EXPLAIN`
  * @param limit   rows that are enough; Spark still cuts the result
  * @param aggregation what is returned in the place of rows; there are no columns then
  * @param top         which rows of a split are enough; Spark puts the splits' rows in order
  */
private[spark] final class NcfScan(
    val dataset: NcfDataset,
    val columns: StructType,
    val filter: Option[JsonNode],
    val pushed: Seq[Predicate],
    val limit: Option[Int],
    val options: NcfOptions,
    val aggregation: Option[PushedAggregation] = None,
    val top: Option[PushedTop] = None
) extends Scan
    with Batch
    with SupportsReportStatistics {

  private lazy val plan: ScanPlan = aggregation match {
    case Some(aggregated)       => aggregated.plan
    case None if dataset.exists =>
      ScanPlan(dataset, options, dataset.storedColumns(columns).map(_.name), filter, limit)
    case None => ScanPlan.empty
  }

  override def readSchema(): StructType = aggregation.fold(columns)(_.output)

  override def toBatch: Batch = this

  override def columnarSupportMode(): ColumnarSupportMode = ColumnarSupportMode.SUPPORTED

  override def planInputPartitions(): Array[InputPartition] = plan.partitions.toArray

  override def createReaderFactory(): PartitionReaderFactory =
    NcfScan.readerFactory(dataset, columns, filter, options, aggregation, top)

  override def toMicroBatchStream(checkpointLocation: String): MicroBatchStream =
    new NcfMicroBatchStream(dataset, columns, options)

  /** Rows and decoded bytes of what is left after pruning and projection: compressed bytes would
    * let Spark broadcast tables that do not fit. Decoded bytes of text are a guess, so what is
    * stored, times Spark's own factor, is the least.
    */
  override def estimateStatistics(): Statistics = aggregation match {
    case Some(aggregated) => statisticsOf(aggregated)
    case None             => statisticsOfRows()
  }

  /** Of groups nothing is known but that there are no more than rows. */
  private def statisticsOf(aggregated: PushedAggregation): Statistics = {
    val rows = if (aggregated.converted.ungrouped) plan.partitions.length.toLong else plan.rows
    new Statistics {
      override def numRows(): OptionalLong = OptionalLong.of(rows)
      override def sizeInBytes(): OptionalLong =
        OptionalLong.of(rows * (8L + aggregated.output.defaultSize))
    }
  }

  private def statisticsOfRows(): Statistics = new Statistics {
    override def numRows(): OptionalLong = OptionalLong.of(plan.rows)
    override def sizeInBytes(): OptionalLong = OptionalLong.of(
      math.max(
        if (plan.rawBytes > 0) plan.rawBytes else plan.rows * (8L + columns.defaultSize),
        (plan.storedBytes * SQLConf.get.fileCompressionFactor).toLong
      )
    )
  }

  override def supportedCustomMetrics(): Array[CustomMetric] = NcfMetrics.all()

  override def reportDriverMetrics(): Array[CustomTaskMetric] =
    NcfMetrics.values(NcfMetrics.ofDriver, plan.counters)

  override def description(): String = {
    val version = dataset.version.fold("")(v => s" version $v")
    val limited = limit.fold("")(rows => s", limit: $rows")
    val counters = NcfMetrics.ofDriver.map(name => s"$name: ${plan.counters(name)}")
    val aggregated = aggregation.fold("")(pushed => s", ${pushed.description}") +
      top.fold("")(first => s", PushedTopN: ORDER BY ${first.order}")
    s"ncf ${dataset.path}$version, PushedFilters: ${pushed.mkString("[", ", ", "]")}$limited" +
      s"$aggregated, " +
      counters.mkString(", ")
  }

  /** Equal scans read the same rows, so Spark may run one of them. */
  override def equals(other: Any): Boolean = other match {
    case that: NcfScan =>
      dataset == that.dataset && columns == that.columns && filter == that.filter &&
      limit == that.limit && options == that.options &&
      aggregation.map(_.json) == that.aggregation.map(_.json) && top == that.top
    case _ => false
  }

  override def hashCode(): Int = Objects.hash(dataset, columns, filter, limit)

  override def toString: String = description()
}

private[spark] object NcfScan {

  /** Rows of a batch: what Spark's own readers use twice over; columns stay in the CPU's cache. */
  private val batchRows = 8192

  def readerFactory(
      dataset: NcfDataset,
      columns: StructType,
      filter: Option[JsonNode],
      options: NcfOptions,
      aggregation: Option[PushedAggregation] = None,
      top: Option[PushedTop] = None
  ): PartitionReaderFactory = {
    val names = dataset.columnNames
    val stored = StructType(
      columns.map(field => field.copy(name = names.stored(field.name).getOrElse(field.name)))
    )
    val request = Json.obj()
    request.set[JsonNode]("columns", Json.strings(stored.fieldNames))
    aggregation match {
      case None         => request.set[JsonNode]("schema", ReadSchema(dataset.ncfSchema, stored))
      case Some(pushed) =>
        request.set[JsonNode]("schema", dataset.ncfSchema)
        request.set[JsonNode]("aggregation", pushed.json)
        val types = pushed.output.map(_.dataType).flatMap(SchemaConverter.typeName)
        request.set[JsonNode]("aggregationTypes", Json.strings(types))
    }
    filter.foreach { predicate =>
      request.set[JsonNode]("filter", predicate)
      request.set[JsonNode]("filterSchema", dataset.ncfSchema)
    }
    top.foreach(wanted => request.set[JsonNode]("top", wanted.json))
    request.set[JsonNode]("options", options.toJson)
    request.put("batchRows", batchRows)
    val output = aggregation.fold(columns)(_.output)
    NcfPartitionReaderFactory(output, request.toString, dataset.location)
  }
}
