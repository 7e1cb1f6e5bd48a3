package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.types.StructType

import io.ncf.jni.{Native, NativeLibrary}

/** What stands at a path when it is opened.
  *
  * @param location         where it is
  * @param kind             a table with a log, a bare directory, one file, or nothing yet
  * @param version          the table's version that was read; none unless it is a table
  * @param ncfSchema        the schema with field ids, as JSON; no columns when there is nothing yet
  * @param partitionColumns names of the columns that are stored as directories
  */
private[spark] final case class NcfDataset(
    location: NcfPath,
    kind: NcfDataset.Kind,
    version: Option[Long],
    ncfSchema: JsonNode,
    partitionColumns: Seq[String]
) {

  def path: String = location.text

  lazy val schema: StructType = SchemaConverter.toSpark(ncfSchema)

  /** Whether there is anything to read. */
  def exists: Boolean = kind != NcfDataset.Absent && kind != NcfDataset.Empty
}

private[spark] object NcfDataset {

  /** What a path can hold. */
  sealed abstract class Kind(val words: String)
  case object Table extends Kind("a table")
  case object Directory extends Kind("a directory of ncf files without a log")
  case object SingleFile extends Kind("a file")
  case object Empty extends Kind("an empty directory")
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
      case "absent"    => Absent
      case other       =>
        throw NcfErrors.unsupported(s"$location holds '$other', which needs a newer ncf connector")
    }
    NcfDataset(
      location,
      kind,
      Json.optionalLong(answer, "version"),
      Option(answer.get("schema")).filterNot(_.isNull).getOrElse(noColumns),
      Option(answer.get("partitionColumns")).toSeq
        .filterNot(_.isNull)
        .flatMap(names => Json.elements(names).map(_.asText()))
    )
  }

  private def describe(location: NcfPath, options: NcfOptions): JsonNode = {
    NativeLibrary.load()
    val request = Json.obj()
    request.put("path", location.text)
    request.set[JsonNode]("options", options.toJson)
    request.putNull("schema")
    Json.parse(Native.openDataset(request.toString, location.storage))
  }

  /** The latest version of the table at `location`, if there is a table. */
  def latestVersion(location: NcfPath): Option[Long] = {
    NativeLibrary.load()
    val request = Json.obj()
    request.put("path", location.text)
    val answer = Native.latestVersion(request.toString, location.storage)
    Json.optionalLong(Json.parse(answer), "version")
  }
}
