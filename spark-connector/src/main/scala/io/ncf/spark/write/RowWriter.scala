package io.ncf.spark.write

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.UnsafeRow
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.Platform

import io.ncf.jni.{BatchBuilder, ColumnBuilder}
import io.ncf.spark.{NcfErrors, SchemaConverter}

/** Copies rows into a batch. How a column is copied is decided once, not per row.
  *
  * @param schema   the rows' columns
  * @param ordinals those to copy, in the order of the batch's columns
  */
private[spark] final class RowWriter(schema: StructType, ordinals: Seq[Int], batch: BatchBuilder) {

  private val copiers: Array[RowWriter.Copier] = ordinals.zipWithIndex.map {
    case (ordinal, index) => RowWriter.copier(schema(ordinal), ordinal, batch.column(index))
  }.toArray

  /** Appends a row; true when the batch is full. */
  def append(row: InternalRow): Boolean = {
    var index = 0
    while (index < copiers.length) {
      copiers(index).copy(row)
      index += 1
    }
    batch.rowDone()
  }
}

private[spark] object RowWriter {

  /** Copies one column. */
  private[write] abstract class Copier(ordinal: Int, builder: ColumnBuilder) {

    final def copy(row: InternalRow): Unit =
      if (row.isNullAt(ordinal)) builder.appendNull() else value(row)

    protected def value(row: InternalRow): Unit
  }

  private def copier(field: StructField, i: Int, to: ColumnBuilder): Copier =
    field.dataType match {
      case BooleanType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendBoolean(row.getBoolean(i))
        }
      case ByteType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendByte(row.getByte(i))
        }
      case ShortType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendShort(row.getShort(i))
        }
      case IntegerType | DateType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendInt(row.getInt(i))
        }
      case LongType | TimestampType | TimestampNTZType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendLong(row.getLong(i))
        }
      case FloatType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendFloat(row.getFloat(i))
        }
      case DoubleType => new Copier(i, to) {
          override def value(row: InternalRow): Unit = to.appendDouble(row.getDouble(i))
        }
      case decimal: DecimalType => decimalCopier(decimal, i, to)
      case BinaryType           => new Copier(i, to) {
          override def value(row: InternalRow): Unit = {
            val bytes = row.getBinary(i)
            to.appendBytes(bytes, Platform.BYTE_ARRAY_OFFSET.toLong, bytes.length)
          }
        }
      case string if SchemaConverter.isString(string) =>
        new Copier(i, to) {
          override def value(row: InternalRow): Unit = {
            val text = row.getUTF8String(i)
            to.appendBytes(text.getBaseObject, text.getBaseOffset, text.numBytes())
          }
        }
      case other => throw NcfErrors.columnType(field.name, other)
    }

  private def decimalCopier(decimal: DecimalType, i: Int, to: ColumnBuilder): Copier = {
    val (precision, scale) = (decimal.precision, decimal.scale)
    if (precision <= Decimal.MAX_LONG_DIGITS) new Copier(i, to) {
      override def value(row: InternalRow): Unit = row match {
        // Spark's own rows hold the unscaled value: no object is needed.
        case unsafe: UnsafeRow => to.appendLong(unsafe.getLong(i))
        case other             =>
          to.appendLong(other.getDecimal(i, precision, scale).toUnscaledLong)
      }
    }
    else new Copier(i, to) {
      override def value(row: InternalRow): Unit = row match {
        // Here Spark's own rows hold place and length of the unscaled value's bytes.
        case unsafe: UnsafeRow =>
          val place = unsafe.getLong(i)
          to.appendDecimal(
            unsafe.getBaseObject,
            unsafe.getBaseOffset + (place >>> 32),
            place.toInt
          )
        case other => to.appendDecimal(other.getDecimal(i, precision, scale))
      }
    }
  }
}
