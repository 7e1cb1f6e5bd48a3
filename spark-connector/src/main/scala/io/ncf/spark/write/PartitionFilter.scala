package io.ncf.spark.write

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{Expression, Literal, NamedReference}
import org.apache.spark.sql.types.{DataType, DoubleType, FloatType, StructField, StructType}

import io.ncf.spark.SchemaConverter

/** Predicates that name a partition: each says what one partition column is. */
private[spark] object PartitionFilter {

  /** The values that `predicates` ask for together, by column, as the log spells them; none for null.
    * No answer if they ask for anything else.
    *
    * @param columns the partition columns
    */
  def values(
      predicates: Seq[Predicate],
      columns: Seq[StructField]
  ): Option[Map[String, Option[String]]] = {
    val asked = predicates.map(value(_, columns))
    val found = asked.flatten
    val distinct = found.map(_._1.name).distinct.size == predicates.size
    if (asked.contains(None) || found.isEmpty || !distinct) None
    else {
      val schema = StructType(found.map(_._1))
      Some(texts(schema, InternalRow.fromSeq(found.map(_._2))).toMap)
    }
  }

  /** Each value of `row` as the log spells it. */
  def texts(schema: StructType, row: InternalRow): Seq[(String, Option[String])] =
    new PartitionKey(schema, schema.indices).values(row)

  private def value(predicate: Predicate, columns: Seq[StructField]): Option[(StructField, Any)] =
    (predicate.name(), predicate.children().toSeq) match {
      case ("IS_NULL", Seq(reference))     => column(reference, columns).map((_, null))
      case ("=" | "<=>", Seq(left, right)) =>
        for {
          field <- column(left, columns).orElse(column(right, columns))
          literal <- literal(right, field.dataType).orElse(literal(left, field.dataType))
          if literal.value() != null || predicate.name() == "<=>"
        } yield (field, literal.value())
      case _ => None
    }

  private def column(expression: Expression, columns: Seq[StructField]): Option[StructField] =
    expression match {
      case reference: NamedReference if reference.fieldNames().length == 1 =>
        columns
          .find(_.name == reference.fieldNames().head)
          .map(field => StructField(field.name, SchemaConverter.plain(field.dataType)))
          .filterNot(field => hasManyTexts(field.dataType))
      case _ => None
    }

  private def literal(expression: Expression, dataType: DataType): Option[Literal[_]] =
    expression match {
      case literal: Literal[_] if SchemaConverter.plain(literal.dataType()) == dataType =>
        Some(literal)
      case _ => None
    }

  /** Whether equal values may be spelt differently: −0.0 equals 0.0. */
  private def hasManyTexts(dataType: DataType): Boolean =
    dataType == FloatType || dataType == DoubleType
}
