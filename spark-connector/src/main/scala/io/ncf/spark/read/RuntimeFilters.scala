package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.util.TypeUtils
import org.apache.spark.sql.connector.expressions.filter.{AlwaysFalse, And, Predicate}
import org.apache.spark.sql.connector.expressions.{Expression, Expressions, Literal, NamedReference}
import org.apache.spark.sql.connector.read.{Batch, InputPartition, PartitionReaderFactory}
import org.apache.spark.sql.types.{DoubleType, FloatType}

import io.ncf.spark.{LogicalType, NcfOptions, PredicateConverter, SchemaConverter}

/** What Spark learns while a query runs: the keys of one side of a join, which filter a scan on the
  * other side. Spark's join still decides, so what does not convert may be left out.
  *
  * One scan can stand at several places of a plan, each with filters of its own or none, and Spark
  * runs them at the same time. So a filter holds only for the batch that the same thread asks for
  * next, as `BatchScanExec` does, and that batch's partitions name it.
  */
private[read] final class RuntimeFilters(scan: NcfScan) {

  private val next = new ThreadLocal[RuntimeFilter]

  // Grows only. Guarded by this object's lock.
  private var known = Vector.empty[RuntimeFilter]

  @volatile private var latest: Option[RuntimeFilter] = None

  /** The columns that can be filtered. Rows must not have been counted, cut or grouped before. Spark
    * compares floats only after it has made their zeros and NaNs alike, which is not for sources.
    */
  def attributes: Array[NamedReference] = {
    val plain = scan.aggregation.isEmpty && scan.top.isEmpty && scan.limit.isEmpty
    if (!plain || !scan.dataset.exists || !enabled) Array.empty
    else {
      val names = scan.columns.fieldNames
      // Spark finds columns by their names.
      val unique = names.filter(name => names.count(_.equalsIgnoreCase(name)) == 1)
      unique.map(RuntimeFilters.reference).filter(isFilterable)
    }
  }

  private def enabled: Boolean = scan.options.flag(NcfOptions.PushRuntime, default = true)

  private def isFilterable(column: NamedReference): Boolean =
    converter.column(column).map(_.dataType).exists {
      case FloatType | DoubleType => false
      case dataType => SchemaConverter.typeName(LogicalType.ordered(dataType)).isDefined
    }

  private def converter: PredicateConverter = scan.dataset.predicateConverter()

  /** Plans the scan with further predicates, for the batch that comes next. */
  def filter(predicates: Seq[Predicate]): Unit =
    PredicateConverter.conjunction(predicates.flatMap(p => converter.convert(bounded(p)))).foreach {
      json =>
        val filter = synchronized {
          known.find(_.json == json).getOrElse {
            val added = new RuntimeFilter(known.size, json, scan)
            known = known :+ added
            added
          }
        }
        next.set(filter)
        latest = Some(filter)
    }

  /** A list of very many values becomes what they lie between. */
  private def bounded(predicate: Predicate): Predicate =
    (predicate.name(), predicate.children().toSeq) match {
      case ("IN", column +: values) if values.size > RuntimeFilters.mostValues(scan.options) =>
        between(column, values)
      case _ => predicate
    }

  private def between(column: Expression, values: Seq[Expression]): Predicate = {
    val found = values.collect { case literal: Literal[_] if literal.value() != null => literal }
    found.headOption.fold[Predicate](new AlwaysFalse) { first =>
      val order = TypeUtils.getInterpretedOrdering(first.dataType()).on[Literal[_]](_.value())
      def bound(op: String, literal: Literal[_]) =
        new Predicate(op, Array[Expression](column, literal))
      new And(bound(">=", found.min(order)), bound("<=", found.max(order)))
    }
  }

  /** The filter that was just given, for the one who asks for it first. */
  def take(): Option[RuntimeFilter] = {
    val filter = Option(next.get())
    next.remove()
    filter
  }

  /** The requests to open splits with the filters that are known, by their numbers. */
  def requests: Vector[String] = synchronized(known).map(_.request)

  /** The plan of the filter that was given last, for metrics. */
  def latestPlan: Option[ScanPlan] = latest.map(_.plan)
}

private[read] object RuntimeFilters {

  /** Each split reads the list anew: of lineitem's six million rows, a join with 70 000 keys that prune
    * nothing took twice as long with the list as without, with 700 keys as long.
    */
  private val defaultMostValues: Long = 10000L

  def mostValues(options: NcfOptions): Long =
    options.get(NcfOptions.RuntimeValues).fold(defaultMostValues)(_.trim.toLong)

  private def reference(column: String): NamedReference =
    Expressions.column(s"`${column.replace("`", "``")}`")
}

/** Conditions on the rows of a scan that came up at run time.
  *
  * @param number position among the filters of the scan
  * @param json   the conditions as NCF has them
  */
private[read] final class RuntimeFilter(val number: Int, val json: JsonNode, scan: NcfScan) {

  private val combined = PredicateConverter.conjunction(scan.filter.toSeq :+ json)

  lazy val plan: ScanPlan = scan.planned(combined)

  lazy val request: String = scan.request(combined)
}

/** What Spark runs: a scan, with what runtime filters leave of it. Spark itself compares the filters
  * of batches.
  */
private[spark] final class NcfBatch(val scan: NcfScan, runtime: Option[RuntimeFilter])
    extends Batch {

  override def planInputPartitions(): Array[InputPartition] =
    runtime.fold(scan.plan.partitions) { filter =>
      filter.plan.partitions.map(_.copy(runtimeFilter = Some(filter.number)))
    }.toArray

  /** For any batch of the scan: Spark may take the reader factory of another one than the
    * partitions.
    */
  override def createReaderFactory(): PartitionReaderFactory = scan.readerFactory

  override def equals(other: Any): Boolean = other match {
    case that: NcfBatch => scan == that.scan
    case _              => false
  }

  override def hashCode(): Int = scan.hashCode
}
