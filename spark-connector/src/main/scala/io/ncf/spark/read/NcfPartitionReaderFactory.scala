package io.ncf.spark.read

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader, PartitionReaderFactory}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.ColumnarBatch

import io.ncf.spark.{NcfErrors, NcfPath}

/** Opens partitions on executors.
  *
  * @param schema   the columns of the batches
  * @param request  what every split of the scan has in common: `openScan`'s request without `split`
  * @param table    where the files are
  * @param filtered the same with each of the scan's runtime filters; they stand here, where all tasks
  *                 of a stage share them
  * @param limit    rows after which a task stops
  */
private[spark] final case class NcfPartitionReaderFactory(
    schema: StructType,
    request: String,
    table: NcfPath,
    filtered: Vector[String] = Vector.empty,
    limit: Option[Int] = None
) extends PartitionReaderFactory {

  override def supportColumnarReads(partition: InputPartition): Boolean = true

  override def createColumnarReader(partition: InputPartition): PartitionReader[ColumnarBatch] =
    partition match {
      case ncf: NcfInputPartition =>
        // Without its filter a partition has more rows, which the join drops.
        val its = ncf.runtimeFilter.flatMap(filtered.lift).getOrElse(request)
        new NcfColumnarPartitionReader(ncf.splits, schema, its, table.storage, limit)
      case other => throw NcfErrors.invalid(s"ncf cannot read a partition of ${other.getClass}")
    }

  override def createReader(partition: InputPartition): PartitionReader[InternalRow] =
    throw NcfErrors.unsupported("ncf reads batches; Spark should not ask it for rows")
}
