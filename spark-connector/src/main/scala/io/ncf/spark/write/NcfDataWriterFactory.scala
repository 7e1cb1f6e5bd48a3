package io.ncf.spark.write

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory
import org.apache.spark.sql.connector.write.{DataWriter, DataWriterFactory}

/** Makes the writers of tasks, on executors. */
private[spark] final case class NcfDataWriterFactory(job: WriteJob)
    extends DataWriterFactory
    with StreamingDataWriterFactory {

  override def createWriter(partitionId: Int, taskId: Long): DataWriter[InternalRow] =
    new NcfDataWriter(job, partitionId, taskId)

  /** Every epoch is a job of its own, with its own id in the names of its files. */
  override def createWriter(
      partitionId: Int,
      taskId: Long,
      epochId: Long
  ): DataWriter[InternalRow] =
    new NcfDataWriter(job, partitionId, taskId)
}
