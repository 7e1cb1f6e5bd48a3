package io.ncf.spark.write

import org.apache.spark.sql.catalyst.expressions.RowOrdering
import org.apache.spark.sql.connector.distributions.{Distribution, Distributions}
import org.apache.spark.sql.connector.expressions.{Expressions, SortDirection, SortOrder}
import org.apache.spark.sql.types.StructType

import io.ncf.spark.{ColumnNames, NcfDataSource, NcfErrors, NcfOptions}

/** How Spark hands the rows of a write to its tasks.
  *
  * @param distribution which task gets a row
  * @param ordering     of the rows of a task: by the partition columns, so that one file is open at
  *                     a time, then by `sortBy`
  */
private[spark] final case class WriteOrder(distribution: Distribution, ordering: Seq[SortOrder])

private[spark] object WriteOrder {

  // A name, bare or between backquotes, and a direction.
  private val part = "(?:`((?:[^`]++|``)++)`|([^`]+?))(?:\\s+(?i:(asc|desc)))?".r

  // One inside of backquotes has an odd number of them behind it.
  private val comma = ",(?=(?:[^`]*`[^`]*`)*[^`]*$)"

  /** The order that `options` ask for; fails where the rows cannot be in it. */
  def of(job: WriteJob, options: NcfOptions, caseSensitive: Boolean): WriteOrder = {
    val partitions = job.partitionColumns.map(i => sort(job.input(i).name, ascending = true))
    val sorted = options.get(NcfOptions.SortBy).toSeq
      .flatMap(columns(_, job.input, caseSensitive))
    val ordering = partitions ++ sorted
    // Unsorted rows stay where they are: the session may ask for ranges of those that are sorted.
    val distribution: Distribution =
      if (sorted.nonEmpty && options.sortsByRange) Distributions.ordered(ordering.toArray)
      else Distributions.unspecified()
    WriteOrder(distribution, ordering)
  }

  /** The columns of a `sortBy`, which only a write can check: options do not know the columns. */
  private def columns(
      text: String,
      input: StructType,
      caseSensitive: Boolean
  ): Seq[SortOrder] = {
    val names = new ColumnNames(input.fieldNames.toSeq, caseSensitive)
    val known = s"the columns are ${input.fieldNames.mkString(", ")}"
    text.split(comma, -1).toSeq.map(_.trim).map {
      case part(quoted, bare, direction) =>
        val name = Option(quoted).fold(bare)(_.replace("``", "`"))
        val column = names.stored(name).getOrElse(
          throw NcfErrors.invalid(
            s"option sortBy names the column $name, which is not there; $known"
          )
        )
        val dataType = input(column).dataType
        if (!RowOrdering.isOrderable(dataType)) {
          throw NcfErrors.invalid(
            s"option sortBy names the column $column, but values of type " +
              s"${dataType.catalogString} have no order; sort by another column; $known"
          )
        }
        sort(column, ascending = !"desc".equalsIgnoreCase(direction))
      case _ => throw NcfErrors.invalid(
          s"option sortBy cannot be '$text'; it takes names of columns, comma-separated, each " +
            s"with or without asc or desc; $known"
        )
    }
  }

  /** Nulls are where Spark's own default puts them: first, and last in descending order. */
  private def sort(column: String, ascending: Boolean): SortOrder = Expressions.sort(
    Expressions.column(NcfDataSource.quoted(column)),
    if (ascending) SortDirection.ASCENDING else SortDirection.DESCENDING
  )
}
