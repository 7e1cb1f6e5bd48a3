package io.ncf.spark.read

import java.util.concurrent.ConcurrentLinkedQueue

import org.apache.spark.sql.connector.metric.CustomTaskMetric
import org.apache.spark.sql.connector.read.PartitionReader
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

import io.ncf.jni.{
  ArrowLayout,
  JvmStorage,
  NativeScan,
  NcfColumnVector,
  NcfInterruptedException,
  TaskMemory
}
import io.ncf.spark.{Json, KillableTask}

/** Reads splits one after the other. There is one batch object, whose columns are pointed at each
  * batch in turn: a batch is valid until `next` or `close`.
  *
  * Spark may consume a reader on another thread than the task's (script transformations and Python
  * do), and that thread may still look at a batch when the task ends and closes the reader. Native
  * memory is therefore freed by the thread that reads, and by another one only when that has ended:
  * a `close` in between frees all but the batch, and the batch goes with the next call of `next`, or,
  * when the thread ends without one, with the next reader that is opened or closed.
  *
  * @param splits  the splits' JSON
  * @param schema  the columns of the batches
  * @param request the rest of `openScan`'s request
  * @param storage where the files are, null for local ones
  * @param limit   rows that are enough
  */
private[spark] final class NcfColumnarPartitionReader(
    splits: Array[String],
    schema: StructType,
    request: String,
    storage: JvmStorage,
    limit: Option[Int] = None
) extends PartitionReader[ColumnarBatch] {

  private val vectors = schema.fields.map(field => new NcfColumnVector(field.dataType))
  private val batch = new ColumnarBatch(vectors.toArray[ColumnVector])
  private val task = KillableTask.current

  // Guarded by this object's lock. The thread that called `next` last, which may hold a batch:
  private var owner: Option[Thread] = None
  // whether it is in `next`, and whether the reader was closed.
  private var reading = false
  private var closing = false
  @volatile private var freed = false

  private var nextSplit = 0
  private var left = limit.map(_.toLong)
  private var scan: Option[NativeScan] = None
  @volatile private var counted = Map.empty[String, Long]

  NcfColumnarPartitionReader.freeDeferred()

  private val memory = TaskMemory.ofTask()

  // A killed task does not always close its readers.
  task.foreach(_.onCompletion(close()))

  override def next(): Boolean = begin() && {
    try {
      var found = false
      while (!found && advance()) found = batch.numRows() > 0
      found
    } finally end()
  }

  override def get(): ColumnarBatch = batch

  /** Makes the calling thread the owner; false, and the native memory is gone, after `close`. */
  private def begin(): Boolean = {
    val goesOn = synchronized {
      owner = Some(Thread.currentThread())
      reading = !closing
      reading
    }
    if (!goesOn) free()
    goesOn
  }

  private def end(): Unit = synchronized {
    reading = false
    if (closing) keepBatch()
  }

  /** Frees all but the batch, which a thread may be looking at. Called with the lock. */
  private def keepBatch(): Unit = {
    nextSplit = splits.length
    scan.foreach(_.keepBatch())
  }

  /** As [[step]], which a killed task does no more. */
  private def advance(): Boolean =
    try {
      task.foreach(_.stopIfKilled())
      step()
    } catch { case killed: NcfInterruptedException => close(); throw killed }

  /** Loads the next batch, which may be empty; false at the end of the last split. */
  private def step(): Boolean = scan match {
    case Some(open) =>
      val array = open.nextBatch()
      if (array == 0L) closeScan() else load(array)
      true
    case None if nextSplit < splits.length && left.forall(_ > 0) =>
      scan = Some(NativeScan.open(
        openRequest(splits(nextSplit)),
        storage,
        memory,
        task.orNull
      ))
      nextSplit += 1
      true
    case None => false
  }

  private def load(array: Long): Unit = {
    var index = 0
    while (index < vectors.length) {
      vectors(index).reset(ArrowLayout.child(array, index))
      index += 1
    }
    batch.setNumRows(ArrowLayout.length(array))
    left = left.map(_ - batch.numRows())
  }

  /** Without a look into the request, which may list very many values. */
  private def openRequest(split: String): String = {
    val most = left.fold("")(rows => s""","limit":$rows""")
    s"""${request.stripSuffix("}")}$most,"split":$split}"""
  }

  override def currentMetricsValues(): Array[CustomTaskMetric] = {
    val now = counts()
    NcfMetrics.values(NcfMetrics.ofTask, name => now.getOrElse(name, 0L))
  }

  /** Spark hands over what the task's earlier partitions counted. */
  override def initMetricsValues(metrics: Array[CustomTaskMetric]): Unit =
    counted = metrics.map(metric => metric.name() -> metric.value()).toMap

  private def counts(): Map[String, Long] =
    // The scan of another thread must not be touched; what it counts is added when a split ends.
    if (!isMine) counted
    else scan.fold(counted)(open => NcfMetrics.add(counted, Json.parse(open.metrics())))

  /** Whether no other thread can be using the scan. */
  private def isMine: Boolean =
    synchronized(owner.forall(thread => thread == Thread.currentThread() || !thread.isAlive))

  private def closeScan(): Unit = {
    batch.setNumRows(0)
    try counted = counts()
    finally {
      scan.foreach(_.close())
      scan = None
    }
  }

  override def close(): Unit = {
    val mine = synchronized {
      closing = true
      if (!isMine && !reading) keepBatch()
      isMine
    }
    if (mine) free() else NcfColumnarPartitionReader.defer(this)
    NcfColumnarPartitionReader.freeDeferred()
  }

  private def free(): Unit = {
    nextSplit = splits.length
    try if (scan.isDefined) closeScan()
    finally freed = true
  }

  /** Frees what a thread has left that ended; whether nothing is left to free. */
  private def settle(): Boolean = synchronized {
    if (!freed && owner.forall(!_.isAlive)) free()
    freed
  }
}

private[spark] object NcfColumnarPartitionReader {

  // Closed while another thread was reading.
  private val deferred = new ConcurrentLinkedQueue[NcfColumnarPartitionReader]

  private def defer(reader: NcfColumnarPartitionReader): Unit = { deferred.add(reader); () }

  private def freeDeferred(): Unit = { deferred.removeIf(_.settle()); () }
}
