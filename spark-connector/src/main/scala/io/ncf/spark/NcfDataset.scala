package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{StructField, StructType}

import io.ncf.jni.{Native, NativeLibrary}

/** What stands at a path when it is opened.
  *
  * @param location         where it is
  * @param kind             a table with a log, a bare directory, one file, or nothing yet
  * @param id               UUID of the table; none unless it is a table
  * @param version          the table's version that was read; none unless it is a table
  * @param ncfSchema        the schema with field ids, as JSON; no columns when there is nothing yet
  * @param partitionColumns names of the columns that are stored as directories
  * @param bytes            bytes of its data files
  * @param rows             their rows, where the log says
  * @param timeTravels      whether an option asked for a version, not for the latest
  */
private[spark] final case class NcfDataset(
    location: NcfPath,
    kind: NcfDataset.Kind,
    id: Option[String],
    version: Option[Long],
    ncfSchema: JsonNode,
    partitionColumns: Seq[String],
    bytes: Long,
    rows: Option[Long],
    timeTravels: Boolean
) {

  def path: String = location.text

  lazy val schema: StructType = SchemaConverter.toSpark(ncfSchema)

  /** Whether there is anything to read. */
  def exists: Boolean = kind match {
    case NcfDataset.Absent | NcfDataset.Empty | NcfDataset.Foreign => false
    case _                                                         => true
  }

  /** How names of Spark's stand for columns of this dataset. */
  def columnNames: ColumnNames =
    new ColumnNames(schema.fieldNames.toSeq, SQLConf.get.caseSensitiveAnalysis)

  /** @param zone the time zone of functions of timestamps; without one they stay with Spark */
  def predicateConverter(zone: Option[String] = None): PredicateConverter =
    new PredicateConverter(schema, columnNames.stored, zone)

  /** This dataset, to be read with the types of `columns`, or an error that says what differs.
    * Partition values of bare directories are text of no certain type, so any type that fits does.
    */
  def readAs(columns: StructType): NcfDataset =
    if (!exists) this
    else {
      val names = columnNames
      val retyped = if (kind == NcfDataset.Directory) partitionColumns.toSet else Set.empty[String]
      val differences = SchemaDifferences.read(schema, columns, names, retyped)
      if (differences.nonEmpty) throw NcfErrors.readSchemaMismatch(path, differences)
      copy(ncfSchema = SchemaConverter.retype(ncfSchema, storedColumns(columns)))
    }

  /** Those of `columns` that this dataset has, under its own names. */
  def storedColumns(columns: StructType): Seq[StructField] = {
    val names = columnNames
    columns.flatMap(field => names.stored(field.name).map(name => field.copy(name = name)))
  }
}

private[spark] object NcfDataset {

  /** What a path can hold. */
  sealed abstract class Kind(val words: String)
  case object Table extends Kind("a table")
  case object Directory extends Kind("a directory of ncf files without a log")
  case object SingleFile extends Kind("a file")
  case object Empty extends Kind("an empty directory")
  case object Foreign extends Kind("a directory of files that are not ncf's")
  case object Absent extends Kind("nothing")

  private val noColumns = SchemaConverter.toNcf(StructType(Nil))

  /** Opens `location`: reads the log or lists the directory, and no data. */
  def open(location: NcfPath, options: NcfOptions): NcfDataset = {
    val answer = describe(location, options)
    val kind = answer.get("kind").asText() match {
      case "table"     => Table
      case "directory" => Directory
      case "file"      => SingleFile
      case "empty"     => Empty
      case "foreign"   => Foreign
      case "absent"    => Absent
      case other       =>
        throw NcfErrors.unsupported(s"$location holds '$other', which needs a newer ncf connector")
    }
    NcfDataset(
      location,
      kind,
      text(answer, "id"),
      Json.optionalLong(answer, "version"),
      Option(answer.get("schema")).filterNot(_.isNull).getOrElse(noColumns),
      Option(answer.get("partitionColumns")).toSeq
        .filterNot(_.isNull)
        .flatMap(names => Json.elements(names).map(_.asText())),
      Json.long(answer, "bytes"),
      Json.optionalLong(answer, "rows"),
      Seq(NcfOptions.VersionAsOf, NcfOptions.TimestampAsOf).exists(options.get(_).isDefined)
    )
  }

  private def text(node: JsonNode, name: String): Option[String] =
    Option(node.get(name)).filterNot(_.isNull).map(_.asText())

  private def describe(location: NcfPath, options: NcfOptions): JsonNode = {
    NativeLibrary.load()
    val request = Json.obj()
    request.put("path", location.text)
    request.set[JsonNode]("options", options.toJson)
    request.putNull("schema")
    Json.parse(Native.openDataset(request.toString, location.storage))
  }

  /** Id and latest version of the table at `location`, if there is a table. */
  def latest(location: NcfPath): Option[(String, Long)] = {
    NativeLibrary.load()
    val request = Json.obj()
    request.put("path", location.text)
    val answer = Json.parse(Native.latestVersion(request.toString, location.storage))
    text(answer, "id").zip(Json.optionalLong(answer, "version"))
  }
}
