package io.ncf.spark.write

import scala.util.control.NonFatal

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.write.WriterCommitMessage

import io.ncf.jni.{Native, NcfConflictException}
import io.ncf.spark.{Json, NcfPath}

/** The driver's side of one write: gives the files of all tasks to the table, or takes them back.
  *
  * @param location  the table's
  * @param schema    NCF schema of the table afterwards
  */
private[spark] final class TableCommit(
    location: NcfPath,
    operation: TableCommit.Operation,
    schema: JsonNode,
    partitionColumns: Seq[String],
    readVersion: Option[Long]
) {

  // Spark aborts after any failure, one of the commit itself included. Once the log may name the
  // files they may only go when the engine has said that it does not.
  private var mayBeCommitted = false

  /** Commits what the tasks have written.
    *
    * @param app application transaction: its id and number, which take effect once
    */
  def commit(messages: Array[WriterCommitMessage], app: Option[(String, Long)]): Unit = {
    val request = Json.obj()
    request.put("path", location.text)
    request.put("operation", operation.name)
    request.set[JsonNode]("schema", schema)
    request.set[JsonNode]("partitionColumns", Json.strings(partitionColumns))
    request.set[JsonNode]("adds", Json.array(TableCommit.files(messages).map(add)))
    readVersion.fold(request.putNull("readVersion"))(request.put("readVersion", _))
    app match {
      case Some((id, number)) =>
        val pair = Json.arr()
        pair.add(id)
        pair.add(number)
        request.set[JsonNode]("app", pair)
      case None => request.putNull("app")
    }
    request.set[JsonNode]("properties", Json.obj())
    request.set[JsonNode]("partition", TableCommit.values(operation.partition))
    mayBeCommitted = true
    val answer =
      try Json.parse(Native.commit(request.toString, location.storage))
      catch {
        case conflict: NcfConflictException =>
          mayBeCommitted = false
          throw conflict
      }
    // The table has this transaction from an earlier write, whose files have other names.
    if (answer.get("already").asBoolean()) deleteFiles(messages)
  }

  /** Deletes the tasks' files, unless the table may refer to them. */
  def abort(messages: Array[WriterCommitMessage]): Unit =
    if (!mayBeCommitted) deleteFiles(messages)

  private def deleteFiles(messages: Array[WriterCommitMessage]): Unit =
    TableCommit.deleteQuietly(location, TableCommit.files(messages))

  private def add(file: WrittenFile): JsonNode = {
    val node = Json.obj()
    node.put("path", file.path)
    node.set[JsonNode]("summary", Json.parse(file.summary))
    node.set[JsonNode]("partitionValues", TableCommit.values(file.partitionValues))
    node
  }
}

private[spark] object TableCommit {

  /** What a commit does.
    *
    * @param partition for a replacement, the values that all of the replaced rows have
    */
  sealed abstract class Operation(
      val name: String,
      val partition: Map[String, Option[String]] = Map.empty
  )
  case object Create extends Operation("create")
  case object Append extends Operation("append")
  case object Overwrite extends Operation("overwrite")
  final case class Replace(override val partition: Map[String, Option[String]])
      extends Operation("replace", partition)

  /** Partition values by column; null for none. */
  private def values(partition: Iterable[(String, Option[String])]): JsonNode = {
    val node = Json.obj()
    partition.foreach { case (name, value) => node.put(name, value.orNull) }
    node
  }

  /** Files of the tasks that came to their end; Spark leaves null for the others. */
  private def files(messages: Array[WriterCommitMessage]): Seq[WrittenFile] =
    messages.toSeq.collect { case message: NcfCommitMessage => message.files }.flatten

  /** Deletes files that no table knows; what stays is left to vacuum. */
  def deleteQuietly(table: NcfPath, files: Seq[WrittenFile]): Unit = if (files.nonEmpty) {
    val request = Json.obj()
    request.set[JsonNode]("files", Json.strings(files.map(file => table.file(file.path))))
    try { Native.deleteFiles(request.toString, table.storage); () }
    catch { case NonFatal(_) => () }
  }
}
