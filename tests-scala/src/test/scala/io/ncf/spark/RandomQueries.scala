package io.ncf.spark

import scala.util.Random

import org.apache.spark.sql.types.{DoubleType, FloatType, NumericType}

/** A query of a random table.
  *
  * @param outputs  what is selected, as `o0`, `o1`…, which no column is called
  * @param scales   for outputs that are sums or averages of floats, what bounds the error of
  *                 another order of adding: the same over absolute values
  * @param rest     the clauses behind `FROM`
  * @param risks    operations in it that can fail
  */
final case class RandomQuery(
    kind: RandomQuery.Kind,
    outputs: Seq[String],
    scales: Map[Int, String],
    rest: String,
    risks: Int
) {

  private def select(table: String, outputs: Seq[String]): String = {
    val named = outputs.zipWithIndex.map { case (output, i) => s"$output AS o$i" }
    s"SELECT ${named.mkString(", ")} FROM $table$rest"
  }

  def sql(table: String): String = select(table, outputs)

  /** The same with [[scales]] as further outputs, in the order of their keys. */
  def sqlWithScales(table: String): String =
    select(table, outputs ++ scales.toSeq.sortBy(_._1).map(_._2))
}

object RandomQuery {

  sealed trait Kind
  case object Aggregates extends Kind
  case object First extends Kind
  case object Rows extends Kind
}

/** Makes random queries of a table. */
final class RandomQueries(table: RandomTable, r: Random) {

  import RandomQuery._

  private val any = new RandomExpressions(table.columns, safe = false, r)
  private val safe = new RandomExpressions(table.columns, safe = true, r)
  private val tame = table.columns.filter(c => c.tame && c.dataType.isInstanceOf[NumericType])
  private val small = new RandomExpressions(
    tame ++ table.columns.filter(!_.dataType.isInstanceOf[NumericType]),
    safe = false,
    r
  )

  /** Nor does the order decide whether a sum of floats is finite. */
  private val floats =
    table.columns.filter(c => c.dataType == FloatType || c.dataType == DoubleType)

  private def pick[T](from: Seq[T]): T = from(r.nextInt(from.size))

  private var overflowing = 0

  private def risks: Int = any.risks + small.risks + overflowing

  def next(): RandomQuery = {
    val before = risks
    val query = r.nextInt(10) match {
      case 0     => rows()
      case 1 | 2 => first()
      case _     => aggregates()
    }
    query.copy(risks = risks - before)
  }

  /** No condition, conditions that cannot fail, or one that can: see [[RandomExpressions]]. */
  private def where(): String = r.nextInt(10) match {
    case 0 | 1 | 2     => ""
    case 3             => s" WHERE ${any.compared(2)}"
    case 4             => s" WHERE (${safe.predicate(1)} OR ${any.compared(1)})"
    case 5 | 6 | 7 | 8 => s" WHERE ${safe.predicate(2)}"
    case _             => s" WHERE ${safe.predicate(1)} AND ${safe.predicate(1)}"
  }

  private def rows(): RandomQuery = {
    val shown = Seq.fill(1 + r.nextInt(3))(any.anyColumn().sql)
    val condition = Iterator.continually(where()).find(_.nonEmpty).get
    RandomQuery(Rows, "id" +: shown, Map.empty, condition, 0)
  }

  /** Only keys are selected: of rows that are equal in them, any may be among the first. */
  private def first(): RandomQuery = {
    val some = Seq.fill(1 + r.nextInt(3))(any.anyColumn().sql).distinct
    val keys = if (r.nextInt(3) == 0 && !some.contains("id")) some :+ "id" else some
    val order =
      keys.map(_ + pick(Seq("", " DESC")) + pick(Seq("", "", " NULLS FIRST", " NULLS LAST")))
    val offset = if (r.nextInt(5) == 0) s" OFFSET ${r.nextInt(8)}" else ""
    // A key that decides alone may have any columns with it.
    val shown = if (keys.contains("id")) keys :+ any.anyColumn().sql else keys
    val limit = s" ORDER BY ${order.mkString(", ")} LIMIT ${1 + r.nextInt(40)}$offset"
    RandomQuery(First, shown, Map.empty, where() + limit, 0)
  }

  /** Two of five are plain: columns, and arithmetic of small numbers. */
  private def aggregates(): RandomQuery = {
    val plain = r.nextInt(5) < 2
    def key(): String = if (plain) any.anyColumn().sql else group()
    def one(): (String, Option[String]) = if (plain) plainAggregate() else aggregate()
    val groups = Seq.fill(pick(Seq(0, 0, 1, 1, 1, 2, 3)))(key()).distinct
    val made = Seq.fill(1 + r.nextInt(4))(one())
    val by = if (groups.isEmpty) "" else s" GROUP BY ${groups.mkString(", ")}"
    val having =
      if (groups.nonEmpty && r.nextInt(6) == 0) pick(Seq(
        " HAVING count(*) > 1",
        s" HAVING max(id) > ${r.nextInt(300)}",
        s" HAVING min(${pick(tame).sql}) IS NOT NULL"
      ))
      else ""
    val scales = made.zipWithIndex.collect { case ((_, Some(scale)), i) =>
      groups.size + i -> scale
    }
    val condition = if (plain && r.nextBoolean()) s" WHERE ${safe.predicate(0)}" else where()
    RandomQuery(Aggregates, groups ++ made.map(_._1), scales.toMap, condition + by + having, 0)
  }

  private def group(): String = {
    val made = r.nextInt(10) match {
      case 0     => any.anyExpression(2)
      case 1 | 2 => any.anyExpression(1)
      case 3     => small.expression(RandomExpressions.Number, 1)
      case 4 | 5 =>
        val few = table.columns.filter(c =>
          c.present.distinct.size < 20 && RandomExpressions.kindOf(c.dataType).isDefined
        )
        if (few.isEmpty) any.anyColumn().sql else pick(few).sql
      case _ => any.anyColumn().sql
    }
    // A bare number would be the position of an output.
    if (made.matches("[-0-9.LD]+")) s"($made + id % 2)" else made
  }

  /** An aggregate and, of a float's sum, what bounds its error. */
  private def aggregate(): (String, Option[String]) = r.nextInt(16) match {
    case 0 | 1 => ("count(*)", None)
    case 2     => (s"count(${any.anyColumn().sql})", None)
    case 3     => (s"count(${any.anyExpression(1)})", None)
    case 4     => (s"count(distinct ${any.anyColumn().sql})", None)
    case 5     => overflowing += 1; (s"sum(${pick(table.overflowing).sql})", None)
    case 6 | 7 => (s"${pick(Seq("min", "max"))}(${any.anyColumn().sql})", None)
    case 8     => (s"${pick(Seq("min", "max"))}(${any.anyExpression(2)})", None)
    case 9     => (s"${pick(Seq("min", "max"))}(${small.anyExpression(2)})", None)
    case _     => sum()
  }

  private def plainAggregate(): (String, Option[String]) = r.nextInt(5) match {
    case 0 => (pick(Seq("count(*)", s"count(${any.anyColumn().sql})")), None)
    case 1 => (s"${pick(Seq("min", "max"))}(${any.anyColumn().sql})", None)
    case 2 => sumOf(pick(tame).sql)
    case 3 => sumOf(s"${pick(tame).sql} ${pick(Seq("+", "-", "*"))} ${pick(tame).sql}")
    case _ => sumOf(s"${pick(tame).sql} * (1 - ${pick(tame).sql})")
  }

  /** Sums are of small numbers: whether those of large ones overflow depends on the order. */
  private def sum(): (String, Option[String]) = {
    val what = r.nextInt(6) match {
      case 0 | 1                => pick(tame).sql
      case 5 if floats.nonEmpty => pick(floats).sql
      case 2                    => small.expression(RandomExpressions.Number, 1)
      case 3                    =>
        s"CASE WHEN ${safe.predicate(1)} THEN ${pick(tame).sql} ${pick(Seq("", "ELSE 0 "))}END"
      case _ => s"(${pick(tame).sql} ${pick(Seq("+", "-", "*"))} ${pick(tame).sql})"
    }
    sumOf(what)
  }

  private def sumOf(what: String): (String, Option[String]) = {
    val function = pick(Seq("sum", "sum", "avg"))
    (s"$function($what)", Some(s"$function(abs(double($what)))"))
  }
}
