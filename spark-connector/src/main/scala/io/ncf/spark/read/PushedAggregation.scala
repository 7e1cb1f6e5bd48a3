package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.expressions.aggregate.Aggregation
import org.apache.spark.sql.connector.read.LocalScan
import org.apache.spark.sql.types.StructType

import io.ncf.spark.{AggregateConverter, ScalarReader}

/** An aggregation that a scan carries out, planned.
  *
  * @param spark     as Spark gave it
  * @param converted as NCF has it
  * @param plan      what is read for it
  */
private[spark] final case class PushedAggregation(
    spark: Aggregation,
    converted: AggregateConverter.Converted,
    plan: ScanPlan
) {

  /** The whole result, where nothing needs to be read for it. */
  lazy val answer: Option[Seq[InternalRow]] =
    plan.answer match {
      case Some(rows)                       => Some(rows.map(row))
      case None if plan.partitions.nonEmpty => None
      case None if !converted.ungrouped     => Some(Nil)
      case None                             =>
        Some(Seq(InternalRow.fromSeq(converted.ofNothing(spark.aggregateExpressions().toSeq))))
    }

  private def row(values: Seq[JsonNode]): InternalRow =
    InternalRow.fromSeq(values.zip(converted.output.map(_.dataType)).map {
      case (value, dataType) => ScalarReader.read(value, dataType)
    })

  def json: JsonNode = converted.json

  def output: StructType = converted.output

  /** For `EXPLAIN`. */
  def description: String = {
    val groups = spark.groupByExpressions().mkString("[", ", ", "]")
    s"PushedAggregates: ${spark.aggregateExpressions().mkString("[", ", ", "]")}, " +
      s"PushedGroupBy: $groups"
  }
}

/** A result that the driver has. */
private[spark] final class NcfLocalScan(all: Seq[InternalRow], schema: StructType, text: String)
    extends LocalScan {

  override def rows(): Array[InternalRow] = all.toArray

  override def readSchema(): StructType = schema

  override def description(): String = text
}
