package io.ncf.spark

import scala.util.Try

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ArrayNode
import org.apache.spark.sql.connector.expressions.filter.{
  AlwaysFalse,
  AlwaysTrue,
  And,
  Not,
  Or,
  Predicate
}
import org.apache.spark.sql.connector.expressions.{
  Cast,
  Expression,
  GeneralScalarExpression,
  Literal,
  NamedReference
}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

import io.ncf.spark.Json.node

/** Spark's predicates as NCF's, which are JSON (`ncf_core::Predicate`).
  *
  * A predicate that converts is evaluated exactly, with Spark's nulls, NaN and −0.0, so Spark plans
  * no filter for it. Whatever does not convert stays with Spark: nothing is approximated, except by
  * [[weaken]], whose results Spark filters again.
  *
  * @param stored     the columns that the data has, with the types that Spark reads them as
  * @param storedName the data's name of a column of Spark's, if the data has the column
  * @param zone       the time zone of functions of timestamps, if it is known
  */
private[spark] final class PredicateConverter(
    stored: StructType,
    storedName: String => Option[String],
    zone: Option[String]
) {

  import PredicateConverter._

  lazy val computations: ComputationConverter = new ComputationConverter(this, zone)

  /** The exact equivalent, if NCF has one. */
  def convert(predicate: Predicate): Option[JsonNode] = exact(predicate).filter(Json.isShallow)

  private def exact(predicate: Predicate): Option[JsonNode] = predicate match {
    case _: AlwaysTrue  => Some(always(Some(true)))
    case _: AlwaysFalse => Some(always(Some(false)))
    case and: And       => both("and", exact(and.left()), exact(and.right()))
    case or: Or         => both("or", exact(or.left()), exact(or.right()))
    case not: Not       => exact(not.child()).map(node("not", _))
    case other          => convertNamed(other.name(), other.children().toSeq)
  }

  /** That the column is `raw`, a value as Spark has it internally, null included. */
  def is(name: String, raw: Any): Option[JsonNode] = for {
    column <- field(Seq(name))
    literal <- value(raw, column.dataType)
    same <- compare("null_safe_eq", column, literal)
  } yield same

  /** A predicate that is true wherever `predicate` is: the convertible part of conjunctions. */
  def weaken(predicate: Predicate): Option[JsonNode] = weaker(predicate).filter(Json.isShallow)

  private def weaker(predicate: Predicate): Option[JsonNode] =
    exact(predicate).orElse(predicate match {
      case and: And =>
        val (left, right) = (weaker(and.left()), weaker(and.right()))
        both("and", left, right).orElse(left).orElse(right)
      case or: Or => both("or", weaker(or.left()), weaker(or.right()))
      case _      => None
    })

  private def convertNamed(name: String, children: Seq[Expression]): Option[JsonNode] =
    (name, children) match {
      case (_, Seq(left, right)) if comparisons.contains(name) =>
        for (l <- operand(left); r <- operand(right); p <- compare(comparisons(name), l, r)) yield p
      case ("IN", value +: list)       => operand(value).flatMap(in(_, list))
      case ("IS_NULL", Seq(value))     => variable(value).map(c => node("is_null", c.json))
      case ("IS_NOT_NULL", Seq(value)) => variable(value).map(c => node("is_not_null", c.json))
      case (_, Seq(value, pattern)) if searches.contains(name) =>
        for (c <- variable(value); l <- literal(pattern); p <- search(searches(name), c, l)) yield p
      case ("BOOLEAN_EXPRESSION", Seq(value)) => holds(value)
      case _ if isComputed(name)              =>
        holds(new GeneralScalarExpression(name, children.toArray))
      case _ => None
    }

  /** That a boolean is true. */
  private def holds(value: Expression): Option[JsonNode] =
    for (c <- variable(value) if c.dataType == BooleanType)
      yield comparison("eq", c.json, node("literal", node("boolean", true)))

  /** A condition of a `CASE`, or one whose truth is a value. Without an own bound on its depth: it is a
    * part of what is pushed.
    */
  private[spark] def condition(expression: Expression): Option[JsonNode] = expression match {
    case predicate: Predicate => exact(predicate)
    case other                => holds(other)
  }

  private def compare(op: String, left: Operand, right: Operand): Option[JsonNode] =
    if (!comparable(left.dataType, right.dataType)) None
    else
      (left, right) match {
        case (_: Value, _: Value)             => None // Spark folds constants itself.
        case (l, r) if isNull(l) || isNull(r) =>
          if (op != "null_safe_eq") Some(always(None))
          else Some(node("is_null", if (isNull(l)) r.json else l.json))
        case (l, r) => Some(comparison(op, l.json, r.json))
      }

  private def in(value: Operand, list: Seq[Expression]): Option[JsonNode] = value match {
    case Variable(json, dataType) =>
      val literals = list.map(literal)
      val fit = literals.forall(_.exists(l => comparable(l.dataType, dataType)))
      if (!fit || !comparable(dataType, dataType)) None
      else {
        val (nulls, values) = literals.flatten.partition(isNull)
        val body = Json.obj()
        body.set[JsonNode]("expression", json)
        body.set[JsonNode]("values", Json.array(values.flatMap(_.scalar)))
        body.put("has_null", nulls.nonEmpty)
        Some(node("in", body))
      }
    case _ => None
  }

  private def search(op: String, column: Variable, pattern: Value): Option[JsonNode] =
    if (column.dataType != StringType || pattern.dataType != StringType) None
    else
      pattern.scalar match {
        case None       => Some(always(None))
        case Some(text) =>
          val parts = Json.arr()
          parts.add(op)
          parts.add(column.json)
          parts.add(text.get("string"))
          Some(node("text", parts))
      }

  private def operand(expression: Expression): Option[Operand] =
    literal(expression).orElse(variable(expression))

  /** Something that has its own value in each row. */
  private def variable(expression: Expression): Option[Variable] =
    column(expression).orElse(computations.convert(expression).map { computation =>
      Variable(node("computed", computation.json), computation.dataType)
    })

  /** A column, or a field of a struct. */
  def column(expression: Expression): Option[Variable] = expression match {
    case reference: NamedReference => field(reference.fieldNames().toSeq)
    // More digits before the point change no value.
    case cast: Cast =>
      column(cast.expression()).filter { inner =>
        (inner.dataType, cast.dataType()) match {
          case (from: DecimalType, to: DecimalType) =>
            from.scale == to.scale && from.precision <= to.precision
          case (from, to) => from == plain(to)
        }
      }
    case _ => None
  }

  /** What is inside arrays and maps is no value of a row. */
  private def field(names: Seq[String]): Option[Variable] =
    for {
      name <- names.headOption.flatMap(storedName)
      column <- stored.find(_.name == name)
      (inner, dataType) <- inside(column.dataType, names.tail)
    } yield Variable(columnJson(name +: inner), plain(dataType))

  /** The data's names that lead to a field, and its type. */
  private def inside(around: DataType, names: Seq[String]): Option[(Seq[String], DataType)] =
    (around, names) match {
      case (_, Seq())                           => Some((Nil, around))
      case (struct: StructType, name +: deeper) =>
        for {
          field <- struct.lift(Names.find(name, struct.fieldNames.toSeq))
          (inner, dataType) <- inside(field.dataType, deeper)
        } yield (field.name +: inner, dataType)
      case _ => None
    }

  /** A constant. */
  def literal(expression: Expression): Option[Value] = expression match {
    case _: AlwaysTrue  => Some(Value(BooleanType, Some(node("boolean", true))))
    case _: AlwaysFalse => Some(Value(BooleanType, Some(node("boolean", false))))
    // Spark cannot write down a null of bytes, which it does with what is pushed.
    case literal: Literal[_] if literal.value() == null && literal.dataType() == BinaryType => None
    case literal: Literal[_] => value(literal.value(), plain(literal.dataType()))
    case _                   => None
  }
}

private[spark] object PredicateConverter {

  /** A side of a comparison. */
  private[spark] sealed trait Operand {
    def dataType: DataType
    def json: JsonNode
  }

  /** A column, or what is computed. */
  private[spark] final case class Variable(json: JsonNode, dataType: DataType) extends Operand

  /** A constant; no scalar is null. */
  private[spark] final case class Value(dataType: DataType, scalar: Option[JsonNode])
      extends Operand {
    override def json: JsonNode = node("literal", scalar.get)
  }

  private val comparisons = Map(
    "=" -> "eq",
    "<>" -> "not_eq",
    "<=>" -> "null_safe_eq",
    "<" -> "lt",
    "<=" -> "lt_eq",
    ">" -> "gt",
    ">=" -> "gt_eq"
  )

  /** Names of what gives a value, where Spark wants a condition. */
  private val isComputed = Set("CASE_WHEN", "COALESCE", "GREATEST", "LEAST")

  private val searches =
    Map("STARTS_WITH" -> "starts_with", "ENDS_WITH" -> "ends_with", "CONTAINS" -> "contains")

  /** All of the predicates. */
  def conjunction(predicates: Seq[JsonNode]): Option[JsonNode] =
    if (predicates.size > 1) Some(node("and", Json.array(predicates))) else predicates.headOption

  private def plain(dataType: DataType): DataType = SchemaConverter.plain(dataType)

  private def isNull(operand: Operand): Boolean = operand match {
    case Value(_, scalar) => scalar.isEmpty
    case _                => false
  }

  /** Whether values of the two types compare as they are. */
  private def comparable(a: DataType, b: DataType): Boolean = (a, b) match {
    case (x: DecimalType, y: DecimalType) => x.scale == y.scale
    case _ => a == b && SchemaConverter.typeName(LogicalType.ordered(a)).isDefined
  }

  /** Spark nests what is one long chain: a chain is one node here. */
  private def both(op: String, l: Option[JsonNode], r: Option[JsonNode]): Option[JsonNode] = {
    def parts(side: JsonNode): Iterator[JsonNode] =
      Option(side.get(op)).fold(Iterator(side))(Json.elements)
    for (left <- l; right <- r) yield {
      // Grows in place: copied at each step, a long chain would take the square of its length.
      val chain = Option(left.get(op)).fold(Json.array(Seq(left)))(_.asInstanceOf[ArrayNode])
      parts(right).foreach(chain.add(_))
      node(op, chain)
    }
  }

  private def comparison(op: String, left: JsonNode, right: JsonNode): JsonNode = {
    val parts = Json.arr()
    parts.add(op)
    parts.add(left)
    parts.add(right)
    node("compare", parts)
  }

  private def always(truth: Option[Boolean]): JsonNode = {
    val body = Json.obj()
    truth.fold(body.putNull("always"))(body.put("always", _))
  }

  private def columnJson(names: Seq[String]): JsonNode = node("column", Json.strings(names))

  /** A literal as NCF's scalar, exact: floats as their bits, decimals as text. */
  private def value(raw: Any, dataType: DataType): Option[Value] = {
    val scalar = Json.obj()
    val known = (raw, LogicalType.ordered(dataType)) match {
      case (null, _)                    => Some(scalar)
      case (v: Boolean, BooleanType)    => Some(scalar.put("boolean", v))
      case (v: Byte, ByteType)          => Some(scalar.put("tinyint", v.toInt))
      case (v: Short, ShortType)        => Some(scalar.put("smallint", v.toInt))
      case (v: Int, IntegerType)        => Some(scalar.put("int", v))
      case (v: Long, LongType)          => Some(scalar.put("bigint", v))
      case (v: Int, DateType)           => Some(scalar.put("date", v))
      case (v: Long, TimestampType)     => Some(scalar.put("timestamp", v))
      case (v: Long, TimestampNTZType)  => Some(scalar.put("timestamp_ntz", v))
      case (v: UTF8String, StringType)  => text(v).map(scalar.put("string", _))
      case (v: Array[Byte], BinaryType) => Some(bytes(v))
      case (v: Decimal, d: DecimalType) => decimal(v, d)
      case (v: Float, FloatType)        =>
        Some(scalar.put("float", f"${java.lang.Float.floatToRawIntBits(v)}%08x"))
      case (v: Double, DoubleType) =>
        Some(scalar.put("double", f"${java.lang.Double.doubleToRawLongBits(v)}%016x"))
      case _ => None
    }
    known.map(json => Value(dataType, if (raw == null) None else Some(json)))
  }

  /** JSON carries Unicode only: a literal of other bytes stays with Spark. */
  private def text(value: UTF8String): Option[String] =
    Some(value.toString).filter(text => UTF8String.fromString(text) == value)

  private def bytes(value: Array[Byte]): JsonNode = {
    val numbers = Json.arr()
    value.foreach(byte => numbers.add(byte & 0xff))
    node("binary", numbers)
  }

  private def decimal(value: Decimal, dataType: DecimalType): Option[JsonNode] =
    Try(value.toJavaBigDecimal.setScale(dataType.scale)).toOption.map { exact =>
      val body = Json.obj()
      body.put("unscaled", exact.unscaledValue.toString)
      body.put("precision", dataType.precision)
      body.put("scale", dataType.scale)
      node("decimal", body)
    }
}
