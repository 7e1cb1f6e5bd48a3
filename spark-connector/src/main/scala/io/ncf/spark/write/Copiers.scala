package io.ncf.spark.write

import org.apache.spark.sql.catalyst.expressions.SpecializedGetters
import org.apache.spark.unsafe.Platform

import io.ncf.jni.ColumnBuilder

/** Strings of any collation. */
private[write] final class StringCopier(to: ColumnBuilder) extends Copier(to) {

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val text = from.getUTF8String(i)
    to.appendBytes(text.getBaseObject, text.getBaseOffset, text.numBytes())
  }
}

private[write] final class BinaryCopier(to: ColumnBuilder) extends Copier(to) {

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val bytes = from.getBinary(i)
    to.appendBytes(bytes, Platform.BYTE_ARRAY_OFFSET.toLong, bytes.length)
  }
}

private[write] final class ArrayCopier(element: Copier, to: ColumnBuilder) extends Copier(to) {

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val array = from.getArray(i)
    val length = array.numElements()
    to.startArray(length)
    var index = 0
    while (index < length) {
      element.copy(array, index)
      index += 1
    }
    to.endArray()
  }
}

private[write] final class MapCopier(key: Copier, mapped: Copier, to: ColumnBuilder)
    extends Copier(to) {

  private val entries = to.child(0)

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val map = from.getMap(i)
    val (keys, values) = (map.keyArray(), map.valueArray())
    val length = map.numElements()
    to.startArray(length)
    var index = 0
    while (index < length) {
      key.copy(keys, index)
      mapped.copy(values, index)
      entries.endStruct()
      index += 1
    }
    to.endArray()
  }
}

/** @param width    number of fields of the values
  * @param ordinals those to copy, in the builder's order
  */
private[write] final class StructCopier(
    width: Int,
    ordinals: Array[Int],
    fields: Array[Copier],
    to: ColumnBuilder
) extends Copier(to) {

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val struct = from.getStruct(i, width)
    var index = 0
    while (index < fields.length) {
      fields(index).copy(struct, ordinals(index))
      index += 1
    }
    to.endStruct()
  }
}

private[write] final class VariantCopier(to: ColumnBuilder) extends Copier(to) {

  private val (bytes, metadata) = (to.child(0), to.child(1))

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val variant = from.getVariant(i)
    append(bytes, variant.getValue)
    append(metadata, variant.getMetadata)
    to.endStruct()
  }

  private def append(part: ColumnBuilder, all: Array[Byte]): Unit =
    part.appendBytes(all, Platform.BYTE_ARRAY_OFFSET.toLong, all.length)
}

private[write] final class CalendarIntervalCopier(to: ColumnBuilder) extends Copier(to) {

  private val (months, days, microseconds) = (to.child(0), to.child(1), to.child(2))

  override protected def value(from: SpecializedGetters, i: Int): Unit = {
    val interval = from.getInterval(i)
    months.appendInt(interval.months)
    days.appendInt(interval.days)
    microseconds.appendLong(interval.microseconds)
    to.endStruct()
  }
}
