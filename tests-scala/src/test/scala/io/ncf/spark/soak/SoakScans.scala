package io.ncf.spark.soak

import java.io.{File, RandomAccessFile}
import java.util.concurrent.CountDownLatch

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.expressions.UnsafeProjection
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader}
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.vectorized.ColumnarBatch
import org.apache.spark.sql.{DataFrame, SparkSession}

import io.ncf.jni.NcfException
import io.ncf.spark.read.NcfPartitionReaderFactory

/** Scans with the connector's readers, as Spark's tasks use them, without Spark's scheduler. */
private[soak] final class SoakScans(spark: SparkSession, tables: SoakTables)
    extends AdaptiveSparkPlanHelper {

  /** What Spark would read, and the sum of the rows' hashes once it is known. */
  private final class Source(frame: DataFrame) {
    private val scan =
      collectFirst(frame.queryExecution.executedPlan) { case s: BatchScanExec => s }.get
    private val factory = scan.batch.createReaderFactory().asInstanceOf[NcfPartitionReaderFactory]
    private val project = UnsafeProjection.create(factory.schema)
    private var expected = Map.empty[Int, Long]
    private val partitions: Array[InputPartition] = scan.batch.planInputPartitions()

    def reader(partition: Int): PartitionReader[ColumnarBatch] =
      factory.createColumnarReader(partitions(partition % partitions.length))

    /** Looks at every byte of a batch: memory that is gone shows by a crash or another sum. */
    def sum(batch: ColumnarBatch): Long =
      batch.rowIterator().asScala.map(row => project(row).hashCode().toLong).sum

    def readAll(number: Int): Unit = {
      val partition = number % partitions.length
      val reading = reader(partition)
      try {
        var total = 0L
        while (reading.next()) total += sum(reading.get())
        val before = expected.getOrElse(partition, total)
        if (before != total) throw new IllegalStateException(s"rows differ: $total, not $before")
        expected += partition -> total
      } finally reading.close()
    }
  }

  private val flat = new Source(spark.read.format("ncf").load(tables.flat))
  private val filtered =
    new Source(spark.read.format("ncf").load(tables.flat).where("a % 2 >= 0 and s > '7'"))
  private val wide = new Source(spark.read.format("ncf").load(tables.wide).select("c3", "c77"))
  private val nested = new Source(spark.read.format("ncf").load(tables.nested))
  private val remote = new Source(spark.read.format("ncf").load(tables.remote))
  private val corrupt = tables.corrupt.map(path => new Source(spark.read.format("ncf").load(path)))

  /** Scan `number`, of a kind that depends on it. */
  def run(number: Int): Unit = number % 12 match {
    case 0  => flat.readAll(number / 12)
    case 1  => filtered.readAll(number / 12)
    case 2  => wide.readAll(number / 12)
    case 3  => nested.readAll(number / 12)
    case 4  => remote.readAll(number / 12)
    case 5  => beginning(flat, number)
    case 6  => beginning(nested, number)
    case 7  => beginning(remote, number)
    case 8  => flat.reader(number).close()
    case 9  => damaged(number / 12)
    case 10 => damaged(number / 12 + 1)
    case _  => onAnotherThread(number)
  }

  /** What a limit does: one batch, then the end. */
  private def beginning(source: Source, number: Int): Unit = {
    val reader = source.reader(number)
    try if (reader.next()) { source.sum(reader.get()); () }
    finally reader.close()
  }

  private def damaged(number: Int): Unit = {
    val source = corrupt(number % corrupt.length)
    val failed =
      try { source.readAll(number); false }
      catch { case _: NcfException => true }
    if (!failed) throw new IllegalStateException("damage was not found")
  }

  /** A script or Python reads on its own thread, which looks at the batch after the end of the task. */
  private def onAnotherThread(number: Int): Unit = {
    val reader = flat.reader(number)
    val (has, closed) = (new CountDownLatch(1), new CountDownLatch(1))
    val thread = new Thread(() => {
      reader.next()
      has.countDown()
      closed.await()
      flat.sum(reader.get())
      if (number % 24 == 11) { reader.next(); () }
    })
    thread.start()
    has.await()
    reader.close()
    closed.countDown()
    thread.join()
  }
}

/** The tables that are read.
  *
  * @param folder on the local disk
  */
private[soak] final class SoakTables(spark: SparkSession, folder: String) {

  val flat: String = s"$folder/flat"
  val nested: String = s"$folder/nested"
  val wide: String = s"$folder/wide"
  val remote: String = s"fake://store$folder/remote"
  val corrupt: Seq[String] = (0 until 3).map(part => s"$folder/corrupt$part")

  private def save(frame: DataFrame, path: String): Unit =
    frame.write.format("ncf").option("blockRows", "4096").save(path)

  private val numbers = spark.range(0, 10000, 1, 2)

  def make(): Unit = {
    val rows = numbers.selectExpr(
      "id a",
      "if(id % 7 = 0, null, id / 3) d",
      "sha2(string(id), 256) s",
      "concat('group ', id % 20) g",
      "cast(id as decimal(30, 4)) big"
    )
    save(rows, flat)
    save(rows, remote)
    save(
      numbers.selectExpr(
        "sequence(id, id + id % 5) l",
        "map(string(id), id) m",
        "named_struct('x', id, 'y', array(string(id), null)) t"
      ),
      nested
    )
    save(numbers.selectExpr((0 until 100).map(column => s"id * $column c$column"): _*), wide)
    corrupt.foreach(save(rows, _))
  }

  /** Damages some of the tables, whose scans must have been planned. */
  def damage(): Unit = corrupt.zipWithIndex.foreach { case (path, part) =>
    val files = new File(s"$path/data").listFiles().filter(_.getName.endsWith(".ncf"))
    files.foreach(damage(_, part))
  }

  /** Flips a bit of the first pages, of the metadata, or cuts the file. */
  private def damage(file: File, part: Int): Unit = {
    val bytes = new RandomAccessFile(file, "rw")
    try {
      val length = bytes.length()
      if (part == 2) bytes.setLength(length / 2)
      else {
        val at = if (part == 0) 400L else length - 1000L
        bytes.seek(at)
        val old = bytes.read()
        bytes.seek(at)
        bytes.write(old ^ 4)
      }
    } finally bytes.close()
  }
}
