package io.ncf.spark.write

import org.apache.spark.sql.catalyst.expressions.RowOrdering
import org.apache.spark.sql.connector.distributions.{Distribution, Distributions}
import org.apache.spark.sql.connector.expressions.{Expressions, SortDirection, SortOrder}
import org.apache.spark.sql.connector.metric.CustomMetric
import org.apache.spark.sql.connector.write.streaming.{StreamingDataWriterFactory, StreamingWrite}
import org.apache.spark.sql.connector.write.{
  BatchWrite,
  DataWriterFactory,
  PhysicalWriteInfo,
  RequiresDistributionAndOrdering,
  WriterCommitMessage
}

import io.ncf.spark.{NcfDataSource, NcfErrors, NcfOptions}

/** A write that has been checked. Rows stay in the tasks that they are in; within a task they are
  * ordered by the partition columns, so that one file is open at a time, then by `sortBy`.
  */
private[spark] final class NcfWrite(
    job: WriteJob,
    commit: TableCommit,
    options: NcfOptions,
    queryId: String
) extends RequiresDistributionAndOrdering {

  // Both fail early when they are wrong.
  private val ordering: Array[SortOrder] = {
    val partitions = job.partitionColumns.map(job.input(_).name -> true)
    (partitions ++ options.sortBy.map { case (name, up) => known(name) -> up }).map {
      case (name, ascending) =>
        val direction = if (ascending) SortDirection.ASCENDING else SortDirection.DESCENDING
        Expressions.sort(Expressions.column(NcfDataSource.quoted(name)), direction)
    }.toArray
  }
  private val transaction = options.transaction

  override def requiredDistribution(): Distribution = Distributions.unspecified()

  override def requiredOrdering(): Array[SortOrder] = ordering

  override def supportedCustomMetrics(): Array[CustomMetric] = WriteMetrics.all()

  override def description(): String = s"ncf ${job.location}"

  override def toBatch: BatchWrite = new NcfBatchWrite(job, commit, transaction)

  override def toStreaming: StreamingWrite = {
    if (transaction.isDefined) throw NcfErrors.streamTransaction()
    new NcfStreamingWrite(job, commit, queryId)
  }

  private def known(column: String): String = {
    val field = job.input.find(_.name.equalsIgnoreCase(column)).getOrElse(
      throw NcfErrors.invalid(
        s"sortBy names the column $column, which is not there; the columns are " +
          job.input.fieldNames.mkString(", ")
      )
    )
    if (!RowOrdering.isOrderable(field.dataType)) {
      throw NcfErrors.invalid(
        s"sortBy names the column $column, but values of type ${field.dataType.catalogString} " +
          "have no order; sort by another column"
      )
    }
    field.name
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
