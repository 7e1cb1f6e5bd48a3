package io.ncf.spark.write

import java.nio.charset.StandardCharsets.UTF_8

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils.getPartitionPathString
import org.apache.spark.sql.catalyst.expressions.{
  BoundReference,
  Cast,
  EvalMode,
  Expression,
  UnsafeProjection,
  UnsafeRow
}
import org.apache.spark.sql.types.{StringType, StructType}
import org.apache.spark.unsafe.types.UTF8String

import io.ncf.spark.NcfErrors

/** Values of the partition columns: tells where a run of equal ones ends, and spells them.
  *
  * @param ordinals the partition columns in `schema`
  */
private[spark] final class PartitionKey(schema: StructType, ordinals: Seq[Int]) {

  private val columns: Seq[Expression] = ordinals.map { ordinal =>
    BoundReference(ordinal, schema(ordinal).dataType, nullable = true)
  }
  private val project = UnsafeProjection.create(columns)

  // Text in the table's log is in UTC, whatever the session's time zone; ANSI writes decimals
  // without an exponent, which readers need.
  private val texts: Seq[Expression] =
    columns.map(column => Cast(column, StringType, Some("UTC"), EvalMode.ANSI))

  private var current: Option[UnsafeRow] = None

  /** Whether `row` has other values than the row before; true for the first row. */
  def changes(row: InternalRow): Boolean = {
    val key = project(row)
    val changed = !current.contains(key)
    if (changed) current = Some(key.copy())
    changed
  }

  /** Name and text of each value, none for null. */
  def values(row: InternalRow): Seq[(String, Option[String])] =
    ordinals.zip(texts).map { case (ordinal, text) =>
      val name = schema(ordinal).name
      name -> Option(text.eval(row).asInstanceOf[UTF8String]).map(unicode(name, _))
    }

  /** The text, which directories and the log can hold only as Unicode. */
  private def unicode(column: String, value: UTF8String): String = {
    val text = value.toString
    if (UTF8String.fromString(text) != value) {
      throw NcfErrors.invalid(
        s"column $column partitions the table and has a value that is not UTF-8: '$text'; " +
          "clean the text or partition by another column"
      )
    }
    text
  }
}

private[spark] object PartitionKey {

  /** Longest name of a directory, in bytes; file systems allow 255. */
  private val maxName = 200

  /** Directories of a partition in Hive's form, each with `/` behind it. The log keeps the values
    * themselves, so directories may share a name: null and the empty string do, and names that are
    * too long for a file system are cut.
    */
  def directories(values: Seq[(String, Option[String])]): String = values.map {
    case (name, value) => cut(getPartitionPathString(name, value.orNull)) + "/"
  }.mkString

  private def cut(name: String): String =
    if (name.getBytes(UTF_8).length <= maxName) name
    else {
      val start = name.codePoints().limit(maxName / 8L).toArray
      f"${new String(start, 0, start.length)}-${name.hashCode}%08x"
    }
}
