package io.ncf.examples.bench

import java.util
import java.util.concurrent.ConcurrentHashMap

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.{SupportsRead, Table, TableCapability, TableProvider}
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{NamedReference, Transform}
import org.apache.spark.sql.connector.read.Scan.ColumnarSupportMode
import org.apache.spark.sql.connector.read._
import org.apache.spark.sql.types.{StructField, StructType}
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

import io.ncf.spark.NcfDataSource

/** The ceiling: what a source costs that decodes nothing and filters nothing while the clock runs.
  *
  * It plans as NCF does: it hands the filters and the columns that Spark offers to NCF's own scan,
  * so that Spark keeps the same filters, sees the same statistics and gets the same partitions. The
  * first time a partition is read, all that NCF's scan gives for it, filtered and projected, is
  * copied into plain columns in native memory ([[CeilingColumn]]); from then on these batches are
  * handed over as they are. The run of a query that is not timed fills that memory; it is freed when
  * the next query begins.
  *
  * It takes filters and columns and nothing else: no aggregates, no first rows of an order, no
  * limits. Spark does all of these here, so a source that is given them can come in above it.
  *
  * For one JVM, and for tables without nulls of the types that TPC-H has.
  */
final class CeilingSource extends TableProvider {

  private val ncf = new NcfDataSource

  override def inferSchema(options: CaseInsensitiveStringMap): StructType = ncf.inferSchema(options)

  override def getTable(
      schema: StructType,
      partitioning: Array[Transform],
      properties: util.Map[String, String]
  ): Table = ncf.getTable(schema, partitioning, properties) match {
    case table: SupportsRead => new CeilingTable(table)
    case other               => throw new IllegalStateException(s"$other cannot be read")
  }
}

object CeilingSource {

  /** A partition of a scan: what the scan reads, and the number of the partition. */
  private[bench] type Key = (String, Int)

  private val held = new ConcurrentHashMap[Key, Seq[CeilingBatch]]

  private[bench] def batches(key: Key)(read: => Seq[CeilingBatch]): Seq[CeilingBatch] =
    held.computeIfAbsent(key, _ => read)

  /** Frees what is held; nothing may be reading it. */
  def clear(): Unit = {
    held.values.asScala.flatten.foreach(_.free())
    held.clear()
  }
}

private final class CeilingTable(inner: SupportsRead) extends SupportsRead {

  override def name(): String = s"ceiling of ${inner.name()}"

  override def schema(): StructType = StructType(inner.columns().map { column =>
    StructField(column.name(), column.dataType(), column.nullable())
  })

  override def capabilities(): util.Set[TableCapability] =
    util.EnumSet.of(TableCapability.BATCH_READ)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder =
    inner.newScanBuilder(options) match {
      case builder: SupportsPushDownV2Filters with SupportsPushDownRequiredColumns =>
        new CeilingScanBuilder(builder)
      case other => throw new IllegalStateException(s"$other takes no filters or no columns")
    }
}

private final class CeilingScanBuilder(
    inner: SupportsPushDownV2Filters with SupportsPushDownRequiredColumns
) extends SupportsPushDownV2Filters
    with SupportsPushDownRequiredColumns {

  override def pushPredicates(predicates: Array[Predicate]): Array[Predicate] =
    inner.pushPredicates(predicates)

  override def pushedPredicates(): Array[Predicate] = inner.pushedPredicates()

  override def pruneColumns(required: StructType): Unit = inner.pruneColumns(required)

  override def build(): Scan = inner.build() match {
    case scan: SupportsReportStatistics with SupportsRuntimeV2Filtering =>
      new CeilingScan(scan) with RuntimeFiltered { override protected def filterable = scan }
    case scan: SupportsReportStatistics => new CeilingScan(scan)
    case other => throw new IllegalStateException(s"$other reports no statistics")
  }
}

private class CeilingScan(private val inner: SupportsReportStatistics)
    extends SupportsReportStatistics {

  /** What Spark has just added to what the next batch reads. */
  protected def takeRuntime(): String = ""

  override def readSchema(): StructType = inner.readSchema()

  override def description(): String = s"ceiling of ${inner.description()}"

  override def estimateStatistics(): Statistics = inner.estimateStatistics()

  override def columnarSupportMode(): ColumnarSupportMode = ColumnarSupportMode.SUPPORTED

  override def toBatch: Batch = {
    val scan = s"${inner.description()} ${inner.readSchema().json} ${takeRuntime()}"
    CeilingPlan(inner.toBatch, scan)
  }

  /** Equal scans are read once, as NCF's are. */
  override def equals(other: Any): Boolean = other match {
    case that: CeilingScan => inner == that.inner
    case _                 => false
  }

  override def hashCode(): Int = inner.hashCode()
}

/** Takes the keys of one side of a join as a filter, where NCF does. */
private trait RuntimeFiltered extends CeilingScan with SupportsRuntimeV2Filtering {

  // As with NCF's own scans, a filter holds for the batch that the same thread asks for next.
  private val next = ThreadLocal.withInitial[String](() => "")

  protected def filterable: SupportsRuntimeV2Filtering

  override protected def takeRuntime(): String = {
    val taken = next.get()
    next.remove()
    taken
  }

  override def filterAttributes(): Array[NamedReference] = filterable.filterAttributes()

  // Keys come in any order.
  override def filter(predicates: Array[Predicate]): Unit = {
    val texts = predicates.map(p => p.children().map(_.toString).sorted.mkString(p.name(), ",", ""))
    next.set(texts.mkString(" "))
    filterable.filter(predicates)
  }
}

/** A case class: Spark reuses what equal batches gave, as of NCF. */
private final case class CeilingPlan(inner: Batch, scan: String) extends Batch {

  override def planInputPartitions(): Array[InputPartition] =
    inner.planInputPartitions().zipWithIndex.map { case (partition, index) =>
      CeilingPartition((scan, index), partition): InputPartition
    }

  override def createReaderFactory(): PartitionReaderFactory =
    CeilingReaderFactory(inner.createReaderFactory())
}

private final case class CeilingPartition(key: CeilingSource.Key, inner: InputPartition)
    extends InputPartition

private final case class CeilingReaderFactory(inner: PartitionReaderFactory)
    extends PartitionReaderFactory {

  override def supportColumnarReads(partition: InputPartition): Boolean = true

  override def createReader(partition: InputPartition): PartitionReader[InternalRow] =
    throw new UnsupportedOperationException("the ceiling gives batches")

  override def createColumnarReader(partition: InputPartition): PartitionReader[ColumnarBatch] =
    partition match {
      case CeilingPartition(key, read) =>
        new CeilingReader(CeilingSource.batches(key)(copy(inner.createColumnarReader(read))))
      case other => throw new IllegalStateException(s"the ceiling has no partition $other")
    }

  private def copy(reader: PartitionReader[ColumnarBatch]): Seq[CeilingBatch] =
    try
      Iterator.continually(reader).takeWhile(_.next()).map(r => CeilingBatch.copy(r.get())).toVector
    finally reader.close()
}

private final class CeilingReader(batches: Seq[CeilingBatch])
    extends PartitionReader[ColumnarBatch] {

  private val rest = batches.iterator
  private var current: Option[CeilingBatch] = None

  override def next(): Boolean = {
    current = rest.nextOption()
    current.isDefined
  }

  // Tasks of one query may share columns, but not the batch that leads to them.
  override def get(): ColumnarBatch = current.fold(new ColumnarBatch(Array.empty, 0)) { batch =>
    new ColumnarBatch(batch.columns.toArray[ColumnVector], batch.rows)
  }

  override def close(): Unit = ()
}

private final class CeilingBatch(val columns: Seq[CeilingColumn], val rows: Int) {
  def free(): Unit = columns.foreach(_.free())
}

private object CeilingBatch {
  def copy(batch: ColumnarBatch): CeilingBatch = {
    val rows = batch.numRows()
    val columns = (0 until batch.numCols()).map(at => CeilingColumn.copy(batch.column(at), rows))
    new CeilingBatch(columns, rows)
  }
}
