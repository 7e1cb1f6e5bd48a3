package io.ncf.spark

import scala.util.{Failure, Success, Try}

import org.apache.spark.SparkThrowable
import org.apache.spark.sql.{DataFrame, Row}

/** What a query gives: rows, or the condition of its error. */
final case class QueryAnswer(rows: Either[String, Seq[Seq[Any]]]) {

  import QueryAnswer._

  /** The first outputs only. */
  def take(outputs: Int): QueryAnswer = QueryAnswer(rows.map(_.map(_.take(outputs))))

  /** What is different from `wanted`, if anything is.
    *
    * @param wanted  with further outputs behind those of this answer: the bounds of `inexact`
    * @param inexact outputs that are sums of floats, by the place of their bound in `wanted`
    * @param ordered whether the rows' order counts
    * @param strict  whether both must fail in the same way, and not only fail
    */
  def difference(
      wanted: QueryAnswer,
      inexact: Map[Int, Int],
      ordered: Boolean,
      strict: Boolean
  ): Option[String] = (rows, wanted.rows) match {
    case (Left(have), Left(want)) =>
      if (have == want || !strict) None else Some(s"fails with $have, the reference with $want")
    case (Left(have), Right(_))     => Some(s"fails with $have, the reference does not")
    case (Right(_), Left(want))     => Some(s"does not fail, the reference does with $want")
    case (Right(have), Right(want)) =>
      val width = have.headOption.fold(0)(_.size)
      def order(rows: Seq[Seq[Any]]): Seq[Seq[Any]] =
        if (ordered) rows else rows.sortBy(row => key(row.take(width), inexact.keySet))
      val (left, right) = (order(have), order(want))
      val unlike = left.zip(right).filterNot { case (l, r) => same(l, r, inexact) }
      if (left.size == right.size && unlike.isEmpty) None
      else
        Some(
          s"${left.size} rows, ${unlike.size} of them unlike the reference's ${right.size}\n" +
            unlike.take(5).map { case (l, r) =>
              s"  has    ${show(l)}\n  wanted ${show(r.take(width))}"
            }.mkString("\n")
        )
  }
}

object QueryAnswer {

  /** Of floats that are sums, as a part of the sum of their absolute values. */
  private val tolerance = 1e-12

  /** @param exactZeros whether −0.0 and 0.0 differ: not where Spark itself takes either */
  def of(frame: => DataFrame, exactZeros: Boolean): QueryAnswer =
    Try(frame.collect().toSeq) match {
      case Success(rows)  => QueryAnswer(Right(rows.map(canonical(_, exactZeros))))
      case Failure(error) => QueryAnswer(Left(condition(error)))
    }

  /** The condition of the innermost of Spark's errors, or the class of what is none of them. */
  def condition(error: Throwable): String = {
    val chain = Iterator.iterate(error)(_.getCause).takeWhile(_ != null).take(20).toSeq
    val conditions = chain.collect { case spark: SparkThrowable =>
      Option(spark.getCondition)
    }.flatten
    conditions.lastOption.getOrElse(chain.last.toString)
  }

  private def canonical(row: Row, exactZeros: Boolean): Seq[Any] = row.toSeq.map {
    case v: Array[Byte] => v.toSeq
    case v: Float       => float(v.toDouble, exactZeros)
    case v: Double      => float(v, exactZeros)
    case other          => other
  }

  private def float(value: Double, exactZeros: Boolean): Number =
    Number(if (value == 0.0 && !exactZeros) 0.0 else value)

  /** A float that equals itself if it is NaN; −0.0 and 0.0 differ. */
  private final case class Number(value: Double) {
    override def toString: String = value.toString
    override def equals(other: Any): Boolean = other match {
      case Number(that) => value.compare(that) == 0
      case _            => false
    }
    override def hashCode(): Int = value.hashCode()
  }

  private def key(row: Seq[Any], inexact: Set[Int]): String =
    row.zipWithIndex.filterNot(cell => inexact(cell._2)).map(_._1).mkString("\u0001")

  private def same(have: Seq[Any], want: Seq[Any], inexact: Map[Int, Int]): Boolean =
    have.zipWithIndex.forall {
      case (cell, i) if cell == want(i) => true
      case (Number(l), i)               => inexact.get(i).exists(at =>
          (want(i), want(at)) match {
            case (Number(r), Number(scale)) => math.abs(l - r) <= tolerance * scale
            case _                          => false
          }
        )
      case _ => false
    }

  private def show(row: Seq[Any]): String = row.map {
    case text: String => s"'$text'"
    case other        => String.valueOf(other)
  }.mkString("[", ", ", "]")
}
