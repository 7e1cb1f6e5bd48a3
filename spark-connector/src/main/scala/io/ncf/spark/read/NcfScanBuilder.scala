package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.read.{
  Scan,
  SupportsPushDownLimit,
  SupportsPushDownRequiredColumns,
  SupportsPushDownV2Filters
}
import org.apache.spark.sql.types.StructType

import io.ncf.spark.{NcfDataset, NcfOptions, PredicateConverter}

/** Takes what Spark can push down into a scan.
  *
  * @param dataset what is read
  * @param schema  the columns that Spark knows of
  */
private[spark] final class NcfScanBuilder(
    dataset: NcfDataset,
    schema: StructType,
    options: NcfOptions
) extends SupportsPushDownV2Filters
    with SupportsPushDownRequiredColumns
    with SupportsPushDownLimit {

  private var columns = schema
  private var pushed = Seq.empty[Predicate]
  private var filter: Option[JsonNode] = None
  private var limit: Option[Int] = None

  /** Answers the predicates that Spark must evaluate itself. Of these, the parts that can be pushed
    * are pushed as well, to prune.
    */
  override def pushPredicates(predicates: Array[Predicate]): Array[Predicate] =
    if (!options.flag(NcfOptions.PushFilters, default = true) || !dataset.exists) predicates
    else {
      val names = dataset.columnNames
      val known = StructType(schema.filter(field => names.stored(field.name).isDefined))
      val converter = new PredicateConverter(known, name => names.stored(name).getOrElse(name))
      val converted = predicates.toSeq.map(p => (p, converter.convert(p), converter.weaken(p)))
      pushed = converted.collect { case (predicate, Some(_), _) => predicate }
      filter = PredicateConverter.conjunction(converted.flatMap { case (_, exact, weak) =>
        exact.orElse(weak)
      })
      converted.collect { case (predicate, None, _) => predicate }.toArray
    }

  override def pushedPredicates(): Array[Predicate] = pushed.toArray

  override def pruneColumns(required: StructType): Unit = columns = required

  /** A limit without a filter needs no more splits than hold that many rows. */
  override def pushLimit(rows: Int): Boolean = {
    val pushes = filter.isEmpty && options.flag(NcfOptions.PushLimit, default = true)
    if (pushes) limit = Some(rows)
    pushes
  }

  /** Each task may return more: Spark still cuts the result. */
  override def isPartiallyPushed(): Boolean = true

  override def build(): Scan = new NcfScan(dataset, columns, filter, pushed, limit, options)
}
