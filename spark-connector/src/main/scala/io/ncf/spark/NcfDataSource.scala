package io.ncf.spark

import java.util

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.connector.catalog.{
  SessionConfigSupport,
  Table,
  TableCatalog,
  TableProvider
}
import org.apache.spark.sql.connector.expressions.{Expressions, Transform}
import org.apache.spark.sql.execution.streaming.Sink
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.sources.{
  BaseRelation,
  CreatableRelationProvider,
  DataSourceRegister,
  StreamSinkProvider
}
import org.apache.spark.sql.streaming.OutputMode
import org.apache.spark.sql.types.{DataType, StructType}
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.sql.{DataFrame, SQLContext, SaveMode, classic}

import io.ncf.spark.streaming.NcfSink
import io.ncf.spark.write.PathWrite

/** The data source `ncf`: `spark.read.format("ncf").load(path)`,
  * `df.write.format("ncf").save(path)` and `CREATE TABLE … USING ncf`, without any configuration.
  *
  * Reads, streams and tables of the catalog take the V2 path. Writes by path arrive in
  * [[createRelation]], the only entry that gets every save mode together with the partition
  * columns, and run as a V2 write from there. So do streams to a new path, by [[createSink]].
  */
final class NcfDataSource
    extends TableProvider
    with DataSourceRegister
    with SessionConfigSupport
    with CreatableRelationProvider
    with StreamSinkProvider {

  // Spark asks for schema, partitioning and table one after the other.
  private var opened: Option[(NcfOptions, NcfDataset)] = None

  override def shortName(): String = NcfDataSource.Name

  override def keyPrefix(): String = NcfDataSource.Name

  /** A schema may be given by the user or by the catalog. */
  override def supportsExternalMetadata(): Boolean = true

  override def inferSchema(options: CaseInsensitiveStringMap): StructType = {
    val dataset = open(options).getOrElse(throw NcfErrors.noPath())
    dataset.kind match {
      case NcfDataset.Absent                     => throw NcfErrors.pathNotFound(dataset.path)
      case NcfDataset.Empty | NcfDataset.Foreign => throw NcfErrors.nothingToInferFrom()
      case _                                     => dataset.schema
    }
  }

  /** Also asked for tables and sinks that do not exist yet: they have no partitioning. */
  override def inferPartitioning(options: CaseInsensitiveStringMap): Array[Transform] =
    open(options).toArray.flatMap(dataset => NcfDataSource.identity(dataset.partitionColumns))

  override def getTable(
      schema: StructType,
      partitioning: Array[Transform],
      properties: util.Map[String, String]
  ): Table = {
    val map = properties.asScala
    // Tables of the session catalog bring the properties of CREATE TABLE, `USING` among them.
    val inCatalog = map.contains(TableCatalog.PROP_PROVIDER)
    val options = if (inCatalog) NcfOptions.parseProperties(map) else NcfOptions.parse(map)
    val role = if (inCatalog) NcfTable.InCatalog else NcfTable.ByPath
    // Nobody keeps nulls out of files that are read by path: as in Spark's own file sources.
    val columns =
      if (inCatalog) schema
      else SchemaConverter.nullable(withDirectories(schema, partitioning, map))
    new NcfTable(() => NcfPath.find(map), columns, partitioning, options, role)
  }

  /** `schema` with the partition columns of a bare directory that it leaves out: they are in the names
    * of directories, whatever is asked of the files. Spark's own file sources do so, too.
    */
  private def withDirectories(
      schema: StructType,
      partitioning: Array[Transform],
      properties: collection.Map[String, String]
  ): StructType = {
    val fold = Names.fold(_: String, SQLConf.get.caseSensitiveAnalysis)
    val named = schema.fieldNames.map(fold).toSet
    val missing = NcfTable.identityColumns(partitioning).filterNot(name => named(fold(name)))
    if (missing.isEmpty) schema
    else open(new CaseInsensitiveStringMap(properties.asJava)) match {
      case Some(dataset) if dataset.kind == NcfDataset.Directory =>
        StructType(schema ++ missing.map(dataset.schema(_)))
      case _ => schema
    }
  }

  override def createRelation(
      sqlContext: SQLContext,
      mode: SaveMode,
      parameters: Map[String, String],
      data: DataFrame
  ): BaseRelation = {
    val frame = data.asInstanceOf[classic.DataFrame]
    val plan = frame.queryExecution.analyzed
    new PathWrite(frame.sparkSession, mode, parameters, data.schema, plan, None).run()
    NcfDataSource.Written(sqlContext, data.schema)
  }

  override def createSink(
      sqlContext: SQLContext,
      parameters: Map[String, String],
      partitionColumns: Seq[String],
      outputMode: OutputMode
  ): Sink = NcfSink(parameters, partitionColumns, outputMode)

  override def supportsDataType(dataType: DataType): Boolean =
    SchemaConverter.unsupported("", dataType).isEmpty

  /** How Spark names this source in its messages. */
  override def toString: String = NcfDataSource.Name

  private def open(options: CaseInsensitiveStringMap): Option[NcfDataset] = {
    val map = options.asCaseSensitiveMap().asScala
    NcfPath.find(map).map { location =>
      val parsed =
        if (map.contains(TableCatalog.PROP_PROVIDER))
          NcfOptions.ofSession(SQLConf.get).withOverrides(NcfOptions.parseProperties(map))
        else NcfOptions.parse(map)
      opened match {
        case Some((`parsed`, dataset)) if dataset.location == location => dataset
        case _                                                         =>
          val dataset = NcfDataset.open(location, parsed)
          opened = Some((parsed, dataset))
          dataset
      }
    }
  }
}

object NcfDataSource {

  /** The short name, which is also the prefix of session options. */
  val Name = "ncf"

  private[spark] def identity(columns: Seq[String]): Array[Transform] =
    columns.map(column => Expressions.identity(quoted(column)): Transform).toArray

  /** A column name as one part, whatever characters it has. */
  private[spark] def quoted(column: String): String = "`" + column.replace("`", "``") + "`"

  /** What a finished write answers; Spark uses its schema only. */
  private final case class Written(sqlContext: SQLContext, schema: StructType) extends BaseRelation
}
