package io.ncf.spark.read

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader, PartitionReaderFactory}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.ColumnarBatch

import io.ncf.spark.{NcfErrors, NcfPath}

/** Opens partitions on executors.
  *
  * @param schema  the columns of the batches
  * @param request what every split of the scan has in common: `openScan`'s request without `split`
  * @param table   where the files are
  */
private[spark] final case class NcfPartitionReaderFactory(
    schema: StructType,
    request: String,
    table: NcfPath
) extends PartitionReaderFactory {

  override def supportColumnarReads(partition: InputPartition): Boolean = true

  override def createColumnarReader(partition: InputPartition): PartitionReader[ColumnarBatch] =
    partition match {
      case ncf: NcfInputPartition =>
        new NcfColumnarPartitionReader(ncf.splits, schema, request, table.storage)
      case other => throw NcfErrors.invalid(s"ncf cannot read a partition of ${other.getClass}")
    }

  override def createReader(partition: InputPartition): PartitionReader[InternalRow] =
    throw NcfErrors.unsupported("ncf reads batches; Spark should not ask it for rows")
}
