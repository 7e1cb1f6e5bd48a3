package io.ncf.spark.streaming

import org.apache.spark.sql.connector.read.streaming.{
  MicroBatchStream,
  Offset,
  ReadLimit,
  SupportsTriggerAvailableNow
}
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReaderFactory}
import org.apache.spark.sql.types.StructType

import io.ncf.jni.Native
import io.ncf.spark.read.{NcfScan, ScanPlan}
import io.ncf.spark.{Json, NcfDataset, NcfErrors, NcfOptions}

/** How far a stream has read.
  *
  * @param version through this version of the table, -1 = nothing yet
  * @param table   the table's id; none for nothing yet, and in checkpoints of early builds
  */
private[spark] final case class NcfOffset(version: Long, table: Option[String]) extends Offset {

  override def json(): String = {
    val node = Json.obj().put("version", version)
    table.foreach(node.put("table", _))
    node.toString
  }

  /** Whether a stream that has read this far can go on to `later`. */
  def leadsTo(later: NcfOffset): Boolean =
    version <= later.version && table.forall(id => later.table.forall(_ == id))
}

private[spark] object NcfOffset {

  val start: NcfOffset = NcfOffset(-1, None)

  def of(offset: Offset): NcfOffset = offset match {
    case ncf: NcfOffset => ncf
    case other          => parse(other.json())
  }

  def parse(json: String): NcfOffset = {
    val node = Json.parse(json)
    Json
      .optionalLong(node, "version")
      .map(NcfOffset(_, Option(node.get("table")).map(_.asText())))
      .getOrElse(throw NcfErrors.invalid(s"$json is not an offset of an ncf stream"))
  }
}

/** A stream of a table's rows: the first batch is the snapshot of the version that was the latest
  * then, every other the files that the versions since have added. Versions that remove files end
  * the stream with an error, and so does another table in the place of the one that was read.
  */
private[spark] final class NcfMicroBatchStream(
    dataset: NcfDataset,
    columns: StructType,
    options: NcfOptions
) extends MicroBatchStream
    with SupportsTriggerAvailableNow {

  if (dataset.timeTravels) throw NcfErrors.streamTimeTravel(dataset.path)
  checkIsTable(dataset)

  // With Trigger.AvailableNow: the version to stop at.
  private var last: Option[NcfOffset] = None

  // A table of the catalog may be created by its first write, after the stream has started.
  private var known = dataset

  private def table(): NcfDataset = {
    if (!known.exists) {
      val found = NcfDataset.open(dataset.location, options)
      checkIsTable(found)
      known = found.readAs(columns)
    }
    known
  }

  private def checkIsTable(found: NcfDataset): Unit =
    if (found.exists && found.kind != NcfDataset.Table) {
      throw NcfErrors.notATable(found.path, found.kind.words, "read as a stream")
    }

  override def initialOffset(): Offset = NcfOffset.start

  override def deserializeOffset(json: String): Offset = NcfOffset.parse(json)

  override def latestOffset(): Offset = newest()

  override def latestOffset(start: Offset, limit: ReadLimit): Offset = {
    val end = last.getOrElse(newest())
    if (!NcfOffset.of(start).leadsTo(end)) throw NcfErrors.streamRecreated(dataset.path)
    end
  }

  override def reportLatestOffset(): Offset = newest()

  override def prepareForTriggerAvailableNow(): Unit = last = Some(newest())

  override def planInputPartitions(start: Offset, end: Offset): Array[InputPartition] = {
    val (from, to) = (NcfOffset.of(start), NcfOffset.of(end))
    if (to.version < 0) Array.empty
    else {
      // A batch that is repeated comes with the offsets of its first time.
      val pinned = table().copy(version = Some(to.version))
      if (!from.leadsTo(to) || to.table.exists(id => !pinned.id.contains(id))) {
        throw NcfErrors.streamRecreated(dataset.path)
      }
      val since = Some(from.version).filter(_ >= 0)
      since.foreach(checkAppends(_, to.version))
      val stored = pinned.storedColumns(columns).map(_.name)
      ScanPlan(pinned, options, stored, None, versionFrom = since).partitions.toArray
    }
  }

  override def createReaderFactory(): PartitionReaderFactory =
    NcfScan.readerFactory(table(), columns, options)

  override def commit(end: Offset): Unit = ()

  override def stop(): Unit = ()

  private def newest(): NcfOffset = NcfDataset.latest(dataset.location).fold(NcfOffset.start) {
    case (id, version) => NcfOffset(version, Some(id))
  }

  private def checkAppends(from: Long, to: Long): Unit = {
    val request = Json.obj()
    request.put("path", dataset.path)
    request.put("from", from)
    request.put("to", to)
    val answer = Native.changes(request.toString, dataset.location.storage)
    val changes = Json.parse(answer).get("versions")
    Json.elements(changes).find(Json.long(_, "removes") > 0).foreach { change =>
      val operation = Option(change.get("op")).fold("unknown operation")(_.asText())
      throw NcfErrors.streamRewritten(dataset.path, Json.long(change, "version"), operation)
    }
  }
}
