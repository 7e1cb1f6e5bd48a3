package io.ncf.spark.write

import org.apache.spark.sql.types.StructType

import io.ncf.spark.{ColumnNames, NcfDataSource, NcfErrors, NcfOption}

/** Columns as options of a write list them: names, comma-separated, each with or without a
  * direction. Only a write can check them: options do not know the columns.
  *
  * @param option        for messages
  * @param input         the columns
  * @param caseSensitive whether the session minds case
  */
private[write] final class ColumnList(
    option: NcfOption,
    input: StructType,
    caseSensitive: Boolean
) {

  private val names = new ColumnNames(input.fieldNames.toSeq, caseSensitive)

  /** The end of a message: what could have been named. */
  val known: String = s"the columns are ${input.fieldNames.mkString(", ")}"

  /** The columns of a text, by the names that they have in the input, each with its direction in
    * lower case.
    *
    * @param syntax what the option takes, for the message about a text that is no list
    */
  def parse(text: String, syntax: String): Seq[(String, Option[String])] =
    text.split(ColumnList.comma, -1).toSeq.map(_.trim).map {
      case ColumnList.part(quoted, bare, direction) =>
        val name = Option(quoted).fold(bare)(_.replace("``", "`"))
        val column = names.stored(name).getOrElse(
          throw NcfErrors.invalid(
            s"option ${option.name} names the column $name, which is not there; $known"
          )
        )
        column -> Option(direction).map(_.toLowerCase(java.util.Locale.ROOT))
      case _ => throw NcfErrors.invalid(
          s"option ${option.name} cannot be '$text'; it takes $syntax; $known"
        )
    }
}

private[write] object ColumnList {

  // A name, bare or between backquotes, and a direction.
  private val part = "(?:`((?:[^`]++|``)++)`|([^`]+?))(?:\\s+(?i:(asc|desc)))?".r

  // One inside of backquotes has an odd number of them behind it.
  private val comma = ",(?=(?:[^`]*`[^`]*`)*[^`]*$)"

  /** A list of these names, whatever they hold. */
  def text(columns: Seq[String]): String = columns.map(NcfDataSource.quoted).mkString(",")
}
