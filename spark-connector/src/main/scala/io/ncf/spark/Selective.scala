package io.ncf.spark

import org.apache.spark.sql.connector.expressions.Expression
import org.apache.spark.sql.connector.expressions.filter.{And, Not, Or, Predicate}
import org.apache.spark.sql.connector.expressions.{Literal, NamedReference}
import org.apache.spark.sql.types.{BinaryType, StringType}

/** Which predicates Spark believes to leave few rows (`PredicateHelper.isLikelySelective`). */
private[spark] object Selective {

  /** Bytes of a row in Spark's memory, at least: a key, and what Spark adds. */
  val leastRow: Long = 16L

  /** Of keys that are more than this of all, most rows of the other side pass. */
  val share: Double = 0.75

  private val names =
    Set("=", "<>", "<=>", "<", "<=", ">", ">=", "IN", "STARTS_WITH", "ENDS_WITH", "CONTAINS")

  def apply(predicate: Predicate): Boolean = predicate match {
    case not: Not => apply(not.child())
    case and: And => apply(and.left()) || apply(and.right())
    case or: Or   => apply(or.left()) && apply(or.right())
    case other    => names(other.name())
  }

  /** The one that takes the least to evaluate. */
  def cheapest(predicates: Seq[Predicate]): Option[Predicate] = predicates.minByOption(cost)

  /** Text counts most, for it has to be copied besides. */
  private def cost(expression: Expression): Int = expression match {
    case literal: Literal[_] => if (isText(literal)) 8 else 1
    case _: NamedReference   => 1
    case other               => 1 + other.children().map(cost).sum
  }

  private def isText(literal: Literal[_]): Boolean =
    literal.dataType() match {
      case _: StringType | BinaryType => true
      case _                          => false
    }
}
