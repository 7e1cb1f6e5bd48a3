package io.ncf.spark

import scala.util.Try

import org.apache.spark.sql.catalyst.util.CollationFactory
import org.apache.spark.sql.types._

/** Spark's types for which NCF has no type of its own. A column of one is stored as another type,
  * and its name stands in the field's metadata, so that readers know what the values are.
  */
private[spark] object LogicalType {

  /** Key of a field's metadata under which the name stands. */
  val Key = "ncf.type"

  private val variant = StructType.fromDDL("value binary, metadata binary")
  private val calendarInterval = StructType.fromDDL("months int, days int, microseconds bigint")

  private val time = """time\((\d)\)""".r
  private val binary = """binary\(\d+\)""".r
  private val array = """array\(\d+\)""".r
  private val collated = """string collate (.+)""".r

  private val byName: Map[String, DataType] = {
    val months = YearMonthIntervalType.yearMonthFields
    val seconds = DayTimeIntervalType.dayTimeFields
    val intervals =
      (for (from <- months; to <- months if from <= to) yield YearMonthIntervalType(from, to)) ++
        (for (from <- seconds; to <- seconds if from <= to) yield DayTimeIntervalType(from, to))
    (intervals ++ Seq(VariantType, CalendarIntervalType, NullType)).map(t => t.typeName -> t).toMap
  }

  /** What values of the type are stored as; none when the type is stored as itself or not at all. */
  def storage(dataType: DataType): Option[DataType] = dataType match {
    case VariantType                            => Some(variant)
    case CalendarIntervalType                   => Some(calendarInterval)
    case _: YearMonthIntervalType               => Some(IntegerType)
    case _: DayTimeIntervalType | _: TimeType   => Some(LongType)
    case NullType                               => Some(BooleanType)
    case string: StringType if collates(string) => Some(StringType)
    case _                                      => None
  }

  /** The type that values of `dataType` compare as: what they are stored as, where that has their order,
    * else their own.
    */
  def ordered(dataType: DataType): DataType = dataType match {
    case _: YearMonthIntervalType | _: DayTimeIntervalType | _: TimeType =>
      storage(dataType).getOrElse(dataType)
    case other => other
  }

  /** The name of a type that has a [[storage]]. */
  def name(dataType: DataType): String = dataType.typeName

  /** The type of a field that has this name and stores `stored`. To read it as what it is stored as
    * would be wrong, so a name from a newer connector is an error.
    *
    * @param column for messages
    */
  def parse(name: String, stored: DataType, column: String): DataType =
    if (readsAsStored(name, stored)) stored else sparks(name, stored, column)

  /** Whether it is a type of Arrow that Spark lacks, all of whose values the stored type has. */
  private def readsAsStored(name: String, stored: DataType): Boolean = (name, stored) match {
    case ("uint8", ShortType) | ("uint16", IntegerType) | ("uint32", LongType) => true
    case ("uint64", decimal: DecimalType) => decimal == DecimalType(20, 0)
    case (binary(), BinaryType)           => true
    case (array(), _: ArrayType)          => true
    case _                                => false
  }

  private def sparks(name: String, stored: DataType, column: String): DataType = {
    val known = byName.get(name).orElse(parameterised(name, column)).getOrElse(
      throw NcfErrors.unsupported(
        s"column $column has the type '$name', which needs a newer ncf connector"
      )
    )
    if (!storage(known).exists(SchemaConverter.plain(_) == SchemaConverter.plain(stored))) {
      throw NcfErrors.unsupported(
        s"column $column has the type '$name', stored as ${stored.catalogString}, " +
          "which needs a newer ncf connector"
      )
    }
    known
  }

  private def parameterised(name: String, column: String): Option[DataType] = name match {
    case time(precision) if precision.toInt > TimeType.MAX_PRECISION =>
      throw NcfErrors.unsupported(
        s"column $column has the type '$name', and Spark's times have at most " +
          s"${TimeType.MAX_PRECISION} digits of a second's fraction; read the other columns, or " +
          "cut the times to microseconds before the file is written"
      )
    case time(precision) => Try(TimeType(precision.toInt)).toOption
    case collated(name)  => Try(StringType(name)).toOption
    case _               => None
  }

  /** Whether strings compare otherwise than by their bytes, by a collation that can be named. */
  private def collates(string: StringType): Boolean =
    string.collationId != StringType.collationId &&
      string.collationId != CollationFactory.INDETERMINATE_COLLATION_ID
}
