package io.ncf.examples.bench

import org.apache.spark.sql.types.{
  DataType,
  DateType,
  Decimal,
  DecimalType,
  IntegerType,
  LongType,
  StringType
}
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarArray, ColumnarMap}
import org.apache.spark.unsafe.Platform
import org.apache.spark.unsafe.types.UTF8String

/** A column without nulls in native memory, read by address: the least that a value can cost Spark.
  *
  * @param values integers of four or eight bytes; of strings, where each begins, and the end
  * @param bytes  the bytes of strings
  */
private final class CeilingColumn(dataType: DataType, values: Long, bytes: Long)
    extends ColumnVector(dataType) {

  def free(): Unit = {
    Platform.freeMemory(values)
    if (bytes != 0L) Platform.freeMemory(bytes)
  }

  override def getInt(row: Int): Int = Platform.getInt(null, values + 4L * row)

  override def getLong(row: Int): Long = Platform.getLong(null, values + 8L * row)

  override def getDecimal(row: Int, precision: Int, scale: Int): Decimal =
    Decimal.createUnsafe(getLong(row), precision, scale)

  override def getUTF8String(row: Int): UTF8String = {
    val start = getInt(row)
    UTF8String.fromAddress(null, bytes + start, getInt(row + 1) - start)
  }

  override def hasNull(): Boolean = false
  override def numNulls(): Int = 0
  override def isNullAt(row: Int): Boolean = false

  // The source owns the memory and hands the column out again.
  override def close(): Unit = ()

  private def absent: Nothing =
    throw new UnsupportedOperationException(s"the ceiling has no such value in a $dataType")

  override def getBoolean(row: Int): Boolean = absent
  override def getByte(row: Int): Byte = absent
  override def getShort(row: Int): Short = absent
  override def getFloat(row: Int): Float = absent
  override def getDouble(row: Int): Double = absent
  override def getBinary(row: Int): Array[Byte] = absent
  override def getArray(row: Int): ColumnarArray = absent
  override def getMap(row: Int): ColumnarMap = absent
  override def getChild(ordinal: Int): ColumnVector = absent
}

private object CeilingColumn {

  def copy(from: ColumnVector, rows: Int): CeilingColumn = {
    require(!from.hasNull, "the ceiling holds no nulls")
    from.dataType() match {
      case IntegerType | DateType =>
        val values = Platform.allocateMemory(math.max(1L, 4L * rows))
        (0 until rows).foreach(row => Platform.putInt(null, values + 4L * row, from.getInt(row)))
        new CeilingColumn(from.dataType(), values, 0L)
      case LongType => longs(from, rows)(from.getLong)
      case decimal: DecimalType if decimal.precision <= Decimal.MAX_LONG_DIGITS =>
        longs(from, rows)(from.getDecimal(_, decimal.precision, decimal.scale).toUnscaledLong)
      case StringType => strings(from, rows)
      case other      => throw new UnsupportedOperationException(s"the ceiling holds no $other")
    }
  }

  private def longs(from: ColumnVector, rows: Int)(value: Int => Long): CeilingColumn = {
    val values = Platform.allocateMemory(math.max(1L, 8L * rows))
    (0 until rows).foreach(row => Platform.putLong(null, values + 8L * row, value(row)))
    new CeilingColumn(from.dataType(), values, 0L)
  }

  private def strings(from: ColumnVector, rows: Int): CeilingColumn = {
    val texts = (0 until rows).map(from.getUTF8String)
    val starts = texts.scanLeft(0)(_ + _.numBytes())
    val values = Platform.allocateMemory(4L * starts.size)
    val bytes = Platform.allocateMemory(math.max(1L, starts.last))
    starts.zipWithIndex.foreach { case (start, row) =>
      Platform.putInt(null, values + 4L * row, start)
    }
    texts.zip(starts).foreach { case (text, start) => text.writeToMemory(null, bytes + start) }
    new CeilingColumn(from.dataType(), values, bytes)
  }
}
