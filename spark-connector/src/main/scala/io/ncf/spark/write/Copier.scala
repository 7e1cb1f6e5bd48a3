package io.ncf.spark.write

import org.apache.spark.sql.catalyst.expressions.{SpecializedGetters, UnsafeArrayData, UnsafeRow}
import org.apache.spark.sql.types._

import io.ncf.jni.ColumnBuilder
import io.ncf.spark.{Names, NcfErrors}

/** Copies values of one type out of rows and arrays into a builder. */
private[write] abstract class Copier(to: ColumnBuilder) {

  /** Appends the value at `i`, which may be null. */
  final def copy(from: SpecializedGetters, i: Int): Unit =
    if (from.isNullAt(i)) to.appendNull() else value(from, i)

  /** Appends the value at `i`, which is not null. */
  protected def value(from: SpecializedGetters, i: Int): Unit
}

private[write] object Copier {

  /** The copier of a column.
    *
    * @param name   of the column, for messages
    * @param source type of the values
    * @param target type of the builder: the same, but for the order of fields of structs
    */
  def of(name: String, source: DataType, target: DataType, to: ColumnBuilder): Copier =
    (source, target) match {
      case (from: ArrayType, into: ArrayType) =>
        new ArrayCopier(of(name, from.elementType, into.elementType, to.child(0)), to)
      case (from: MapType, into: MapType)       => map(name, from, into, to)
      case (from: StructType, into: StructType) => struct(name, from, into, to)
      case (VariantType, VariantType)           => new VariantCopier(to)
      case (CalendarIntervalType, _)            => new CalendarIntervalCopier(to)
      case (decimal: DecimalType, _)            => ofDecimal(decimal, to)
      case (_: StringType, _: StringType)       => new StringCopier(to)
      case (BinaryType, _)                      => new BinaryCopier(to)
      case _ => ofPrimitive(source, to).getOrElse(throw NcfErrors.columnType(name, source))
    }

  private def map(name: String, from: MapType, into: MapType, to: ColumnBuilder): Copier = {
    val entries = to.child(0)
    new MapCopier(
      of(name, from.keyType, into.keyType, entries.child(0)),
      of(name, from.valueType, into.valueType, entries.child(1)),
      to
    )
  }

  private def struct(
      name: String,
      from: StructType,
      into: StructType,
      to: ColumnBuilder
  ): Copier = {
    val names = from.fieldNames.toSeq
    val ordinals = into.fieldNames.map(Names.find(_, names))
    val fields = ordinals.zipWithIndex.map { case (ordinal, index) =>
      if (ordinal < 0) {
        throw NcfErrors.invalid(s"column $name has no field ${into(index).name}")
      }
      val path = s"$name.${into(index).name}"
      of(path, from(ordinal).dataType, into(index).dataType, to.child(index))
    }
    new StructCopier(from.length, ordinals, fields, to)
  }

  private def ofPrimitive(source: DataType, to: ColumnBuilder): Option[Copier] = source match {
    case BooleanType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit =
          to.appendBoolean(from.getBoolean(i))
      })
    case ByteType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit = to.appendByte(from.getByte(i))
      })
    case ShortType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit =
          to.appendShort(from.getShort(i))
      })
    case IntegerType | DateType | _: YearMonthIntervalType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit = to.appendInt(from.getInt(i))
      })
    case LongType | TimestampType | TimestampNTZType | _: DayTimeIntervalType | _: TimeType =>
      Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit = to.appendLong(from.getLong(i))
      })
    case FloatType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit =
          to.appendFloat(from.getFloat(i))
      })
    case DoubleType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit =
          to.appendDouble(from.getDouble(i))
      })
    case NullType => Some(new Copier(to) {
        override def value(from: SpecializedGetters, i: Int): Unit = to.appendNull()
      })
    case _ => None
  }

  private def ofDecimal(decimal: DecimalType, to: ColumnBuilder): Copier = {
    val (precision, scale) = (decimal.precision, decimal.scale)
    if (precision <= Decimal.MAX_LONG_DIGITS) new Copier(to) {
      override def value(from: SpecializedGetters, i: Int): Unit = from match {
        // Spark's own rows hold the unscaled value: no object is needed.
        case row: UnsafeRow         => to.appendLong(row.getLong(i))
        case array: UnsafeArrayData => to.appendLong(array.getLong(i))
        case other => to.appendLong(other.getDecimal(i, precision, scale).toUnscaledLong)
      }
    }
    else new Copier(to) {
      override def value(from: SpecializedGetters, i: Int): Unit = from match {
        // Here Spark's own rows hold place and length of the unscaled value's bytes.
        case row: UnsafeRow =>
          val place = row.getLong(i)
          to.appendDecimal(row.getBaseObject, row.getBaseOffset + (place >>> 32), place.toInt)
        case other => to.appendDecimal(other.getDecimal(i, precision, scale))
      }
    }
  }
}
