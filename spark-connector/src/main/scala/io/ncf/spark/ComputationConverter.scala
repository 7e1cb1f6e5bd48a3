package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{
  Cast,
  Expression,
  Extract,
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
  * @param predicates knows columns, literals and conditions
  * @param zone       the time zone of functions of timestamps, if it is known
  */
private[spark] final class ComputationConverter(
    predicates: PredicateConverter,
    zone: Option[String]
) {

  import ComputationConverter._

  /** The equivalent and its type, if NCF has one. */
  def convert(expression: Expression): Option[Computation] = expression match {
    case reference: NamedReference =>
      predicates.column(reference).filter(c => isKnown(c.dataType)).map { column =>
        Computation(node("value", column.json), column.dataType)
      }
    case literal: Literal[_] => constant(literal)
    case cast: Cast          =>
      convert(cast.expression()).flatMap(this.cast(_, SchemaConverter.plain(cast.dataType())))
    case extract: Extract => convert(extract.source()).flatMap(part(extract.field(), _))
    case general: GeneralScalarExpression =>
      val children = general.children().toSeq
      named(general.name(), children).orElse(general match {
        case predicate: Predicate => truth(predicate)
        case _                    => None
      })
    case _ => None
  }

  private def constant(literal: Literal[_]): Option[Computation] =
    predicates.literal(literal).filter(v => isKnown(v.dataType)).flatMap {
      case value if value.scalar.isDefined =>
        Some(Computation(node("value", value.json), value.dataType))
      case value => typed(Json.obj(), "null", value.dataType)
    }

  private def truth(predicate: Predicate): Option[Computation] =
    predicates.condition(predicate).map(json => Computation(node("truth", json), BooleanType))

  private def named(name: String, children: Seq[Expression]): Option[Computation] =
    (name, children) match {
      case ("-", Seq(value))                        => convert(value).flatMap(unary("negate", _))
      case (op, Seq(left, right)) if operations(op) =>
        for (l <- convert(left); r <- convert(right); found <- arithmetic(op, l, r)) yield found
      case ("CASE_WHEN", _)                         => caseWhen(children)
      case ("COALESCE" | "GREATEST" | "LEAST", _)   => choice(name, children)
      case ("ABS", Seq(value))                      => convert(value).flatMap(unary("abs", _))
      case ("CEIL", Seq(value))                     => convert(value).flatMap(whole("ceiling", _))
      case ("FLOOR", Seq(value))                    => convert(value).flatMap(whole("floor", _))
      case ("ROUND", Seq(value, scale: Literal[_])) => convert(value).flatMap(round(_, scale))
      case ("DATE_ADD", Seq(date, days))            =>
        dates("date_add", date, DateType, days, IntegerType, DateType)
      case ("DATE_DIFF", Seq(end, start)) =>
        dates("date_diff", end, DateType, start, DateType, IntegerType)
      case _ => ofText(name, children)
    }

  private def ofText(name: String, children: Seq[Expression]): Option[Computation] = {
    def one(function: JsonNode, result: DataType): Option[Computation] =
      children.headOption.flatMap(convert).filter(_.dataType == StringType).map { value =>
        call(function, Seq(value), result)
      }
    (name, children.drop(1)) match {
      case ("UPPER" | "LOWER", Seq()) if SQLConf.get.getConf(SQLConf.ICU_CASE_MAPPINGS_ENABLED) =>
        one(Json.text(name.toLowerCase(java.util.Locale.ROOT)), StringType)
      case ("CHAR_LENGTH", Seq())                 => one(Json.text("char_length"), IntegerType)
      case ("BIT_LENGTH", Seq())                  => one(Json.text("bit_length"), IntegerType)
      case ("SUBSTRING", Number(start) +: length) =>
        val body = Json.obj().put("start", start)
        length match {
          case Seq()             => one(node("substring", body), StringType)
          case Seq(Number(size)) => one(node("substring", body.put("length", size)), StringType)
          case _                 => None
        }
      case ("TRIM" | "LTRIM" | "RTRIM", trimmed) =>
        val characters = trimmed match {
          case Seq()     => Some(" ")
          case Seq(text) => predicates.literal(text).flatMap(_.scalar).flatMap(textOf)
          case _         => None
        }
        characters.flatMap { text =>
          one(node("trim", Json.obj().put("side", sides(name)).put("characters", text)), StringType)
        }
      case ("CONCAT", _) =>
        all(children).filter(_.forall(_.dataType == StringType)).map { parts =>
          call(Json.text("concat"), parts, StringType)
        }
      case _ => None
    }
  }

  private def all(children: Seq[Expression]): Option[Seq[Computation]] = {
    val converted = children.map(convert)
    if (converted.nonEmpty && converted.forall(_.isDefined)) Some(converted.flatten) else None
  }

  /** Spark makes all values of a choice of one type. */
  private def choice(name: String, children: Seq[Expression]): Option[Computation] =
    all(children).filter(values => values.forall(_.dataType == values.head.dataType)).map {
      values =>
        call(Json.text(name.toLowerCase(java.util.Locale.ROOT)), values, values.head.dataType)
    }

  /** Conditions and values in turn, and perhaps a value for all other rows. */
  private def caseWhen(children: Seq[Expression]): Option[Computation] = {
    val (pairs, rest) = children.splitAt(children.size / 2 * 2)
    val branches = pairs.grouped(2).toSeq.map { pair =>
      for (c <- predicates.condition(pair.head); v <- convert(pair.last)) yield (c, v)
    }
    val otherwise = rest.map(convert)
    val values = branches.map(_.map(_._2)) ++ otherwise
    val types = values.flatten.map(_.dataType).distinct
    if (!values.forall(_.isDefined) || types.size != 1) None
    else {
      val body = Json.obj()
      body.set[JsonNode](
        "branches",
        Json.array(branches.flatten.map { case (condition, value) =>
          Json.array(Seq(condition, value.json))
        })
      )
      otherwise.flatten.headOption
        .fold[JsonNode](body.putNull("otherwise"))(value =>
          body.set[JsonNode]("otherwise", value.json)
        )
      typed(body, "case", types.head)
    }
  }

  /** A part of a date, or of a timestamp in the session's time zone. */
  private def part(field: String, source: Computation): Option[Computation] =
    (datePart.get(field), timePart.get(field), source.dataType) match {
      case (Some(function), _, DateType) =>
        Some(call(Json.text(function), Seq(source), IntegerType))
      case (_, Some(function), TimestampType | TimestampNTZType) =>
        localTime(source.dataType).map { zone =>
          call(node(function, zone), Seq(source), IntegerType)
        }
      case _ => None
    }

  private def dates(
      function: String,
      left: Expression,
      leftType: DataType,
      right: Expression,
      rightType: DataType,
      result: DataType
  ): Option[Computation] =
    for {
      l <- convert(left) if l.dataType == leftType
      r <- convert(right) if r.dataType == rightType
    } yield call(Json.text(function), Seq(l, r), result)

  private def unary(function: String, value: Computation): Option[Computation] =
    if (isSigned(value.dataType)) Some(call(Json.text(function), Seq(value), value.dataType))
    else None

  private def whole(function: String, value: Computation): Option[Computation] =
    value.dataType match {
      case LongType                       => Some(value)
      case d: DecimalType if d.scale == 0 => Some(value)
      case DoubleType                     => Some(call(Json.text(function), Seq(value), LongType))
      case d: DecimalType                 =>
        val result = DecimalType(math.min(d.precision - d.scale + 1, DecimalType.MAX_PRECISION), 0)
        Some(call(Json.text(function), Seq(value), result))
      case _ => None
    }

  private def round(value: Computation, digits: Literal[_]): Option[Computation] =
    (value.dataType, digits) match {
      case (dataType, Number(scale)) if scale >= 0 && isInteger(dataType) => Some(value)
      case (d: DecimalType, Number(scale)) if scale >= 0                  =>
        val kept = math.min(d.scale, scale)
        val precision = math.min(d.precision - d.scale + 1 + kept, DecimalType.MAX_PRECISION)
        val function = node("round", Json.obj().put("digits", kept))
        Some(call(function, Seq(value), DecimalType(precision, kept)))
      case _ => None
    }

  private def cast(input: Computation, to: DataType): Option[Computation] =
    (input.dataType, to) match {
      case (from, _) if from == to                      => Some(input)
      case (TimestampType | TimestampNTZType, DateType) =>
        localTime(input.dataType).map(zone => call(node("date", zone), Seq(input), DateType))
      case (from, _) if casts(from, to) =>
        val body = Json.obj()
        body.set[JsonNode]("input", input.json)
        typed(body, "cast", to)
      case _ => None
    }

  /** How local time is made of a timestamp: one without a zone has it already. */
  private def localTime(dataType: DataType): Option[JsonNode] =
    if (dataType == TimestampNTZType) Some(Json.obj()) else zone.map(SessionZone.json)

  private def arithmetic(op: String, l: Computation, r: Computation): Option[Computation] =
    resultType(op, l.dataType, r.dataType).flatMap { result =>
      val body = Json.obj()
      body.put("op", names(op))
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

  private val names = Map(
    "+" -> "add",
    "-" -> "subtract",
    "*" -> "multiply",
    "/" -> "divide",
    "%" -> "remainder"
  )

  private def operations(op: String): Boolean = names.contains(op)

  private val sides = Map("TRIM" -> "both", "LTRIM" -> "leading", "RTRIM" -> "trailing")

  private val datePart = Map(
    "YEAR" -> "year",
    "QUARTER" -> "quarter",
    "MONTH" -> "month",
    "WEEK" -> "week",
    "DAY" -> "day",
    "DAY_OF_WEEK" -> "day_of_week",
    "DAY_OF_YEAR" -> "day_of_year",
    "YEAR_OF_WEEK" -> "year_of_week"
  )

  private val timePart = Map("HOUR" -> "hour", "MINUTE" -> "minute", "SECOND" -> "second")

  /** A whole number that is known now. */
  private object Number {
    def unapply(expression: Expression): Option[Int] = expression match {
      case literal: Literal[_] =>
        literal.value() match {
          case number: Int => Some(number)
          case _           => None
        }
      case _ => None
    }
  }

  private def textOf(scalar: JsonNode): Option[String] =
    Option(scalar.get("string")).map(_.asText())

  private def call(
      function: JsonNode,
      arguments: Seq[Computation],
      result: DataType
  ): Computation = {
    val body = Json.obj()
    body.set[JsonNode]("function", function)
    body.set[JsonNode]("arguments", Json.array(arguments.map(_.json)))
    Computation(node("call", body), result)
  }

  private def isKnown(dataType: DataType): Boolean = SchemaConverter.typeName(dataType).isDefined

  /** Integers by width, and the digits that each may have. */
  private val digits =
    Seq[(DataType, Int)](ByteType -> 3, ShortType -> 5, IntegerType -> 10, LongType -> 20)

  private def isInteger(dataType: DataType): Boolean = digits.exists(_._1 == dataType)

  private def isFloat(dataType: DataType): Boolean =
    dataType == FloatType || dataType == DoubleType

  private def isNumber(dataType: DataType): Boolean =
    isInteger(dataType) || isFloat(dataType) || dataType.isInstanceOf[DecimalType]

  /** Whether Spark changes the sign of numbers and nothing else: of decimals with more digits it rounds
    * some away.
    */
  private def isSigned(dataType: DataType): Boolean = dataType match {
    case d: DecimalType => d.precision <= 34
    case other          => isNumber(other)
  }

  /** Most digits of a decimal whose integer part Spark cuts off without a detour through a double that
    * shows.
    */
  private val mostCutDigits = 15

  /** Whether NCF has Spark's cast, numbers that leave the type apart: the planner proves that there are
    * none.
    */
  private def casts(from: DataType, to: DataType): Boolean = (from, to) match {
    case (a, b) if isInteger(a) && isInteger(b)    => true
    case (a, b) if isFloat(a) && isFloat(b)        => true
    case (BooleanType, b)                          => isInteger(b) || isFloat(b) || b == StringType
    case (a, FloatType | DoubleType | BooleanType) =>
      isInteger(a) || (a.isInstanceOf[DecimalType] && to != BooleanType)
    case (a, StringType)                  => isInteger(a)
    case (_: DecimalType, _: DecimalType) => true
    case (a, _: DecimalType)              => isInteger(a)
    case (d: DecimalType, b)              =>
      isInteger(b) && (b == LongType || d.precision <= mostCutDigits)
    case _ => false
  }

  /** Spark's type of a result, if all of the exact result's digits after the point have a place. */
  private def resultType(op: String, left: DataType, right: DataType): Option[DataType] =
    (op, left, right) match {
      case ("/", a, b) if a == b && isFloat(a)                                => Some(a)
      case ("%", a, b) if a == b && isInteger(a)                              => Some(a)
      case ("/" | "%", _, _)                                                  => None
      case (_, a: DecimalType, b: DecimalType)                                => decimal(op, a, b)
      case (_, a, b) if a == b && isNumber(a) && !a.isInstanceOf[DecimalType] => Some(a)
      case _                                                                  => None
    }

  private def decimal(op: String, a: DecimalType, b: DecimalType): Option[DataType] = {
    val (precision, scale) =
      if (op == "*") (a.precision + b.precision + 1, a.scale + b.scale)
      else {
        val scale = math.max(a.scale, b.scale)
        (math.max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)
      }
    Some(bounded(precision, scale)).filter(_.scale == scale)
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
