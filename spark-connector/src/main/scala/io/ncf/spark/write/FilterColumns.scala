package io.ncf.spark.write

import org.apache.spark.sql.types.{BooleanType, DataType, StructType}

import io.ncf.spark.{LogicalType, NcfErrors, NcfOptions, SchemaConverter}

/** The columns that get a filter because a write asks for it. */
private[write] object FilterColumns {

  /** `options` with the columns of `filterColumns` under the names that files give them; fails, before
    * any task starts, where a file could not have such a filter.
    *
    * @param columns    of the table
    * @param partitions names of the columns that files do not store
    */
  def checked(
      options: NcfOptions,
      columns: StructType,
      partitions: Set[String],
      caseSensitive: Boolean
  ): NcfOptions = options.get(NcfOptions.FilterColumns).fold(options) { text =>
    val list = new ColumnList(NcfOptions.FilterColumns, columns, caseSensitive)
    def refused(column: String, why: String) = NcfErrors.invalid(
      s"option filterColumns names the column $column, $why; ${list.known}"
    )
    val names = list.parse(text, "names of columns, comma-separated").map {
      case (column, Some(direction)) =>
        throw refused(
          s"$column with $direction behind it",
          "but filters have no order; name the column alone, between backquotes if need be"
        )
      case (column, None) if partitions(column) =>
        throw refused(column, "which partitions the table: whole files are left out by it")
      case (column, None) if !canFilter(columns(column).dataType) =>
        throw refused(
          column,
          s"but ${columns(column).dataType.catalogString} has no filter; name columns of numbers, " +
            "times or strings without a collation"
        )
      case (column, None) => column
    }
    NcfOptions(options.values + (NcfOptions.FilterColumns.name -> ColumnList.text(names.distinct)))
  }

  /** As the native writer decides: one value a row, which is told apart by its bytes. */
  private def canFilter(dataType: DataType): Boolean =
    dataType != BooleanType && SchemaConverter.typeName(LogicalType.ordered(dataType)).isDefined
}
