package io.ncf.spark.read

/** The scans of one query. Spark makes the builders of all scans of a plan before it uses any of
  * them, on one thread: builders that were made without a use in between belong together. What is
  * taken for a group decides how a query is carried out, never what it gives.
  */
private[read] final class ScanGroup {

  private var used = false
  private var sizes = Vector.empty[Long]

  /** Called when a builder is used. */
  def close(): Unit = used = true

  /** Whether another scan is of a dataset that is at least as large. */
  def hasLarger(bytes: Long): Boolean = sizes.count(_ >= bytes) > 1
}

private[read] object ScanGroup {

  private val current = new ThreadLocal[ScanGroup]

  /** The group of a builder that is made now, for a dataset of this size. */
  def enter(bytes: Long): ScanGroup = {
    val group = Option(current.get()).filterNot(_.used).getOrElse(new ScanGroup)
    group.sizes = group.sizes :+ bytes
    current.set(group)
    group
  }
}
