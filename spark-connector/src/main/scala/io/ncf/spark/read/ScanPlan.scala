package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.internal.SQLConf

import io.ncf.jni.{Native, NativeLibrary}
import io.ncf.spark.{Json, NcfDataset, NcfOptions}

/** What a scan will read, after pruning.
  *
  * @param counters    by the names of [[NcfMetrics.ofDriver]]
  * @param rows        rows of the planned blocks, before filters
  * @param rawBytes    bytes of the projected columns of those rows, decoded, estimated from types
  * @param storedBytes bytes of the same, as stored
  * @param ordering    what the rows of every partition are ordered by, by the dataset's names; nothing
  *                    where they may be in no order
  * @param aggregates  whether scans may carry out the aggregation that was asked for
  * @param answer      the rows of the aggregation, where nothing has to be read for them
  * @param estimatedRows rows that pass the filter, where that was asked for
  * @param summaries   what is known of columns, by the dataset's names, where that was asked for
  */
private[spark] final case class ScanPlan(
    counters: Map[String, Long],
    rows: Long,
    rawBytes: Long,
    storedBytes: Long,
    partitions: Array[NcfInputPartition],
    ordering: Seq[OrderedColumn],
    aggregates: Boolean,
    answer: Option[Seq[Seq[JsonNode]]],
    estimatedRows: Option[Long],
    summaries: Map[String, JsonNode]
)

/** A column that rows are ordered by, in the order of Spark's own `ORDER BY`. */
private[spark] final case class OrderedColumn(
    name: String,
    descending: Boolean,
    nullsFirst: Boolean
)

private[spark] object OrderedColumn {

  def apply(node: JsonNode): OrderedColumn = OrderedColumn(
    node.get("column").asText(),
    node.get("descending").asBoolean(),
    node.get("nullsFirst").asBoolean()
  )
}

private[spark] object ScanPlan {

  /** Ranges of rows of files, which one task reads. */
  private final case class Task(splits: Seq[String], rows: Long)

  val empty: ScanPlan =
    ScanPlan(
      NcfMetrics.ofDriver.map(_ -> 0L).toMap,
      0L,
      0L,
      0L,
      Array.empty[NcfInputPartition],
      Nil,
      aggregates = false,
      None,
      None,
      Map.empty
    )

  /** Prunes and splits.
    *
    * @param dataset     what to read, at the version that it was opened at
    * @param columns     the columns to read, all of the dataset
    * @param filter      the predicate to prune by
    * @param limit       rows that are enough
    * @param versionFrom read only files added after this version
    * @param aggregation what is wanted in the place of rows; then `columns` does not count
    * @param sample      the only rows wanted, where not all are
    * @param estimateWindows windows of rows that are filtered to estimate how many rows pass
    * @param summarise   whether statistics of the columns are wanted
    * @param order       what is done about the order of rows: `ignored`, `wanted` where it costs no task,
    *                    or `kept`, which another plan of the scan has found
    */
  def apply(
      dataset: NcfDataset,
      options: NcfOptions,
      columns: Seq[String],
      filter: Option[JsonNode],
      limit: Option[Int] = None,
      versionFrom: Option[Long] = None,
      aggregation: Option[JsonNode] = None,
      sample: Option[PushedSample] = None,
      estimateWindows: Long = 0L,
      summarise: Boolean = false,
      order: String = "ignored"
  ): ScanPlan = {
    NativeLibrary.load()
    val rule = SplitRule.ofSession()
    val request = Json.obj()
    request.put("path", dataset.path)
    request.set[JsonNode]("options", options.toJson)
    dataset.version.fold(request.putNull("version"))(request.put("version", _))
    versionFrom.fold(request.putNull("versionFrom"))(request.put("versionFrom", _))
    request.set[JsonNode]("columns", Json.strings(columns))
    filter.fold[JsonNode](request.putNull("filter"))(request.set[JsonNode]("filter", _))
    aggregation.foreach(request.set[JsonNode]("aggregation", _))
    sample.foreach(wanted => request.set[JsonNode]("sample", wanted.json))
    request.set[JsonNode]("schema", dataset.ncfSchema)
    request.put("estimateWindows", estimateWindows)
    request.put("summarise", summarise)
    request.put("order", order)
    request.put("maxSplitBytes", rule.maxPartitionBytes)
    request.put("openCostBytes", rule.openCostBytes)
    request.put("parallelism", rule.minPartitions)
    val answer = Json.parse(Native.planScan(request.toString, dataset.location.storage))
    // Of a split of which rows are dropped it is not known how many are left.
    val all = filter.isEmpty && sample.isEmpty
    val wanted = enough(tasks(Json.elements(answer.get("splits")).toSeq), limit.filter(_ => all))
    ScanPlan(
      NcfMetrics.ofDriver.map(name => name -> Json.long(answer, name)).toMap,
      Json.long(answer, "rows"),
      Json.long(answer, "rawBytes"),
      Json.long(answer, "bytes"),
      wanted.map(task => NcfInputPartition(task.splits.toArray)).toArray,
      Json.elements(answer.get("ordering")).map(OrderedColumn(_)).toSeq,
      answer.get("aggregates").asBoolean(),
      Option(answer.get("answer")).filterNot(_.isNull).map { rows =>
        Json.elements(rows).map(Json.elements(_).toSeq).toSeq
      },
      Json.optionalLong(answer, "estimatedRows"),
      Json.members(answer.get("summaries")).toMap
    )
  }

  private def tasks(splits: Seq[JsonNode]): Seq[Task] =
    splits.groupBy(Json.long(_, "task")).toSeq.sortBy(_._1).map { case (_, part) =>
      Task(part.map(_.toString), part.map(Json.long(_, "rows")).sum)
    }

  /** As many tasks as read `limit` rows. */
  private def enough(tasks: Seq[Task], limit: Option[Int]): Seq[Task] = limit.fold(tasks) {
    wanted =>
      val before = tasks.scanLeft(0L)(_ + _.rows)
      tasks.zip(before).takeWhile(_._2 < wanted).map(_._1)
  }
}

/** Spark's settings for the size of a partition; the rule itself is carried out natively. */
private[spark] final case class SplitRule(
    maxPartitionBytes: Long,
    openCostBytes: Long,
    minPartitions: Int
)

private[spark] object SplitRule {

  def ofSession(): SplitRule = {
    val conf = SQLConf.get
    SplitRule(
      conf.filesMaxPartitionBytes,
      conf.filesOpenCostInBytes,
      conf.filesMinPartitionNum
        .orElse(conf.getConf(SQLConf.LEAF_NODE_DEFAULT_PARALLELISM))
        .getOrElse(SparkSession.active.sparkContext.defaultParallelism)
    )
  }
}
