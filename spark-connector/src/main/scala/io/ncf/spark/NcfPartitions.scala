package io.ncf.spark

import java.util

import scala.jdk.CollectionConverters._

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Cast, EvalMode, Literal}
import org.apache.spark.sql.catalyst.util.CharVarcharUtils
import org.apache.spark.sql.connector.catalog.SupportsPartitionManagement
import org.apache.spark.sql.types.{StringType, StructField, StructType}
import org.apache.spark.unsafe.types.UTF8String

import io.ncf.spark.read.ScanPlan
import io.ncf.spark.write.{PartitionFilter, TableCommit}

/** `SHOW PARTITIONS` and `ALTER TABLE … DROP PARTITION`. A partition is there when it has rows, so none
  * can be added empty, and it has no properties of its own.
  */
private[spark] trait NcfPartitions extends SupportsPartitionManagement {
  table: NcfTable =>

  /** What files say of themselves: text by column. */
  private type Values = Map[String, Option[String]]

  override def partitionSchema(): StructType = {
    val columns = CharVarcharUtils.replaceCharVarcharWithStringInSchema(schema())
    StructType(partitionColumns.map(columns(_)))
  }

  override def listPartitionIdentifiers(
      names: Array[String],
      ident: InternalRow
  ): Array[InternalRow] = {
    val dataset = openLatest()
    val columns = partitionSchema()
    val asked = StructType(names.map(columns(_)))
    val wanted = valuesOf(dataset, asked, ident)
    val found =
      if (dataset.exists) partitions(dataset, columns, filter(dataset, asked, ident)) else Nil
    found.filter(values => wanted.forall { case (name, text) => values.get(name).contains(text) })
      .map(row(dataset, columns, _))
      .toArray
  }

  override def dropPartition(ident: InternalRow): Boolean = {
    val dataset = openLatest()
    if (dataset.kind != NcfDataset.Table) {
      throw NcfErrors.notATable(dataset.path, dataset.kind.words, "changed")
    }
    dataset.location.checkCommits()
    new TableCommit(
      dataset.location,
      TableCommit.Replace(valuesOf(dataset, partitionSchema(), ident)),
      dataset.ncfSchema,
      dataset.partitionColumns,
      dataset.version
    ).commit(Array.empty, None)
    true
  }

  override def truncatePartition(ident: InternalRow): Boolean = dropPartition(ident)

  override def createPartition(ident: InternalRow, properties: util.Map[String, String]): Unit =
    throw NcfErrors.partitionsAreRows()

  override def replacePartitionMetadata(
      ident: InternalRow,
      properties: util.Map[String, String]
  ): Unit = throw NcfErrors.partitionsAreRows()

  override def renamePartition(from: InternalRow, to: InternalRow): Boolean =
    throw NcfErrors.partitionsAreRows()

  override def loadPartitionMetadata(ident: InternalRow): util.Map[String, String] =
    util.Collections.emptyMap()

  /** The values of a row under the table's own names. */
  private def valuesOf(dataset: NcfDataset, columns: StructType, row: InternalRow): Values =
    PartitionFilter.texts(columns, row).map { case (name, text) =>
      stored(dataset, name) -> text
    }.toMap

  private def stored(dataset: NcfDataset, name: String): String =
    dataset.columnNames.stored(name).getOrElse(name)

  /** Keeps files of other partitions from being opened. */
  private def filter(
      dataset: NcfDataset,
      columns: StructType,
      row: InternalRow
  ): Option[JsonNode] = {
    val converter = dataset.predicateConverter()
    PredicateConverter.conjunction(columns.zipWithIndex.flatMap { case (field, i) =>
      converter.is(field.name, row.get(i, field.dataType))
    })
  }

  private def partitions(
      dataset: NcfDataset,
      columns: StructType,
      filter: Option[JsonNode]
  ): Seq[Values] =
    ScanPlan(dataset, options, columns.fieldNames.toSeq.map(stored(dataset, _)), filter)
      .partitions.toSeq
      .flatMap(_.splits)
      .map(split => values(Json.parse(split).get("partitionValues")))
      .distinct

  private def values(node: JsonNode): Values = node.properties().asScala.map { entry =>
    entry.getKey -> Option(entry.getValue).filterNot(_.isNull).map(_.asText())
  }.toMap

  private def row(dataset: NcfDataset, columns: StructType, values: Values): InternalRow =
    InternalRow.fromSeq(columns.map { field =>
      typed(field, values.get(stored(dataset, field.name)).flatten)
    })

  private def typed(field: StructField, text: Option[String]): Any = {
    val literal = Literal.create(text.map(UTF8String.fromString).orNull, StringType)
    Cast(literal, field.dataType, Some("UTC"), EvalMode.ANSI).eval()
  }
}
