package io.ncf.spark.write

import scala.jdk.CollectionConverters._
import scala.util.control.NonFatal

import org.apache.spark.sql.catalyst.expressions.Literal
import org.apache.spark.sql.catalyst.plans.logical.{AppendData, LogicalPlan, OverwriteByExpression}
import org.apache.spark.sql.catalyst.util.CaseInsensitiveMap
import org.apache.spark.sql.execution.datasources.DataSourceUtils
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.{SaveMode, classic}
import org.slf4j.LoggerFactory

import io.ncf.jni.NcfConflictException
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

/** `df.write.format("ncf").mode(…).save(path)`, or a batch of a stream to a path.
  *
  * The write runs as Spark's own V2 plan on a table that only this class makes, so that ordering,
  * metrics, retries and the UI are Spark's.
  *
  * @param schema columns of the rows that `query` makes
  * @param batch  a streaming query's id and the number of the batch, which takes effect once
  */
private[spark] final class PathWrite(
    session: classic.SparkSession,
    mode: SaveMode,
    parameters: Map[String, String],
    schema: StructType,
    query: LogicalPlan,
    batch: Option[(String, Long)]
) {

  private val original = PathWrite.original(parameters)
  private val conf = session.sessionState.conf
  private val options: NcfOptions = {
    val asked = NcfOptions.ofSession(conf).withOverrides(NcfOptions.parse(original))
    batch.fold(asked) { case (id, number) => asked.inTransaction(id, number) }
  }
  private val location = NcfPath.find(original).getOrElse(throw NcfErrors.noPath())
  private val path = location.text

  def run(): Unit = {
    val dataset = NcfDataset.open(location, NcfOptions.empty)
    // A directory of other files is not ours to begin a table in, unless that is asked for.
    val taken = dataset.exists || dataset.kind == NcfDataset.Foreign
    mode match {
      case SaveMode.ErrorIfExists if taken => throw NcfErrors.pathExists(path)
      case SaveMode.Ignore if taken        => ()
      case SaveMode.Ignore                 =>
        try write(dataset)
        catch { case _: NcfConflictException => () } // Another write was first.
      case _ => write(dataset)
    }
  }

  private def write(dataset: NcfDataset): Unit = {
    // Spark calls columns, casts and all, by the table's names; it must not do so silently where
    // that changes values.
    SchemaConverter.checkWritable(schema, conf.caseSensitiveAnalysis)
    val appends = mode == SaveMode.Append && dataset.kind == NcfDataset.Table
    val columns = if (appends) dataset.schema else schema
    if (appends) {
      val differences =
        SchemaDifferences.append(columns, schema, conf.caseSensitiveAnalysis, casts = true)
      if (differences.nonEmpty) throw NcfErrors.schemaMismatch(path, differences)
    }
    checkStaticOverwrite()
    val table = new NcfTable(
      () => Some(location),
      SchemaConverter.nullable(columns),
      NcfDataSource.identity(partitionColumns),
      options,
      NcfTable.Target(creates = mode == SaveMode.ErrorIfExists || mode == SaveMode.Ignore)
    )
    val relation = DataSourceV2Relation.create(table, None, None, CaseInsensitiveStringMap.empty())
    val plan =
      if (mode == SaveMode.Overwrite) OverwriteByExpression.byName(relation, query, Literal(true))
      else AppendData.byName(relation, query)
    session.sessionState.executePlan(plan).assertCommandExecuted()
    try refreshCache(dataset)
    catch {
      // The write is committed; nobody must write it again.
      case NonFatal(error) =>
        PathWrite.log.warn(s"cached data frames of $path could not be refreshed", error)
    }
  }

  /** To replace the whole table where the session asks to replace partitions would lose rows.
    * Tables of the catalog, where Spark itself asks for either, and streams mean the whole table.
    */
  private def checkStaticOverwrite(): Unit = {
    val dynamic = conf.partitionOverwriteMode == SQLConf.PartitionOverwriteMode.DYNAMIC
    val overwrites = mode == SaveMode.Overwrite && batch.isEmpty
    if (overwrites && dynamic && partitionColumns.nonEmpty) throw NcfErrors.dynamicOverwrite()
  }

  private def partitionColumns: Seq[String] = parameters
    .get(DataSourceUtils.PARTITIONING_COLUMNS_KEY)
    .toSeq
    .flatMap(DataSourceUtils.decodePartitioningColumns)

  /** Data frames of this path that are cached must not answer with what was there before. Those of
    * another schema are no longer what the path holds: they are read anew when they are used again.
    */
  private def refreshCache(before: NcfDataset): Unit = parameters.get("path").foreach { spelt =>
    val used = NcfOptions.rawOfSession(conf) ++ NcfPath.settingsOf(original)
    val options = new CaseInsensitiveStringMap((used + ("path" -> spelt)).asJava)
    def relation(dataset: NcfDataset): DataSourceV2Relation = {
      val partitioning = NcfDataSource.identity(dataset.partitionColumns)
      val table =
        new NcfDataSource().getTable(dataset.schema, partitioning, options.asCaseSensitiveMap())
      DataSourceV2Relation.create(table, None, None, options)
    }
    val after = NcfDataset.open(location, NcfOptions.empty)
    val manager = session.sharedState.cacheManager
    val same = before.schema == after.schema && before.partitionColumns == after.partitionColumns
    if (before.exists && !same) manager.uncacheQuery(session, relation(before), cascade = true)
    manager.recacheByPlan(session, relation(after))
  }
}

private[spark] object PathWrite {

  private val log = LoggerFactory.getLogger(classOf[PathWrite])

  /** Options as the user spelt them. */
  def original(parameters: Map[String, String]): Map[String, String] = parameters match {
    case map: CaseInsensitiveMap[String] => map.originalMap
    case map                             => map
  }

  /** `parameters` as Spark hands them to a batch write, partition columns included. */
  def withPartitioning(
      parameters: Map[String, String],
      columns: Seq[String]
  ): Map[String, String] =
    if (columns.isEmpty) parameters
    else
      CaseInsensitiveMap(
        original(parameters) +
          (DataSourceUtils.PARTITIONING_COLUMNS_KEY ->
            DataSourceUtils.encodePartitioningColumns(columns))
      )
}
