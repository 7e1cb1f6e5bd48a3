package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.connector.expressions.{
  Cast,
  Expression,
  GeneralScalarExpression,
  Literal,
  NamedReference
}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._

import io.ncf.spark.Json.node

/** Spark's value expressions as NCF's computations, which are JSON (`ncf_core::Computation`).
  *
  * What converts has Spark's value in every row, or is refused by the planner: numbers that might
  * leave their type are found there, from the table's statistics, so that no pushed expression has an
  * error to report.
  *
  * @param predicates knows columns and literals
  */
private[spark] final class ComputationConverter(predicates: PredicateConverter) {

  import ComputationConverter._

  /** The equivalent and its type, if NCF has one. */
  def convert(expression: Expression): Option[Computation] = expression match {
    case reference: NamedReference if reference.fieldNames().length == 1 =>
      predicates.column(reference).filter(c => isKnown(c.dataType)).map { column =>
        Computation(node("value", column.json), column.dataType)
      }
    case literal: Literal[_] =>
      predicates.literal(literal).filter(v => v.scalar.isDefined && isKnown(v.dataType)).map {
        value => Computation(node("value", value.json), value.dataType)
      }
    case cast: Cast =>
      convert(cast.expression()).flatMap(widen(_, SchemaConverter.plain(cast.dataType())))
    case general: GeneralScalarExpression =>
      (operations.get(general.name()), general.children().toSeq) match {
        case (Some(op), Seq(left, right)) =>
          for (l <- convert(left); r <- convert(right); result <- arithmetic(op, l, r)) yield result
        case _ => None
      }
    case _ => None
  }

  private def widen(input: Computation, to: DataType): Option[Computation] =
    if (input.dataType == to) Some(input)
    else if (!isWider(input.dataType, to)) None
    else {
      val body = Json.obj()
      body.set[JsonNode]("input", input.json)
      typed(body, "cast", to)
    }

  private def arithmetic(op: Operation, l: Computation, r: Computation): Option[Computation] =
    resultType(op, l.dataType, r.dataType).flatMap { result =>
      val body = Json.obj()
      body.put("op", op.name)
      body.set[JsonNode]("left", l.json)
      body.set[JsonNode]("right", r.json)
      typed(body, "arithmetic", result)
    }

  private def typed(
      body: ObjectNode,
      key: String,
      dataType: DataType
  ): Option[Computation] = SchemaConverter.typeName(dataType).map { name =>
    body.put("data_type", name)
    Computation(node(key, body), dataType)
  }
}

private[spark] object ComputationConverter {

  final case class Computation(json: JsonNode, dataType: DataType)

  private sealed abstract class Operation(val name: String)
  private case object Add extends Operation("add")
  private case object Subtract extends Operation("subtract")
  private case object Multiply extends Operation("multiply")

  private val operations = Map("+" -> Add, "-" -> Subtract, "*" -> Multiply)

  /** Integers by width, and the digits that each may have. */
  private val digits =
    Seq[(DataType, Int)](ByteType -> 3, ShortType -> 5, IntegerType -> 10, LongType -> 20)

  private def isKnown(dataType: DataType): Boolean = SchemaConverter.typeName(dataType).isDefined

  /** Whether every number of a type has its place in the other one, floats apart: those take the
    * nearest.
    */
  private def isWider(from: DataType, to: DataType): Boolean = {
    val integer = digits.indexWhere(_._1 == from)
    (from, to) match {
      case (FloatType, DoubleType)                     => true
      case (_, FloatType | DoubleType) if integer >= 0 => true
      case (_, d: DecimalType) if integer >= 0         =>
        d.precision - d.scale >= digits(integer)._2
      case (a: DecimalType, b: DecimalType) =>
        b.scale >= a.scale && b.precision - b.scale >= a.precision - a.scale
      case _ => integer >= 0 && digits.indexWhere(_._1 == to) > integer
    }
  }

  /** Spark's type of a result, if all of the exact result's digits after the point have a place. */
  private def resultType(op: Operation, left: DataType, right: DataType): Option[DataType] =
    (left, right) match {
      case (a: DecimalType, b: DecimalType) =>
        val (precision, scale) = op match {
          case Multiply => (a.precision + b.precision + 1, a.scale + b.scale)
          case _        =>
            val scale = math.max(a.scale, b.scale)
            (math.max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)
        }
        Some(bounded(precision, scale)).filter(_.scale == scale)
      case (a, b) if a == b && (digits.exists(_._1 == a) || a == FloatType || a == DoubleType) =>
        Some(a)
      case _ => None
    }

  /** Spark's rule for decimals of more than 38 digits. */
  private def bounded(precision: Int, scale: Int): DecimalType = {
    val most = DecimalType.MAX_PRECISION
    if (precision <= most) DecimalType(precision, scale)
    else if (SQLConf.get.decimalOperationsAllowPrecisionLoss) {
      val kept = math.min(scale, 6)
      DecimalType(most, math.max(most - (precision - scale), kept))
    } else DecimalType(most, math.min(scale, most))
  }
}
