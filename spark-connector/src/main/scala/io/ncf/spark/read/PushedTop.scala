package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.{
  NamedReference,
  NullOrdering,
  SortDirection,
  SortOrder
}

import io.ncf.spark.{Json, PredicateConverter, SchemaConverter}

/** `ORDER BY … LIMIT`, which each split carries out for its own rows.
  *
  * @param json  as NCF has it (`ncf_core::Top`)
  * @param order for `EXPLAIN`
  */
private[spark] final case class PushedTop(json: JsonNode, order: String)

private[spark] object PushedTop {

  /** Most rows that a scan keeps; `ncf-scan` refuses more. */
  private val mostRows = 1 << 16

  /** The equivalent, if all keys are columns that NCF orders as Spark does. */
  def convert(
      orders: Seq[SortOrder],
      limit: Int,
      columns: PredicateConverter
  ): Option[PushedTop] = {
    val keys = orders.map(key(_, columns))
    if (limit < 1 || limit > mostRows || keys.isEmpty || !keys.forall(_.isDefined)) None
    else {
      val json = Json.obj()
      json.set[JsonNode]("keys", Json.array(keys.flatten))
      json.put("limit", limit)
      Some(PushedTop(json, s"${orders.mkString("[", ", ", "]")} LIMIT $limit"))
    }
  }

  private def key(order: SortOrder, columns: PredicateConverter): Option[JsonNode] =
    order.expression() match {
      case reference: NamedReference if reference.fieldNames().length == 1 =>
        columns.column(reference).filter(c => SchemaConverter.typeName(c.dataType).isDefined).map {
          column =>
            val json = Json.obj()
            json.set[JsonNode]("column", column.json.get("column"))
            json.put("descending", order.direction() == SortDirection.DESCENDING)
            json.put("nullsFirst", order.nullOrdering() == NullOrdering.NULLS_FIRST)
        }
      case _ => None
    }
}
