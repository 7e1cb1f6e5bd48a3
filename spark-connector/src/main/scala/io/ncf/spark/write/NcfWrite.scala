package io.ncf.spark.write

import org.apache.spark.sql.connector.distributions.Distribution
import org.apache.spark.sql.connector.expressions.SortOrder
import org.apache.spark.sql.connector.metric.CustomMetric
import org.apache.spark.sql.connector.write.streaming.{StreamingDataWriterFactory, StreamingWrite}
import org.apache.spark.sql.connector.write.{
  BatchWrite,
  DataWriterFactory,
  PhysicalWriteInfo,
  RequiresDistributionAndOrdering,
  WriterCommitMessage
}

import io.ncf.spark.{NcfErrors, NcfOptions}

/** A write that has been checked.
  *
  * @param order what Spark does with the rows before tasks write them
  */
private[spark] final class NcfWrite(
    job: WriteJob,
    commit: TableCommit,
    order: WriteOrder,
    options: NcfOptions,
    queryId: String
) extends RequiresDistributionAndOrdering {

  // Fails early when it is wrong.
  private val transaction = options.transaction

  override def requiredDistribution(): Distribution = order.distribution

  override def requiredOrdering(): Array[SortOrder] = order.ordering.toArray

  override def supportedCustomMetrics(): Array[CustomMetric] = WriteMetrics.all()

  override def description(): String = s"ncf ${job.location}"

  override def toBatch: BatchWrite = new NcfBatchWrite(job, commit, transaction)

  override def toStreaming: StreamingWrite = {
    if (transaction.isDefined) throw NcfErrors.streamTransaction()
    new NcfStreamingWrite(job, commit, queryId)
  }
}

/** A batch write: all files appear with one commit.
  *
  * Spark's commit coordinator is not asked: files have unique names and no reader sees them before
  * the commit, so an attempt that lost leaves nothing but an orphan.
  */
private[spark] final class NcfBatchWrite(
    job: WriteJob,
    table: TableCommit,
    transaction: Option[(String, Long)]
) extends BatchWrite {

  override def createBatchWriterFactory(info: PhysicalWriteInfo): DataWriterFactory = {
    job.begin()
    NcfDataWriterFactory(job)
  }

  override def useCommitCoordinator(): Boolean = false

  override def commit(messages: Array[WriterCommitMessage]): Unit =
    table.commit(messages, transaction)

  override def abort(messages: Array[WriterCommitMessage]): Unit = table.abort(messages)

  override def toString: String = s"ncf ${job.location}"
}

/** An epoch of a streaming write. The query's id and the epoch are part of the commit, so an epoch
  * that Spark delivers again changes nothing.
  */
private[spark] final class NcfStreamingWrite(job: WriteJob, table: TableCommit, queryId: String)
    extends StreamingWrite {

  override def createStreamingWriterFactory(
      info: PhysicalWriteInfo
  ): StreamingDataWriterFactory = {
    job.begin()
    NcfDataWriterFactory(job)
  }

  override def useCommitCoordinator(): Boolean = false

  override def commit(epochId: Long, messages: Array[WriterCommitMessage]): Unit =
    table.commit(messages, Some((queryId, epochId)))

  override def abort(epochId: Long, messages: Array[WriterCommitMessage]): Unit =
    table.abort(messages)

  override def toString: String = s"ncf ${job.location}"
}
