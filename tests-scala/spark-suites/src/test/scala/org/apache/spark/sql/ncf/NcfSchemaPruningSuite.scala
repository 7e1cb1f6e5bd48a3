package org.apache.spark.sql.ncf

import java.io.File

import scala.jdk.CollectionConverters._
import scala.reflect.ClassTag
import scala.reflect.runtime.universe.TypeTag

import org.apache.spark.sql.catalyst.parser.CatalystSqlParser
import org.apache.spark.sql.classic.Dataset
import org.apache.spark.sql.execution.datasources.SchemaPruningSuite
import org.apache.spark.sql.execution.datasources.v2.{BatchScanExec, DataSourceV2Relation}
import org.apache.spark.sql.functions.lit
import org.apache.spark.sql.types.{ArrayType, DataType, MapType, StructType}
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.{DataFrame, SaveMode}
import org.scalactic.Equality

/** Of nested columns only the fields are read that a query needs.
  *
  * Spark runs most tests with two readers, the vectorized one and another. NCF has one reader and two
  * layouts: what stands for the vectorized reader here is a table, for the other one a directory
  * without a log.
  */
class NcfSchemaPruningSuite extends SchemaPruningSuite with NcfSuite {

  override protected val dataSourceName: String = "ncf"
  override protected val vectorizedReaderEnabledKey: String = "spark.sql.ncf.suite.tables"
  override protected val vectorizedReaderNestedEnabledKey: String = "spark.sql.ncf.suite.nested"

  override protected def exclusions: Seq[Exclusion] = Exclusions.schemaPruning

  /** Spark looks for its own file scan, and expects it to return what a filter compares: NCF filters
    * by itself, and then returns only what else the query needs; and aggregates have columns of their
    * own. So the same query without both must return what is expected, and with filters nothing more.
    */
  override protected def checkScanSchemata(
      df: DataFrame,
      expectedSchemaCatalogStrings: String*
  ): Unit = {
    implicit val equality: Equality[StructType] = schemaEquality
    val expected = expectedSchemaCatalogStrings.map(CatalystSqlParser.parseDataType)
    val unfiltered = scans(df, "pushdown.aggregates", "pushdown.filters")
    assert(unfiltered.size === expected.size)
    unfiltered.zip(expected).foreach { case (schema, wanted) => assert(schema === wanted) }
    val filtered = scans(df, "pushdown.aggregates")
    assert(filtered.size === expected.size)
    filtered.zip(expected).foreach { case (schema, wanted) =>
      assert((leaves(schema) -- leaves(wanted)).isEmpty)
    }
  }

  /** What each scan of the query returns when it is planned with these options off, but for the
    * partition column, of which the suite has one.
    */
  private def scans(df: DataFrame, off: String*): Seq[StructType] = {
    val plan = df.queryExecution.analyzed.transformUpWithSubqueries {
      case relation: DataSourceV2Relation =>
        val options = relation.options.asCaseSensitiveMap().asScala ++ off.map(_ -> "false")
        relation.copy(options = new CaseInsensitiveStringMap(options.asJava))
    }
    collect(Dataset.ofRows(spark, plan).queryExecution.executedPlan) { case exec: BatchScanExec =>
      StructType(exec.scan.readSchema().filterNot(_.name == "p"))
    }
  }

  /** Paths of the values in a type. */
  private def leaves(dataType: DataType): Set[String] = dataType match {
    case array: ArrayType => leaves(array.elementType)
    case map: MapType     =>
      leaves(map.keyType).map("key." + _) ++ leaves(map.valueType).map("value." + _)
    case struct: StructType =>
      struct.flatMap(field => leaves(field.dataType).map(s"${field.name}." + _)).toSet
    case _ => Set("")
  }

  override protected def makeDataSourceFile[T <: Product: ClassTag: TypeTag](
      data: Seq[T],
      path: File
  ): Unit = write(spark.createDataFrame(data), path)

  override protected def makeDataSourceFile[T <: Product: ClassTag: TypeTag](
      df: DataFrame,
      path: File
  ): Unit = write(df, path)

  private def write(data: DataFrame, path: File): Unit =
    if (spark.conf.get(vectorizedReaderEnabledKey, "true") == "false")
      Layout.writeFiles(data, path)
    else
      Layout.keyAndValue(path) match {
        case Some((key, value)) => append(data.withColumn(key, lit(value.toInt)), key, path)
        case None => data.write.format("ncf").mode(SaveMode.Overwrite).save(path.getPath)
      }

  /** Adds the rows of a folder `key=value` to the table in the folder above. What the table has and
    * they lack is null.
    */
  private def append(rows: DataFrame, key: String, folder: File): Unit = {
    val table = folder.getParentFile.getPath
    val fitting =
      if (folder.getParentFile.exists())
        spark.read.format("ncf").load(table).limit(0).unionByName(rows, allowMissingColumns = true)
      else rows
    fitting.write.format("ncf").mode(SaveMode.Append).partitionBy(key).save(table)
  }
}
