package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.SortOrder
import org.apache.spark.sql.connector.expressions.aggregate.{Aggregation, Avg}
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.read.{
  Scan,
  SupportsPushDownAggregates,
  SupportsPushDownLimit,
  SupportsPushDownRequiredColumns,
  SupportsPushDownTableSample,
  SupportsPushDownTopN,
  SupportsPushDownV2Filters
}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType

import io.ncf.spark.{AggregateConverter, NcfDataset, NcfOptions, PredicateConverter, Selective}

/** Takes what Spark can push down into a scan.
  *
  * @param dataset what is read
  * @param schema  the columns that Spark knows of
  * @param zone    the time zone of functions of timestamps, if it is known
  */
private[spark] final class NcfScanBuilder(
    dataset: NcfDataset,
    schema: StructType,
    options: NcfOptions,
    zone: Option[String]
) extends SupportsPushDownV2Filters
    with SupportsPushDownRequiredColumns
    with SupportsPushDownAggregates
    with SupportsPushDownLimit
    with SupportsPushDownTableSample
    with SupportsPushDownTopN {

  private val group = ScanGroup.enter(dataset.bytes)
  private var columns = schema
  private var pushed = Seq.empty[Predicate]
  private var filter: Option[JsonNode] = None
  private var limit: Option[Int] = None
  private var top: Option[PushedTop] = None
  private var sample: Option[PushedSample] = None

  // Of rows before the predicate that Spark evaluates, too, where it estimates what that leaves.
  private var unseen: Option[ScanEstimate] = None
  private var averaged = Set.empty[String]
  private var considered: Option[(Aggregation, Option[PushedAggregation])] = None
  private var aggregation: Option[PushedAggregation] = None

  /** Answers the predicates that Spark must evaluate itself. Of these, the parts that can be pushed
    * are pushed as well, to prune.
    */
  override def pushPredicates(predicates: Array[Predicate]): Array[Predicate] =
    if (!options.flag(NcfOptions.PushFilters, default = true) || !dataset.exists) predicates
    else {
      group.close()
      val converter = dataset.predicateConverter(zone)
      val candidates = predicates.toSeq.map(p => (p, converter.convert(p), converter.weaken(p)))
      val proven = Proofs.proven(dataset, options, candidates.flatMap(c => c._2 ++ c._3))
      val converted = candidates.map { case (predicate, exact, weak) =>
        (predicate, exact.filter(proven), weak.filter(proven))
      }
      pushed = converted.collect { case (predicate, Some(_), _) => predicate }
      def all(but: Option[Predicate]) = PredicateConverter.conjunction(converted.flatMap {
        case (predicate, exact, weak) => if (but.contains(predicate)) None else exact.orElse(weak)
      })
      filter = all(but = None)
      val left = converted.collect { case (predicate, None, _) => predicate }
      val seen = shown(left)
      // Spark's own estimates count what it sees as a filter themselves.
      if (seen.isDefined && SQLConf.get.cboEnabled)
        unseen = Some(new ScanEstimate(dataset, options, all(but = seen)))
      (left ++ seen).toArray
    }

  /** A taken predicate that Spark shall evaluate all the same, because it shows that few rows are
    * left: only where Spark sees a filter, it makes runtime filters for the other side of a join. That
    * is worth it for what can be broadcast, beside a larger scan, and where few keys are left, which
    * are not nearly all. Spark leaves aggregates and limits above a filter to itself.
    */
  private def shown(left: Seq[Predicate]): Option[Predicate] = {
    val conf = SQLConf.get
    val filters = options.flag(NcfOptions.PushRuntime, default = true) &&
      conf.dynamicPartitionPruningEnabled && conf.exchangeReuseEnabled
    val broadcast = math.max(
      conf.autoBroadcastJoinThreshold,
      conf.getConf(SQLConf.ADAPTIVE_AUTO_BROADCASTJOIN_THRESHOLD).getOrElse(0L)
    )
    val wanted = filters && !left.exists(Selective(_)) && group.hasLarger(dataset.bytes)
    def few = estimate.rows <= RuntimeFilters.mostValues(options) &&
      estimate.rows * Selective.leastRow <= broadcast && estimate.share <= Selective.share
    Selective.cheapest(pushed.filter(Selective(_))).filter(_ => wanted && few)
  }

  private lazy val estimate = new ScanEstimate(dataset, options, filter)

  override def pushedPredicates(): Array[Predicate] = pushed.toArray

  /** Whether the result is known without any read, so that Spark has nothing left to put together.
    * Spark asks this first of averages, and then of the sums and counts that it makes of them.
    */
  override def supportCompletePushDown(aggregation: Aggregation): Boolean =
    if (aggregation.aggregateExpressions().exists(_.isInstanceOf[Avg])) {
      averaged = AggregateConverter.averaged(aggregation)
      false
    } else consider(aggregation).exists(_.answer.isDefined)

  override def pushAggregation(wanted: Aggregation): Boolean = {
    aggregation = consider(wanted)
    aggregation.isDefined
  }

  /** Spark asks only when no filter is left to it. */
  private def consider(wanted: Aggregation): Option[PushedAggregation] = considered match {
    case Some((same, result)) if same eq wanted => result
    case _                                      =>
      val result =
        if (!dataset.exists || !options.flag(NcfOptions.PushAggregates, default = true)) None
        else {
          val floats = options.flag(NcfOptions.PushFloatAggregates, default = true)
          val computations = dataset.predicateConverter(zone).computations
          new AggregateConverter(
            computations,
            floats,
            averaged
          ).convert(wanted).flatMap(plan(wanted, _))
        }
      considered = Some((wanted, result))
      result
  }

  private def plan(
      wanted: Aggregation,
      converted: AggregateConverter.Converted
  ): Option[PushedAggregation] = {
    val plan =
      ScanPlan(
        dataset,
        options,
        Seq.empty,
        filter,
        aggregation = Some(converted.json),
        sample = sample
      )
    if (plan.aggregates) Some(PushedAggregation(wanted, converted, plan)) else None
  }

  override def pruneColumns(required: StructType): Unit = {
    group.close()
    columns = required
  }

  /** Each task stops when it has so many rows; Spark asks only when no filter is left to it. */
  override def pushLimit(rows: Int): Boolean = {
    val pushes = aggregation.isEmpty && options.flag(NcfOptions.PushLimit, default = true)
    if (pushes) limit = Some(rows)
    pushes
  }

  /** Spark asks before all else, and of samples of the table only. */
  override def pushTableSample(
      lower: Double,
      upper: Double,
      withReplacement: Boolean,
      seed: Long
  ): Boolean = {
    group.close()
    val pushes = dataset.exists && options.flag(NcfOptions.PushSample, default = true)
    sample = if (pushes) PushedSample.convert(lower, upper, withReplacement, seed) else None
    sample.isDefined
  }

  /** Each split gives its own first rows; Spark asks only when no filter is left to it. */
  override def pushTopN(orders: Array[SortOrder], rows: Int): Boolean = {
    val pushes = dataset.exists && aggregation.isEmpty &&
      options.flag(NcfOptions.PushTopN, default = true)
    top = if (pushes) PushedTop.convert(orders.toSeq, rows, dataset.predicateConverter()) else None
    top.isDefined
  }

  /** Each task may return more: Spark still orders and cuts the result. */
  override def isPartiallyPushed(): Boolean = true

  override def build(): Scan = {
    group.close()
    val columns = if (aggregation.isEmpty) this.columns else StructType(Nil)
    val scan = new NcfScan(
      dataset,
      columns,
      filter,
      pushed,
      limit,
      options,
      unseen.getOrElse(estimate),
      aggregation,
      top,
      sample
    )
    val answered = for (pushed <- aggregation; rows <- pushed.answer)
      yield new NcfLocalScan(rows, pushed.output, scan.description())
    answered.getOrElse(scan)
  }
}
