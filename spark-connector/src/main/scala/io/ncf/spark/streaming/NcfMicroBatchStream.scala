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

/** How far a stream has read: through this version of the table, -1 = nothing yet. */
private[spark] final case class NcfOffset(version: Long) extends Offset {
  override def json(): String = Json.obj().put("version", version).toString
}

private[spark] object NcfOffset {

  val start: NcfOffset = NcfOffset(-1)

  def of(offset: Offset): NcfOffset = offset match {
    case ncf: NcfOffset => ncf
    case other          => parse(other.json())
  }

  def parse(json: String): NcfOffset =
    Json
      .optionalLong(Json.parse(json), "version")
      .map(NcfOffset(_))
      .getOrElse(throw NcfErrors.invalid(s"$json is not an offset of an ncf stream"))
}

/** A stream of a table's rows: the first batch is the snapshot of the version that was the latest
  * then, every other the files that the versions since have added. Versions that remove files end
  * the stream with an error.
  */
private[spark] final class NcfMicroBatchStream(
    dataset: NcfDataset,
    columns: StructType,
    options: NcfOptions
) extends MicroBatchStream
    with SupportsTriggerAvailableNow {

  if (dataset.exists && dataset.kind != NcfDataset.Table) {
    throw NcfErrors.notATable(dataset.path, dataset.kind.words, "read as a stream")
  }

  // With Trigger.AvailableNow: the version to stop at.
  private var last: Option[NcfOffset] = None

  // A table of the catalog may be created by its first write, after the stream has started.
  private var known = dataset

  private def table(): NcfDataset = {
    if (!known.exists) known = NcfDataset.open(dataset.location, options)
    known
  }

  override def initialOffset(): Offset = NcfOffset.start

  override def deserializeOffset(json: String): Offset = NcfOffset.parse(json)

  override def latestOffset(): Offset = newest()

  override def latestOffset(start: Offset, limit: ReadLimit): Offset = last.getOrElse(newest())

  override def reportLatestOffset(): Offset = newest()

  override def prepareForTriggerAvailableNow(): Unit = last = Some(newest())

  override def planInputPartitions(start: Offset, end: Offset): Array[InputPartition] = {
    val (from, to) = (NcfOffset.of(start).version, NcfOffset.of(end).version)
    if (to < 0) Array.empty
    else {
      val pinned = table().copy(version = Some(to))
      if (from >= 0) checkAppends(from, to)
      val stored = NcfScan.storedColumns(pinned, columns)
      val since = Some(from).filter(_ >= 0)
      ScanPlan(pinned, options, stored, None, versionFrom = since).partitions.toArray
    }
  }

  override def createReaderFactory(): PartitionReaderFactory =
    NcfScan.readerFactory(table(), columns, None, options)

  override def commit(end: Offset): Unit = ()

  override def stop(): Unit = ()

  private def newest(): NcfOffset =
    NcfDataset.latestVersion(dataset.location).fold(NcfOffset.start)(NcfOffset(_))

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
