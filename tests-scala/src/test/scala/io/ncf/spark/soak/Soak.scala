package io.ncf.spark.soak

import java.nio.file.{Files, Path}

import org.apache.spark.sql.SparkSession

import io.ncf.spark.storage.FakeFileSystem

/** Scans, queries and writes for a long time in one JVM, good and bad ones: memory, threads and open
  * files must not grow. Arguments: the number of scans, besides those by which everything is loaded,
  * compiled and used for the first time. Prints what the process holds on the way, and ends with
  * status 1 when something was not given back.
  *
  * The JVM's heap must be resident from the start (`-Xms` as `-Xmx`, `-XX:+AlwaysPreTouch`), or its
  * own growth would hide that of native memory.
  *
  * What is kept grows with use. So where something grew, as many scans again must let it grow again: pools
  * and the allocator take something once at any time, and that is no complaint.
  */
object Soak {

  private val checkpoints = 20

  private val growthKib = 32L << 10

  /** Threads and files that Spark's pools may open and close at any time. */
  private val play = 8

  def main(arguments: Array[String]): Unit = {
    val folder = Files.createTempDirectory("ncf-soak-")
    val spark = SparkSession.builder().master("local[2]").appName("soak")
      .config("spark.ui.enabled", "false")
      .config("spark.sql.shuffle.partitions", "2")
      // Pools of these add a thread a query, up to a thousand, for a minute.
      .config("spark.sql.adaptive.enabled", "false")
      .config("spark.sql.shuffleExchange.maxThreadThreshold", "2")
      .config("spark.sql.broadcastExchange.maxThreadThreshold", "2")
      .config("spark.memory.offHeap.enabled", "true")
      .config("spark.memory.offHeap.size", "256m")
      .config("spark.hadoop.fs.fake.impl", classOf[FakeFileSystem].getName)
      .config("spark.hadoop.ncf.commit.fake", "rename")
      .getOrCreate()
    val complaints =
      try run(spark, folder.toString, arguments(0).toInt)
      finally {
        spark.stop()
        delete(folder)
      }
    complaints.foreach(complaint => println(s"soak: $complaint"))
    println(if (complaints.isEmpty) "soak: nothing was kept" else "soak: failed")
    System.exit(if (complaints.isEmpty) 0 else 1)
  }

  private def run(spark: SparkSession, folder: String, scans: Int): Seq[String] = {
    val tables = new SoakTables(spark, folder)
    tables.make()
    val queries = new SoakQueries(spark, tables, folder)
    val reads = new SoakScans(spark, tables)
    tables.damage()
    // The block manager's pools add a thread a job, up to 128 each: now, not on the way.
    for (_ <- 0 until 300) spark.sparkContext.broadcast(0).destroy()
    val start = System.nanoTime()
    val warmUp = math.max(300, scans / 4)
    def until(from: Int, to: Int): ProcessState = {
      for (number <- from until to) {
        if (number % 20 == 19) queries.run(number / 20) else reads.run(number)
        if (number % 7 == 0) queries.writeFile(number / 7)
      }
      val state = settled(reads)
      println(s"soak: $to scans, ${(System.nanoTime() - start) / 1_000_000_000L} s: $state")
      state
    }
    def period(from: Int): Seq[ProcessState] = {
      val ends = (0 to checkpoints).map(checkpoint => from + scans * checkpoint / checkpoints)
      ends.zip(ends.tail).map { case (from, to) => until(from, to) }
    }
    val warm = until(0, warmUp)
    val after = period(warmUp)
    val open = (warm +: after).filterNot(_.isClean).map(state => s"something is open: $state")
    val grown = growth(warm, after).toSeq
    grown.foreach { case (what, by) => println(s"soak: $what grew by $by: will it again?") }
    val again =
      if (grown.isEmpty) Map.empty[String, Long] else growth(after.last, period(warmUp + scans))
    open ++ grown.flatMap { case (what, by) =>
      again.get(what).map(more => s"$what grew by $by, then by $more")
    }
  }

  /** The state when tasks that were cancelled have ended, and a scan has freed what threads left. */
  private def settled(reads: SoakScans): ProcessState = {
    val deadline = System.nanoTime() + 20_000_000_000L
    var state = ProcessState.now()
    while (!state.isClean && System.nanoTime() < deadline) {
      Thread.sleep(20)
      reads.run(8)
      state = ProcessState.now()
    }
    state
  }

  /** What grew by more than play allows, and by how much. What spikes and falls did not grow: of the
    * states after, the least of the last quarter counts.
    */
  private def growth(before: ProcessState, after: Seq[ProcessState]): Map[String, Long] = {
    val last = after.takeRight(checkpoints / 4)
    def grew(play: Long)(of: ProcessState => Long): Option[Long] =
      Some(last.map(of).min - of(before)).filter(_ > play)
    Seq(
      "resident memory, in KiB," -> grew(growthKib)(_.resident),
      "the number of threads" -> grew(play)(_.threads),
      "the number of open files" -> grew(play)(_.files)
    ).collect { case (what, Some(by)) => what -> by }.toMap
  }

  private def delete(folder: Path): Unit = {
    val walk = Files.walk(folder)
    try walk.sorted(java.util.Comparator.reverseOrder[Path]()).forEach { p => Files.delete(p); () }
    finally walk.close()
  }
}
