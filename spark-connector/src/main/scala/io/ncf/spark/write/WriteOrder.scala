package io.ncf.spark.write

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.expressions.RowOrdering
import org.apache.spark.sql.connector.distributions.{Distribution, Distributions}
import org.apache.spark.sql.connector.expressions.{Expressions, SortDirection, SortOrder}
import org.apache.spark.sql.types.StructType

import io.ncf.spark.{Json, NcfDataSource, NcfErrors, NcfOptions}

/** How Spark hands the rows of a write to its tasks.
  *
  * @param distribution which task gets a row
  * @param ordering     of the rows of a task: by the partition columns, so that one file is open at
  *                     a time, then by `sortBy`
  * @param ofFiles      the order of the rows of a file, in which values of partition columns are all
  *                     the same: what files say of themselves where it holds
  */
private[spark] final case class WriteOrder(
    distribution: Distribution,
    ordering: Seq[SortOrder],
    ofFiles: Seq[FileOrderKey]
)

/** A column that the rows of a file are in the order of.
  *
  * @param column the name that the file gives it
  */
private[spark] final case class FileOrderKey(column: String, descending: Boolean) {

  /** As the native writer takes it; nulls are where Spark's own default puts them. */
  def json: JsonNode = Json.obj().put("column", column).put("descending", descending)
    .put("nullsFirst", !descending)
}

private[spark] object WriteOrder {

  /** The order that `options` ask for; fails where the rows cannot be in it. */
  def of(job: WriteJob, options: NcfOptions, caseSensitive: Boolean): WriteOrder = {
    val partitions = job.partitionColumns.map(i => sort(job.input(i).name, ascending = true))
    val keys = options.get(NcfOptions.SortBy).toSeq
      .flatMap(columns(_, job.input, caseSensitive))
    val sorted = keys.map(key => sort(key.column, ascending = !key.descending))
    val ordering = partitions ++ sorted
    val inNoFile = job.partitionColumns.map(job.input(_).name).toSet
    // Unsorted rows stay where they are: the session may ask for ranges of those that are sorted.
    val distribution: Distribution =
      if (sorted.nonEmpty && options.sortsByRange) Distributions.ordered(ordering.toArray)
      else Distributions.unspecified()
    WriteOrder(distribution, ordering, keys.filterNot(key => inNoFile(key.column)))
  }

  /** The columns of a `sortBy`. */
  private def columns(
      text: String,
      input: StructType,
      caseSensitive: Boolean
  ): Seq[FileOrderKey] = {
    val list = new ColumnList(NcfOptions.SortBy, input, caseSensitive)
    val syntax = "names of columns, comma-separated, each with or without asc or desc"
    list.parse(text, syntax).map { case (column, direction) =>
      val dataType = input(column).dataType
      if (!RowOrdering.isOrderable(dataType)) {
        throw NcfErrors.invalid(
          s"option sortBy names the column $column, but values of type " +
            s"${dataType.catalogString} have no order; sort by another column; ${list.known}"
        )
      }
      FileOrderKey(column, descending = direction.contains("desc"))
    }
  }

  /** Nulls are where Spark's own default puts them: first, and last in descending order. */
  private def sort(column: String, ascending: Boolean): SortOrder = Expressions.sort(
    Expressions.column(NcfDataSource.quoted(column)),
    if (ascending) SortDirection.ASCENDING else SortDirection.DESCENDING
  )
}
