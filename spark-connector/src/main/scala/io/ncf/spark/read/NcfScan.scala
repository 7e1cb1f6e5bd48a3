package io.ncf.spark.read

import java.util
import java.util.{Objects, OptionalLong}

import scala.jdk.CollectionConverters._

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{
  Expressions,
  NamedReference,
  NullOrdering,
  SortDirection,
  SortOrder
}
import org.apache.spark.sql.connector.metric.{CustomMetric, CustomTaskMetric}
import org.apache.spark.sql.connector.read.Scan.ColumnarSupportMode
import org.apache.spark.sql.connector.read.colstats.ColumnStatistics
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream
import org.apache.spark.sql.connector.read.{
  PartitionReaderFactory,
  Scan,
  Statistics,
  SupportsReportOrdering,
  SupportsReportStatistics,
  SupportsRuntimeV2Filtering
}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType

import io.ncf.spark.streaming.NcfMicroBatchStream
import io.ncf.spark.{
  Json,
  NcfDataSource,
  NcfDataset,
  NcfErrors,
  NcfOptions,
  ReadSchema,
  SchemaConverter
}

/** A scan of one version of a table: planned once, when Spark first asks for statistics,
  * partitions or a description.
  *
  * @param dataset what is read
  * @param columns the columns to return, each with the fields of structs to return; those that the
  *                dataset lacks are null
  * @param filter  the predicate that rows must pass, evaluated natively
  * @param pushed  the predicates behind `filter`, for `EXPLAIN`
  * @param limit   rows that are enough, of each task; Spark still cuts the result
  * @param estimate how many rows pass the filter
  * @param aggregation what is returned in the place of rows; there are no columns then
  * @param sample      the only rows that filter, aggregation and order see
  * @param top         which rows of a split are enough; Spark puts the splits' rows in order
  */
private[spark] final class NcfScan(
    val dataset: NcfDataset,
    val columns: StructType,
    val filter: Option[JsonNode],
    val pushed: Seq[Predicate],
    val limit: Option[Int],
    val options: NcfOptions,
    estimate: ScanEstimate,
    val aggregation: Option[PushedAggregation] = None,
    val top: Option[PushedTop] = None,
    val sample: Option[PushedSample] = None
) extends Scan
    with SupportsReportStatistics
    with SupportsReportOrdering
    with SupportsRuntimeV2Filtering {

  private val runtime = new RuntimeFilters(this)

  private[read] lazy val plan: ScanPlan = aggregation match {
    case Some(aggregated)       => aggregated.plan
    case None if dataset.exists => planned(filter, if (top.isEmpty) "wanted" else "ignored")
    case None                   => ScanPlan.empty
  }

  /** The plan to read the columns of rows that pass a further filter, in the order that was reported
    * to Spark.
    */
  private[read] def planned(filter: Option[JsonNode]): ScanPlan = {
    val again = planned(filter, if (plan.ordering.isEmpty) "ignored" else "kept")
    // A bare directory may have other files by now, whose rows Spark would take to be in order.
    if (again.partitions.nonEmpty && !again.ordering.startsWith(plan.ordering))
      throw NcfErrors.changedWhileRead(dataset.path)
    again
  }

  private def planned(filter: Option[JsonNode], order: String): ScanPlan =
    ScanPlan(
      dataset,
      options,
      dataset.storedColumns(columns).map(_.name),
      filter,
      limit,
      sample = sample,
      order = order
    )

  /** The order that the rows of every partition are in: each is of one file, or of files that follow
    * one another.
    */
  override def outputOrdering(): Array[SortOrder] = {
    val names = columns.fieldNames
    val stored = dataset.columnNames
    // Spark finds columns by their names, among all of the table.
    val all = (names ++ dataset.schema.fieldNames).distinct
    val same = SQLConf.get.resolver
    def unique(name: String) = all.count(same(_, name)) == 1
    val keys = plan.ordering.map { key =>
      names.find(name => unique(name) && stored.stored(name).contains(key.name)).map { name =>
        Expressions.sort(
          Expressions.column(NcfDataSource.quoted(name)),
          if (key.descending) SortDirection.DESCENDING else SortDirection.ASCENDING,
          if (key.nullsFirst) NullOrdering.NULLS_FIRST else NullOrdering.NULLS_LAST
        )
      }
    }
    keys.takeWhile(_.isDefined).flatten.toArray
  }

  override def readSchema(): StructType = aggregation.fold(columns)(_.output)

  override def toBatch: NcfBatch = new NcfBatch(this, runtime.take())

  override def filterAttributes(): Array[NamedReference] = runtime.attributes

  override def filter(predicates: Array[Predicate]): Unit = runtime.filter(predicates.toSeq)

  override def columnarSupportMode(): ColumnarSupportMode = ColumnarSupportMode.SUPPORTED

  private[read] def readerFactory: PartitionReaderFactory = {
    val output = aggregation.fold(columns)(_.output)
    NcfPartitionReaderFactory(output, request(filter), dataset.location, runtime.requests, limit)
  }

  /** What tasks open splits with, to read the rows that pass `filter`. */
  private[read] def request(filter: Option[JsonNode]): String =
    NcfScan.request(dataset, columns, filter, options, aggregation, top, sample)

  override def toMicroBatchStream(checkpointLocation: String): MicroBatchStream =
    new NcfMicroBatchStream(dataset, columns, options)

  /** Rows and decoded bytes of what is left after filter and projection: compressed bytes would
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

  private def statisticsOfRows(): Statistics = {
    val passing = if (filter.isDefined && plan.rows > 0) estimate.rows else plan.rows
    val rows = sample.fold(passing)(taken => math.ceil(passing * taken.share).toLong)
    val every = math.max(
      if (plan.rawBytes > 0) plan.rawBytes else plan.rows * (8L + columns.defaultSize),
      (plan.storedBytes * SQLConf.get.fileCompressionFactor).toLong
    )
    val conf = SQLConf.get
    new Statistics {
      override def numRows(): OptionalLong = OptionalLong.of(rows)
      override def sizeInBytes(): OptionalLong =
        OptionalLong.of(math.ceil(every.toDouble * rows / math.max(1L, plan.rows)).toLong)

      /** Nobody asks for these unless the session says so, and they have to be read. */
      override def columnStats(): util.Map[NamedReference, ColumnStatistics] =
        if (dataset.exists && (conf.cboEnabled || conf.planStatsEnabled))
          estimate.columns(columns).asJava
        else util.Map.of()
    }
  }

  override def supportedCustomMetrics(): Array[CustomMetric] = NcfMetrics.all()

  override def reportDriverMetrics(): Array[CustomTaskMetric] =
    NcfMetrics.values(NcfMetrics.ofDriver, runtime.latestPlan.getOrElse(plan).counters)

  override def description(): String = {
    val version = dataset.version.fold("")(v => s" version $v")
    val limited = limit.fold("")(rows => s", limit: $rows")
    val counters = NcfMetrics.ofDriver.map(name => s"$name: ${plan.counters(name)}")
    val aggregated = aggregation.fold("")(pushed => s", ${pushed.description}") +
      top.fold("")(first => s", PushedTopN: ORDER BY ${first.order}") +
      sample.fold("")(taken => s", ${taken.description}")
    s"ncf ${dataset.path}$version, PushedFilters: ${pushed.mkString("[", ", ", "]")}$limited" +
      s"$aggregated, " +
      counters.mkString(", ")
  }

  /** Equal scans read the same rows, so Spark may run one of them. */
  override def equals(other: Any): Boolean = other match {
    case that: NcfScan =>
      dataset == that.dataset && columns == that.columns && filter == that.filter &&
      limit == that.limit && options == that.options &&
      aggregation.map(_.json) == that.aggregation.map(_.json) && top == that.top &&
      sample == that.sample
    case _ => false
  }

  override def hashCode(): Int = Objects.hash(dataset, columns, filter, limit)

  override def toString: String = description()
}

private[spark] object NcfScan {

  /** Rows of a batch: what Spark's own readers use twice over; columns stay in the CPU's cache. */
  private val batchRows = 8192

  /** A reader of all rows. */
  def readerFactory(
      dataset: NcfDataset,
      columns: StructType,
      options: NcfOptions
  ): PartitionReaderFactory = {
    val every = request(dataset, columns, None, options, None, None, None)
    NcfPartitionReaderFactory(columns, every, dataset.location)
  }

  private def request(
      dataset: NcfDataset,
      columns: StructType,
      filter: Option[JsonNode],
      options: NcfOptions,
      aggregation: Option[PushedAggregation],
      top: Option[PushedTop],
      sample: Option[PushedSample]
  ): String = {
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
    sample.foreach(wanted => request.set[JsonNode]("sample", wanted.json))
    request.set[JsonNode]("options", options.toJson)
    request.put("batchRows", batchRows)
    request.toString
  }
}
