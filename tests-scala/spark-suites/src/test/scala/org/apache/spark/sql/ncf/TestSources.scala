package org.apache.spark.sql.ncf

import java.io.File
import java.util

import org.apache.spark.rdd.RDD
import org.apache.spark.sql.connector.catalog.{Table, TableProvider}
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.functions.lit
import org.apache.spark.sql.sources.{
  BaseRelation,
  CreatableRelationProvider,
  SchemaRelationProvider,
  TableScan
}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.{DataFrame, Row, SQLContext, SaveMode}

import io.ncf.spark.NcfDataSource

/** The format `ncf`, but what is written are bare files: `path/p=1`, `path/p=2` written one by one
  * are one Hive-style directory `path`, which NCF itself reads.
  */
class BareFiles extends TableProvider with CreatableRelationProvider {

  private val ncf = new NcfDataSource

  override def supportsExternalMetadata(): Boolean = ncf.supportsExternalMetadata()

  override def inferSchema(options: CaseInsensitiveStringMap): StructType = ncf.inferSchema(options)

  override def inferPartitioning(options: CaseInsensitiveStringMap): Array[Transform] =
    ncf.inferPartitioning(options)

  override def getTable(
      schema: StructType,
      partitioning: Array[Transform],
      properties: util.Map[String, String]
  ): Table = ncf.getTable(schema, partitioning, properties)

  override def createRelation(
      sqlContext: SQLContext,
      mode: SaveMode,
      parameters: Map[String, String],
      data: DataFrame
  ): BaseRelation = {
    Layout.writeFiles(data, new File(parameters("path")))
    Rows(sqlContext, data)
  }
}

/** The format `ncf`, but a folder of tables `key=value` is read as one: each of them with the schema
  * that the reader asks for, and with its key as a last column.
  */
class FolderOfTables extends CreatableRelationProvider with SchemaRelationProvider {

  override def createRelation(
      sqlContext: SQLContext,
      mode: SaveMode,
      parameters: Map[String, String],
      data: DataFrame
  ): BaseRelation = {
    data.write.format("ncf").mode(mode).save(parameters("path"))
    Rows(sqlContext, data)
  }

  override def createRelation(
      sqlContext: SQLContext,
      parameters: Map[String, String],
      schema: StructType
  ): BaseRelation = {
    val root = new File(parameters("path"))
    def read(table: File): DataFrame =
      sqlContext.read.schema(schema).format("ncf").load(table.getPath)
    val tables = Layout.partitions(root).map { case (key, value, table) =>
      read(table).withColumn(key, lit(value))
    }
    Rows(sqlContext, tables.reduceOption(_ union _).getOrElse(read(root)))
  }
}

/** The rows of a data frame. */
private[ncf] final case class Rows(sqlContext: SQLContext, data: DataFrame)
    extends BaseRelation
    with TableScan {

  override def schema: StructType = data.schema

  override def buildScan(): RDD[Row] = data.rdd
}
