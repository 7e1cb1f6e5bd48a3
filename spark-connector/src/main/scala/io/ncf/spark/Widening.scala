package io.ncf.spark

import org.apache.spark.sql.types._

/** Types whose values are all values of another type: the rule of the native side
  * (`ncf_core::widening`), which says no again where this one were wrong.
  */
private[spark] object Widening {

  private val digits: Map[DataType, Int] =
    Map(ByteType -> 3, ShortType -> 5, IntegerType -> 10, LongType -> 19)

  /** Whether a column stored as `stored` can be read as `wanted`. */
  def allows(stored: DataType, wanted: DataType): Boolean = (stored, wanted) match {
    case (from: DecimalType, to: DecimalType) =>
      to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
    case (from, to: DecimalType) =>
      digits.get(from).exists(_ <= to.precision - to.scale)
    case (ByteType, ShortType | IntegerType | LongType)               => true
    case (ShortType, IntegerType | LongType)                          => true
    case (IntegerType, LongType)                                      => true
    case (ByteType | ShortType | IntegerType | FloatType, DoubleType) => true
    case (DateType, TimestampNTZType)                                 => true
    case _                                                            => stored == wanted
  }
}
