package io.ncf.spark

import java.math.{BigDecimal => JavaDecimal}
import java.time.{Instant, LocalDate, LocalDateTime, ZoneOffset}

import scala.util.Random

import org.apache.spark.sql.types._

/** Random SQL expressions over the columns of a table, by the kind of their values.
  *
  * @param safe only expressions that fail in no row, whatever the values: Spark may evaluate the
  *             parts of a condition in any order, which must not change whether it fails
  */
final class RandomExpressions(columns: Seq[RandomColumn], safe: Boolean, r: Random) {

  import RandomExpressions._

  private var failing = 0

  /** How many operations that can fail were made so far. */
  def risks: Int = failing

  def pick[T](from: Seq[T]): T = from(r.nextInt(from.size))

  def columnsOf(kind: Kind): Seq[RandomColumn] =
    columns.filter(c => kindOf(c.dataType).contains(kind))

  /** Any column, of a kind that can be grouped, compared and ordered. */
  def anyColumn(): RandomColumn = pick(columns.filter(c => kindOf(c.dataType).isDefined))

  def anyExpression(depth: Int): String = {
    val kinds = Seq(Number, Number, Number, Text, Text, Day, Day, Time, LocalTime, Truth, Bytes)
    expression(pick(kinds.filter(kind => columnsOf(kind).nonEmpty || kind == Truth)), depth)
  }

  def expression(kind: Kind, depth: Int): String =
    if (kind == Truth) predicate(depth)
    else if (columnsOf(kind).isEmpty) constant(kind)
    else if (depth <= 0 || r.nextInt(5) == 0) leaf(kind)
    else if (r.nextInt(4) == 0) choice(kind, depth)
    else
      kind match {
        case Number                   => if (safe) safeNumber() else number(depth)
        case Text                     => text(depth)
        case Day if r.nextInt(3) == 0 => s"cast(${expression(Time, depth - 1)} as date)"
        case _                        => leaf(kind)
      }

  private def leaf(kind: Kind): String = {
    val all = columnsOf(kind)
    if (safe || r.nextInt(7) > 0) pick(all).sql else constant(kind)
  }

  /** What takes one of several values. Unlike types of numbers meet by casts, which can fail. */
  private def choice(kind: Kind, depth: Int): String = {
    def one(): String =
      if (safe && kind == Number) sameType(chosen).sql else expression(kind, depth - 1)
    lazy val chosen = pick(columnsOf(kind))
    r.nextInt(7) match {
      case 0 => s"coalesce(${one()}, ${one()})"
      case 1 => s"nullif(${one()}, ${one()})"
      case 2 => s"greatest(${one()}, ${one()}, ${one()})"
      case 3 => s"least(${one()}, ${one()})"
      case 4 => s"if(${predicate(depth - 1)}, ${one()}, ${one()})"
      case 5 => s"CASE WHEN ${predicate(depth - 1)} THEN ${one()} END"
      case _ =>
        s"CASE WHEN ${predicate(depth - 1)} THEN ${one()} " +
          s"WHEN ${predicate(depth - 1)} THEN ${one()} ELSE ${one()} END"
    }
  }

  private def sameType(as: RandomColumn): RandomColumn =
    pick(columns.filter(_.dataType == as.dataType))

  private def safeNumber(): String = {
    val fractions = columns.filter(c => c.dataType == DoubleType || c.dataType == FloatType)
    r.nextInt(4) match {
      case 0 if fractions.nonEmpty =>
        s"${pick(Seq("abs", "floor", "ceil"))}(${pick(fractions).sql})"
      case 0 | 1 => s"length(${expression(Text, 0)})"
      case _     => part(0)
    }
  }

  /** A part of a day or a time. */
  private def part(depth: Int): String =
    if (r.nextBoolean())
      s"${pick(partsOfDay)}(${expression(if (r.nextInt(4) == 0) Time else Day, depth)})"
    else s"${pick(partsOfTime)}(${expression(Time, depth)})"

  private def number(depth: Int): String = {
    def inner(): String = expression(Number, depth - 1)
    r.nextInt(14) match {
      case 0 | 1 | 2 => failing += 1; s"(${inner()} ${pick(Seq("+", "-", "*"))} ${inner()})"
      case 3         => failing += 1; s"(${inner()} ${pick(Seq("/", "%"))} ${inner()})"
      case 4         => failing += 1; s"(${inner()} ${pick(Seq("/", "%"))} nullif(${inner()}, 0))"
      case 5         => failing += 1; s"${pick(Seq("abs", "-"))}(${inner()})"
      case 6         => failing += 1; s"${pick(Seq("ceil", "floor"))}(${inner()})"
      case 7         => failing += 1; s"round(${inner()}, ${pick(Seq(0, 1, 2, -1))})"
      case 8         => failing += 1; s"cast(${inner()} as ${pick(casts)})"
      case 9         => failing += 1; s"cast(${expression(Text, depth - 1)} as ${pick(casts)})"
      case 10        => s"length(${expression(Text, depth - 1)})"
      case _         => part(depth - 1)
    }
  }

  private def text(depth: Int): String = {
    def inner(): String = expression(Text, depth - 1)
    r.nextInt(9) match {
      case 0 => s"upper(${inner()})"
      case 1 => s"lower(${inner()})"
      case 2 => s"concat(${inner()}, ${pick(Seq("'-'", inner()))})"
      case 3 => s"(${inner()} || ${inner()})"
      case 4 => s"${pick(Seq("trim", "ltrim", "rtrim"))}(${inner()})"
      case 5 => s"trim(${pick(Seq("BOTH", "LEADING", "TRAILING"))} 'a ' FROM ${inner()})"
      case 6 => s"substring(${inner()}, ${r.nextInt(9) - 4}, ${r.nextInt(5) - 1})"
      case 7 => s"substring(${inner()}, ${r.nextInt(9) - 4})"
      case _ =>
        s"cast(${pick(columns.filter(c => kindOf(c.dataType).exists(_ != Bytes))).sql} as string)"
    }
  }

  /** A condition of one column or of several. */
  def predicate(depth: Int): String =
    if (depth <= 0 || r.nextInt(3) > 0) test(depth)
    else
      r.nextInt(6) match {
        case 0     => s"(NOT ${predicate(depth - 1)})"
        case 1 | 2 => s"(${predicate(depth - 1)} AND ${predicate(depth - 1)})"
        case 3 | 4 => s"(${predicate(depth - 1)} OR ${predicate(depth - 1)})"
        case _     =>
          s"(CASE WHEN ${predicate(depth - 1)} THEN ${predicate(depth - 1)} " +
            s"ELSE ${predicate(depth - 1)} END)"
      }

  private def test(depth: Int): String = {
    val truths = columnsOf(Truth)
    r.nextInt(12) match {
      case 0 if truths.nonEmpty =>
        pick(Seq(pick(truths).sql, s"coalesce(${pick(truths).sql}, false)"))
      case 1     => s"(${anyColumn().sql} IS ${pick(Seq("", "NOT "))}NULL)"
      case 2 | 3 => like(depth)
      case 4     => s"(${part(0)} ${comparison()} ${pick(Seq(1, 2, 4, 12, 30, 2020))})"
      case 5     => in()
      case 6 | 7 => compared(depth)
      case _     =>
        val column = anyColumn()
        val other = if (r.nextInt(6) == 0) sameType(column).sql else sampled(column)
        s"(${column.sql} ${comparison()} $other)"
    }
  }

  private def comparison(): String = pick(Seq("=", "<>", "<", "<=", ">", ">=", "<=>"))

  /** A comparison, at the top of which is none of `AND`, `OR` and `NOT`. */
  def compared(depth: Int): String = {
    val kind = pick(Seq(Number, Number, Text, Day, Time).filter(columnsOf(_).nonEmpty))
    if (safe && kind == Number) {
      val column = pick(columnsOf(Number))
      s"(coalesce(${column.sql}, ${sameType(column).sql}) ${comparison()} ${sampled(column)})"
    } else {
      val other = if (r.nextBoolean()) expression(kind, 0) else constant(kind)
      // A number and one of another type meet in a third.
      if (kind == Number) failing += 1
      s"(${expression(kind, depth)} ${comparison()} $other)"
    }
  }

  private def in(): String = {
    val column = anyColumn()
    val some = Seq.fill(pick(Seq(1, 2, 3, 14)))(sampled(column))
    val list = if (r.nextInt(6) == 0) some :+ "NULL" else some
    s"(${column.sql} ${pick(Seq("", "NOT "))}IN (${list.mkString(", ")}))"
  }

  private def like(depth: Int): String = {
    val value = expression(Text, math.min(depth, 1))
    val sample = pick(columnsOf(Text)).present.collect { case s: String => s }
    val word =
      (if (sample.isEmpty) "a" else pick(sample)).take(4).filter(c => c != '\\' && c != '\'')
    val pattern = r.nextInt(7) match {
      case 0 => s"$word%"
      case 1 => s"%$word"
      case 2 => s"%$word%"
      case 3 => s"${word.take(1)}_%"
      case 4 => s"${word.take(1)}%${word.takeRight(1)}"
      case 5 => word
      case _ => "a\\\\_b"
    }
    s"($value ${pick(Seq("", "NOT "))}LIKE '$pattern')"
  }

  /** A literal of a value that the column has, or of another of its type. */
  private def sampled(column: RandomColumn): String =
    if (column.present.nonEmpty && r.nextInt(5) > 0) literal(pick(column.present), column.dataType)
    else literal(RandomValues.value(column.dataType, column.tame, r), column.dataType)

  private def constant(kind: Kind): String = kind match {
    case Number =>
      pick(Seq("0", "1", "-3", "7L", "2.5", "0.05", "100", "1.5D", "cast(2 as smallint)"))
    case _ =>
      val dataType = typeOf(kind)
      literal(RandomValues.value(dataType, tame = true, r), dataType)
  }
}

object RandomExpressions {

  sealed trait Kind
  case object Number extends Kind
  case object Text extends Kind
  case object Day extends Kind
  case object Time extends Kind
  case object LocalTime extends Kind
  case object Truth extends Kind
  case object Bytes extends Kind

  val partsOfDay: Seq[String] =
    Seq("year", "month", "quarter", "day", "dayofweek", "dayofyear", "weekofyear", "weekday")

  val partsOfTime: Seq[String] = Seq("hour", "minute", "second")

  private val casts =
    Seq(
      "tinyint",
      "smallint",
      "int",
      "bigint",
      "float",
      "double",
      "decimal(12, 2)",
      "decimal(38, 6)"
    )

  def kindOf(dataType: DataType): Option[Kind] = dataType match {
    case _: NumericType   => Some(Number)
    case StringType       => Some(Text)
    case DateType         => Some(Day)
    case TimestampType    => Some(Time)
    case TimestampNTZType => Some(LocalTime)
    case BooleanType      => Some(Truth)
    case BinaryType       => Some(Bytes)
    case _                => None
  }

  private def typeOf(kind: Kind): DataType = kind match {
    case Number    => IntegerType
    case Text      => StringType
    case Day       => DateType
    case Time      => TimestampType
    case LocalTime => TimestampNTZType
    case Truth     => BooleanType
    case Bytes     => BinaryType
  }

  /** A value of Spark's external type as SQL, exactly; the same in every time zone. */
  def literal(value: Any, dataType: DataType): String = value match {
    case null           => s"cast(NULL as ${dataType.sql})"
    case v: Boolean     => v.toString
    case v: Byte        => s"cast($v as tinyint)"
    case v: Short       => s"cast($v as smallint)"
    case v: Int         => s"int('$v')"
    case v: Long        => s"bigint('$v')"
    case v: Float       => s"float('$v')"
    case v: Double      => s"double('$v')"
    case v: JavaDecimal => s"cast('${v.toPlainString}' as ${dataType.sql})"
    case v: String      => s"'${v.replace("\\", "\\\\").replace("'", "\\'")}'"
    case v: Array[Byte] => s"X'${v.map(b => f"${b & 0xff}%02X").mkString}'"
    case v: LocalDate   => s"date_from_unix_date(${v.toEpochDay})"
    case v: Instant     => s"timestamp_micros(bigint('${micros(v)}'))"
    // Of a time without a zone there is no function of microseconds: as they are in UTC.
    case v: LocalDateTime =>
      val since = seconds(micros(v.toInstant(ZoneOffset.UTC)))
      s"(timestamp_ntz'1970-01-01' + make_dt_interval(0, 0, 0, $since))"
    case other => throw new IllegalArgumentException(other.toString)
  }

  private def seconds(micros: Long): String =
    s"cast('${JavaDecimal.valueOf(micros, 6).toPlainString}' as decimal(18, 6))"

  private def micros(instant: Instant): Long =
    Math.addExact(
      Math.multiplyExact(instant.getEpochSecond, 1000000L),
      (instant.getNano / 1000).toLong
    )
}
