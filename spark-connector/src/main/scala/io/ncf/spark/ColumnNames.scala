package io.ncf.spark

import java.util.Locale

/** Which column of a dataset a name of Spark's stands for: the one of that very name, else, unless
  * the session minds case, the only one that differs from it by nothing but case.
  *
  * @param names the dataset's columns
  */
private[spark] final class ColumnNames(names: Seq[String], caseSensitive: Boolean) {

  private val exact = names.toSet
  private val folded = names.groupBy(fold)

  /** The dataset's name of the column; none when it lacks the column. */
  def stored(name: String): Option[String] =
    if (exact(name)) Some(name)
    else if (caseSensitive) None
    else
      folded.getOrElse(fold(name), Nil) match {
        case Seq()    => None
        case Seq(one) => Some(one)
        case several  => throw NcfErrors.ambiguous(name, several)
      }

  private def fold(name: String): String = name.toLowerCase(Locale.ROOT)
}
