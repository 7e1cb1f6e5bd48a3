package io.ncf.spark

import java.util.Locale

/** How names of columns, and of fields of structs, are matched. */
private[spark] object Names {

  /** A form that is the same for names that stand for the same column. */
  def fold(name: String, caseSensitive: Boolean): String =
    if (caseSensitive) name else name.toLowerCase(Locale.ROOT)

  /** Which of `names` stands for `name`: itself, else the only one that differs by nothing but case;
    * -1 if none does. Files are read by this rule, too.
    */
  def find(name: String, names: Seq[String]): Int = {
    val same = names.indexOf(name)
    if (same >= 0) same
    else {
      val alike = names.indices.filter(names(_).equalsIgnoreCase(name))
      if (alike.size == 1) alike.head else -1
    }
  }
}
