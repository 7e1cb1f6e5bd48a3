package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.Expression
import org.apache.spark.sql.connector.expressions.aggregate.{
  AggregateFunc,
  Aggregation,
  Avg,
  Count,
  CountStar,
  Max,
  Min,
  Sum
}
import org.apache.spark.sql.types._

import io.ncf.spark.ComputationConverter.Computation

/** Spark's aggregations as NCF's, which are JSON (`ncf_core::Aggregation`). All or nothing: Spark
  * asks for a whole aggregation.
  *
  * Scans give partial results, several rows a group, which Spark puts together. Spark casts a partial
  * sum of decimals back to the type of what was summed, so that is the type of the partial sums.
  *
  * @param computations knows value expressions
  * @param floats       whether sums of floats may be taken: their last bits depend on the order
  * @param averaged     what Spark wants the average of, which it makes of sums and counts. It adds
  *                     integers up as doubles there
  */
private[spark] final class AggregateConverter(
    computations: ComputationConverter,
    floats: Boolean,
    averaged: Set[String]
) {

  import AggregateConverter._

  def convert(aggregation: Aggregation): Option[Converted] = {
    val groups = aggregation.groupByExpressions().toSeq.map(computations.convert)
    val functions = aggregation.aggregateExpressions().toSeq.map(convertFunction)
    if (!groups.forall(_.isDefined) || !functions.forall(_.isDefined)) None
    else {
      val json = Json.obj()
      json.set[JsonNode]("groupBy", Json.array(groups.flatten.map(_.json)))
      json.set[JsonNode]("aggregates", Json.array(functions.flatten.map(_.json)))
      val fields =
        groups.flatten.map(_.dataType).zipWithIndex.map { case (dataType, index) =>
          StructField(s"group_$index", dataType)
        } ++ functions.flatten.map(_.dataType).zipWithIndex.map { case (dataType, index) =>
          StructField(s"aggregate_$index", dataType)
        }
      Some(Converted(json, StructType(fields), groups.isEmpty)).filter(_ => Json.isShallow(json))
    }
  }

  private def convertFunction(function: AggregateFunc): Option[Computation] = function match {
    case _: CountStar                      => Some(Computation(Json.text("count_rows"), LongType))
    case count: Count if !count.isDistinct => of("count", count.column(), _ => Some(LongType))
    case min: Min                          => of("min", min.column(), Some(_))
    case max: Max                          => of("max", max.column(), Some(_))
    case sum: Sum if !sum.isDistinct       => convertSum(sum.column())
    case _                                 => None
  }

  private def convertSum(input: Expression): Option[Computation] = of("sum", input, sumType).map {
    case Computation(json, LongType) if averaged(input.toString) =>
      Computation(Json.node("exact_sum", json.get("sum")), LongType)
    case other => other
  }

  private def sumType(input: DataType): Option[DataType] = input match {
    case ByteType | ShortType | IntegerType | LongType => Some(LongType)
    case FloatType | DoubleType if floats              => Some(DoubleType)
    case decimal: DecimalType                          => Some(decimal)
    case _                                             => None
  }

  private def of(
      name: String,
      input: Expression,
      result: DataType => Option[DataType]
  ): Option[Computation] =
    for (computation <- computations.convert(input); dataType <- result(computation.dataType))
      yield Computation(Json.node(name, computation.json), dataType)
}

private[spark] object AggregateConverter {

  /** An aggregation that scans can carry out.
    *
    * @param output   the columns of the result: group values, then aggregates
    * @param ungrouped whether all rows are one group, which is there even without rows
    */
  final case class Converted(json: JsonNode, output: StructType, ungrouped: Boolean) {

    /** The result over no rows. */
    def ofNothing(functions: Seq[AggregateFunc]): Seq[Any] = functions.map {
      case _: Count | _: CountStar => 0L
      case _                       => null
    }
  }

  /** What an aggregation averages. */
  def averaged(aggregation: Aggregation): Set[String] =
    aggregation.aggregateExpressions().collect { case avg: Avg => avg.column().toString }.toSet
}
