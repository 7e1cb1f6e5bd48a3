package io.ncf.spark.streaming

import org.apache.spark.sql.catalyst.types.DataTypeUtils
import org.apache.spark.sql.execution.LogicalRDD
import org.apache.spark.sql.execution.streaming.Sink
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution
import org.apache.spark.sql.streaming.OutputMode
import org.apache.spark.sql.{DataFrame, SaveMode, classic}

import io.ncf.spark.write.PathWrite
import io.ncf.spark.{NcfErrors, NcfOptions}

/** Where a stream to a path goes that held no table when it started. Spark tells the columns of
  * `partitionBy` to sinks of this kind only. Every batch runs as a V2 write of its own, under the
  * same transaction as [[io.ncf.spark.write.NcfStreamingWrite]], which takes over when the stream is
  * started again: a batch takes effect once, whichever of the two writes it.
  *
  * @param parameters       options, path included
  * @param partitionColumns those of `partitionBy`
  */
private[spark] final class NcfSink private (
    parameters: Map[String, String],
    partitionColumns: Seq[String],
    mode: SaveMode
) extends Sink {

  override def addBatch(batchId: Long, data: DataFrame): Unit = {
    val frame = data.asInstanceOf[classic.DataFrame]
    val session = frame.sparkSession
    // The batch's own plan cannot be planned once more: it is bound to the state of the stream.
    val rows =
      LogicalRDD(DataTypeUtils.toAttributes(data.schema), frame.queryExecution.toRdd)(session)
    val query = session.sparkContext.getLocalProperty(StreamExecution.QUERY_ID_KEY)
    val options = PathWrite.withPartitioning(parameters, partitionColumns)
    new PathWrite(session, mode, options, data.schema, rows, Some((query, batchId))).run()
  }

  override def toString: String = s"ncf ${parameters.getOrElse("path", "")}"
}

private[spark] object NcfSink {

  def apply(
      parameters: Map[String, String],
      partitionColumns: Seq[String],
      outputMode: OutputMode
  ): NcfSink = {
    val mode = outputMode match {
      case m if m == OutputMode.Append()   => SaveMode.Append
      case m if m == OutputMode.Complete() => SaveMode.Overwrite
      case other                           =>
        throw NcfErrors.unsupported(
          s"ncf cannot write a stream in output mode $other; use append or complete"
        )
    }
    if (NcfOptions.parse(PathWrite.original(parameters)).transaction.isDefined) {
      throw NcfErrors.streamTransaction()
    }
    new NcfSink(parameters, partitionColumns, mode)
  }
}
