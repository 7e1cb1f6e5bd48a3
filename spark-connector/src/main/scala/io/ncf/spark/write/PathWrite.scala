package io.ncf.spark.write

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.expressions.Literal
import org.apache.spark.sql.catalyst.plans.logical.{AppendData, OverwriteByExpression}
import org.apache.spark.sql.catalyst.util.CaseInsensitiveMap
import org.apache.spark.sql.execution.datasources.DataSourceUtils
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.{DataFrame, SQLContext, SaveMode, classic}

import io.ncf.spark.{
  NcfDataSource,
  NcfDataset,
  NcfErrors,
  NcfOptions,
  NcfPath,
  NcfTable,
  SchemaConverter,
  SchemaDifferences
}

/** `df.write.format("ncf").mode(…).save(path)`.
  *
  * The write runs as Spark's own V2 plan on a table that only this class makes, so that ordering,
  * metrics, retries and the UI are Spark's.
  */
private[spark] final class PathWrite(
    sqlContext: SQLContext,
    mode: SaveMode,
    parameters: Map[String, String],
    data: DataFrame
) {

  private val session = sqlContext.sparkSession.asInstanceOf[classic.SparkSession]
  private val original: Map[String, String] = parameters match {
    case map: CaseInsensitiveMap[String] => map.originalMap
    case map                             => map
  }
  private val options = NcfOptions.parse(original)
  private val all = PathWrite.sessionOptions(session).withOverrides(options)
  private val location = NcfPath.find(original).getOrElse(throw NcfErrors.noPath())
  private val path = location.text

  def run(): Unit = {
    val dataset = NcfDataset.open(location, NcfOptions.empty)
    mode match {
      case SaveMode.ErrorIfExists if dataset.exists => throw NcfErrors.pathExists(path)
      case SaveMode.Ignore if dataset.exists        => ()
      case _                                        => write(dataset)
    }
  }

  private def write(dataset: NcfDataset): Unit = {
    // Spark calls columns, casts and all, by the table's names; it must not do so silently.
    SchemaConverter.checkWritable(data.schema, SQLConf.get.caseSensitiveAnalysis)
    val appends = mode == SaveMode.Append && dataset.kind == NcfDataset.Table
    val columns = if (appends) dataset.schema else data.schema
    if (appends) {
      val differences =
        SchemaDifferences.append(columns, data.schema, SQLConf.get.caseSensitiveAnalysis)
      if (differences.nonEmpty) throw NcfErrors.schemaMismatch(path, differences)
    }
    val table = new NcfTable(
      Some(location),
      SchemaConverter.nullable(columns),
      NcfDataSource.identity(partitionColumns),
      all,
      NcfTable.Target
    )
    val relation = DataSourceV2Relation.create(table, None, None, CaseInsensitiveStringMap.empty())
    val query = data.asInstanceOf[classic.DataFrame].queryExecution.analyzed
    val plan =
      if (mode == SaveMode.Overwrite) OverwriteByExpression.byName(relation, query, Literal(true))
      else AppendData.byName(relation, query)
    session.sessionState.executePlan(plan).assertCommandExecuted()
    refreshCache()
  }

  private def partitionColumns: Seq[String] = parameters
    .get(DataSourceUtils.PARTITIONING_COLUMNS_KEY)
    .toSeq
    .flatMap(DataSourceUtils.decodePartitioningColumns)

  /** Data frames of this path that are cached must not answer with what was there before. */
  private def refreshCache(): Unit = parameters.get("path").foreach { path =>
    val all = NcfPath.settingsOf(original) + ("path" -> path)
    val options = new CaseInsensitiveStringMap(all.asJava)
    val source = new NcfDataSource
    val table = source.getTable(
      source.inferSchema(options),
      source.inferPartitioning(options),
      options.asCaseSensitiveMap()
    )
    val relation = DataSourceV2Relation.create(table, None, None, options)
    session.sharedState.cacheManager.recacheByPlan(session, relation)
  }
}

private[spark] object PathWrite {

  private val sessionPrefix = s"spark.datasource.${NcfDataSource.Name}."

  /** Spark merges these into the options of reads only. */
  private def sessionOptions(session: classic.SparkSession): NcfOptions = NcfOptions.parse(
    session.conf.getAll.collect {
      case (key, value) if key.startsWith(sessionPrefix) => key.drop(sessionPrefix.length) -> value
    }
  )
}
