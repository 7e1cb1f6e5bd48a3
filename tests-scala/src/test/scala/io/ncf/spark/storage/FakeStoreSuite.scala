package io.ncf.spark.storage

import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.{CountDownLatch, TimeUnit}

import scala.jdk.CollectionConverters._

import org.apache.hadoop.fs.Path
import org.apache.spark.sql.streaming.Trigger

import io.ncf.jni._

/** A store that only Hadoop knows, in good and in bad order. Its files lie on the local disk, so
  * that they can be looked at, and read as a local table.
  */
class FakeStoreSuite extends StorageTestBase {

  override protected def settings: Map[String, String] = Map(
    "spark.hadoop.fs.fake.impl" -> classOf[FakeFileSystem].getName,
    "spark.hadoop.fs.plain.impl" -> classOf[PlainFileSystem].getName,
    "spark.hadoop.ncf.commit.fake" -> "rename"
  )

  private def local(url: String): String = url.stripPrefix("fake://store")

  override protected def withUrl(body: String => Unit): Unit = withPath { path =>
    FakeFileSystem.reset()
    try body(s"fake://store$path")
    finally FakeFileSystem.reset()
    eventually("streams or handles are left open") {
      FakeFileSystem.openStreams.get() == 0 && Native.liveHandles() == 0
    }
  }

  private def save(url: String, rows: Int = 200000): Unit =
    spark.range(0, rows.toLong, 1, 2).selectExpr("id a", "id * 7 b", "cast(id as string) s").write
      .format("ncf").option("blockRows", "8192").save(url)

  private def sum(url: String): Long = read(url).selectExpr("sum(a)", "max(s)").head().getLong(0)

  private val total = 200000L * 199999 / 2

  test("the same bytes as a local table") {
    withUrl { url =>
      save(url)
      assertSame(read(url), read(local(url)))
      append(read(local(url)).where("a < 5"), local(url))
      assert(read(url).count() == 200005)
    }
  }

  test("filters and projections keep bytes from being read") {
    withUrl { url =>
      save(url)
      val size = dataFiles(local(url)).map(_.length()).sum
      FakeFileSystem.reset()
      assert(read(url).selectExpr("sum(a)", "sum(b)", "max(s)").head().getLong(0) == total)
      val all = FakeFileSystem.bytesRead.get()
      FakeFileSystem.reset()
      assert(read(url).where("a between 1000 and 1010").selectExpr("max(s)").head().getString(0) ==
        "1010")
      val few = FakeFileSystem.bytesRead.get()
      assert(all > size / 2 && few < all / 2, s"$few of $all bytes, files of $size")
    }
  }

  test("vectored reads where the stream has them, the same rows where it does not") {
    withUrl { url =>
      // The column in the middle is wider than what is read over.
      val rows = spark.range(0, 50000, 1, 1).selectExpr("id a", "sha2(string(id), 256) s", "id c")
      rows.write.format("ncf").save(url)
      val columns = read(url).selectExpr("sum(a)", "sum(c * 2)")
      val expected = columns.head()
      assert(FakeFileSystem.vectoredReads.get() > 0)
      FakeFileSystem.vectored = false
      FakeFileSystem.vectoredReads.set(0)
      assert(columns.head() == expected)
      assert(FakeFileSystem.vectoredReads.get() == 0)
    }
  }

  test("short reads are read on") {
    withUrl { url =>
      save(url)
      FakeFileSystem.shortReads = 1000
      assert(sum(url) == total)
    }
  }

  test("Spark counts the bytes that a task reads") {
    withUrl { url =>
      save(url)
      val bytes = new java.util.concurrent.atomic.AtomicLong
      val listener = new org.apache.spark.scheduler.SparkListener {
        override def onTaskEnd(end: org.apache.spark.scheduler.SparkListenerTaskEnd): Unit = {
          bytes.addAndGet(end.taskMetrics.inputMetrics.bytesRead)
          ()
        }
      }
      spark.sparkContext.addSparkListener(listener)
      try {
        sum(url)
        eventually("no bytes were counted")(bytes.get() > 0)
      } finally spark.sparkContext.removeSparkListener(listener)
    }
  }

  test("files are opened by several threads while planning, all of them daemons") {
    withUrl { url =>
      (0 until 6).foreach(part => append(numbers(part * 10, part * 10 + 10), url))
      FakeFileSystem.reset()
      // The log knows how many rows of whole files there are: the filter cuts one.
      assert(read(url).where("a >= 3").count() == 57)
      val threads = FakeFileSystem.foreignThreads
      assert(!threads.isEmpty && threads.values().asScala.forall(_.booleanValue()), threads)
    }
  }

  test("a read that fails names file, class and message") {
    withUrl { url =>
      save(url)
      val reads = new AtomicInteger
      // The tail of each file is read twice, by the driver and by a task.
      FakeFileSystem.onRead = path =>
        if (path.getName.endsWith(".ncf") && reads.incrementAndGet() > 4) {
          throw new StoreFailure("the disk is tired")
        }
      val message = failure[NcfIoException](sum(url))
      assert(message.contains(classOf[StoreFailure].getName + ": the disk is tired"))
      assert(message.contains(url) && message.contains(".ncf"))
      FakeFileSystem.onRead = FakeFileSystem.nothing
      assert(sum(url) == total)
    }
  }

  test("a runtime exception and an error of the store are errors too") {
    withUrl { url =>
      save(url)
      for (bad <- Seq(new IllegalStateException("odd"), new NoClassDefFoundError("gone"))) {
        FakeFileSystem.onOpen = path => if (path.getName.endsWith(".ncf")) throw bad
        val message = failure[NcfIoException](sum(url))
        assert(message.contains(bad.getClass.getName) && message.contains(url))
      }
    }
  }

  test("a write that fails leaves no file and no version") {
    withUrl { url =>
      save(url)
      val before = dataFiles(local(url)).size
      val writes = new AtomicInteger
      FakeFileSystem.onWrite = path =>
        if (path.getName.endsWith(".ncf") && writes.incrementAndGet() > 3) {
          throw new StoreFailure("no space")
        }
      val rows = spark.range(0, 300000, 1, 3).selectExpr("id a", "id * 7 b", "cast(id as string) s")
      val message = failure[NcfIoException](
        rows.write.format("ncf").option("blockRows", "8192").mode("append").save(url)
      )
      assert(message.contains("StoreFailure: no space") && message.contains(url))
      // The job has failed before its last task knows of it.
      eventually("files are left behind")(dataFiles(local(url)).size == before)
      FakeFileSystem.onWrite = FakeFileSystem.nothing
      assert(logFiles(local(url)).size == 1)
      assert(sum(url) == total)
    }
  }

  test("an interruption while a file is made leaves no file") {
    withUrl { url =>
      FakeFileSystem.onCreated = _ => throw new java.io.InterruptedIOException("killed")
      val message = failure[NcfIoException](append(numbers(0, 10), url))
      assert(message.contains("InterruptedIOException: killed"))
      FakeFileSystem.onCreated = FakeFileSystem.nothing
      eventually("files are left behind")(dataFiles(local(url)).isEmpty)
      append(numbers(0, 10), url)
      assertSame(read(url), numbers(0, 10))
    }
  }

  test("a killed task deletes its files, though its thread is interrupted") {
    withUrl { url =>
      val conf = spark.sessionState.newHadoopConf()
      val storage = new HadoopStorage(new Path(url).getFileSystem(conf), conf)
      assert(storage.putIfAbsent(s"$url/a.ncf", Array[Byte](1)))
      FakeFileSystem.onDelete = _ =>
        if (Thread.currentThread().isInterrupted) {
          throw new java.io.InterruptedIOException("no work for killed threads")
        }
      Thread.currentThread().interrupt()
      try storage.delete(s"$url/a.ncf")
      finally assert(Thread.interrupted())
      assert(storage.stat(s"$url/a.ncf") == JvmStorage.ABSENT)
    }
  }

  test("a commit whose answer is lost is found in the log and made once") {
    withUrl { url =>
      append(numbers(0, 10), url)
      val lost = new AtomicInteger
      FakeFileSystem.afterRename = path =>
        if (path.getName.endsWith(".json") && lost.incrementAndGet() == 1) {
          throw new StoreFailure("connection reset")
        }
      append(numbers(10, 20), url)
      assert(lost.get() == 1)
      assertSame(read(url), numbers(0, 20))
      assert(logFiles(local(url)).size == 2)
    }
  }

  test("a commit that does not get through is tried again") {
    withUrl { url =>
      append(numbers(0, 10), url)
      val refused = new AtomicInteger
      FakeFileSystem.beforeRename = path =>
        if (path.getName.endsWith(".json") && refused.incrementAndGet() < 4) {
          throw new StoreFailure("try again")
        }
      append(numbers(10, 20), url)
      assertSame(read(url), numbers(0, 20))
      assert(logFiles(local(url)).size == 2)
      assert(temporaryFiles(url).isEmpty)
    }
  }

  test("a commit that stays open deletes nothing") {
    withUrl { url =>
      append(numbers(0, 10), url)
      val before = dataFiles(local(url)).size
      FakeFileSystem.beforeRename = path =>
        if (path.getName.endsWith(".json")) throw new StoreFailure("never")
      val message = failure[NcfCommitStateUnknownException](append(numbers(10, 20), url))
      assert(message.contains("StoreFailure: never") && message.contains(url))
      FakeFileSystem.beforeRename = FakeFileSystem.nothing
      assert(dataFiles(local(url)).size > before)
      assertSame(read(url), numbers(0, 10))
    }
  }

  test("a commit record that cannot be written says that nothing was committed") {
    withUrl { url =>
      append(numbers(0, 10), url)
      FakeFileSystem.onWrite = path =>
        if (path.getName.endsWith(".tmp")) throw new StoreFailure("no space")
      val message = failure[NcfIoException](append(numbers(10, 20), url))
      assert(message.contains("nothing was committed") && message.contains("no space"))
      FakeFileSystem.onWrite = FakeFileSystem.nothing
      append(numbers(10, 20), url)
      assertSame(read(url), numbers(0, 20))
    }
  }

  private def temporaryFiles(url: String): Seq[File] =
    logFiles(local(url)).map(_.getParentFile).distinct.flatMap { folder =>
      folder.listFiles().toSeq.filter(_.getName.endsWith(".tmp"))
    }

  /** Runs `job`, whose tasks hang in `hang`, and cancels it when one does. */
  private def cancelled(job: => Unit)(hang: (Path => Unit) => Unit): Unit = {
    val started = new AtomicInteger
    // A task whose interruption came before it got to the hook must not wait in it.
    val over = new CountDownLatch(1)
    val context = spark.sparkContext
    hang { _ =>
      if (Thread.currentThread().getName.startsWith("Executor task")) {
        started.incrementAndGet()
        over.await(60, TimeUnit.SECONDS)
        ()
      }
    }
    val query = new Thread(() => {
      context.setJobGroup("slow", "a job to cancel", interruptOnCancel = true)
      try job
      catch { case _: Exception => () }
    })
    query.start()
    eventually("no task has started")(started.get() > 0)
    context.cancelJobGroup("slow")
    query.join(30000)
    assert(!query.isAlive)
    over.countDown()
    FakeFileSystem.reset()
    eventually("streams are left open")(FakeFileSystem.openStreams.get() == 0)
  }

  test("a cancelled job closes its streams, also in the middle of a read") {
    withUrl { url =>
      save(url)
      cancelled { sum(url); () } { hook => FakeFileSystem.onRead = hook }
      assert(sum(url) == total)
    }
  }

  test("a cancelled write removes the files of its tasks") {
    withUrl { url =>
      save(url)
      val before = dataFiles(local(url)).size
      cancelled {
        val rows = spark.range(0, 100000, 1, 2).selectExpr("id a", "id b", "cast(id as string) s")
        append(rows, url)
      } { hook => FakeFileSystem.onWrite = hook }
      eventually("files are left behind")(dataFiles(local(url)).size == before)
      assert(sum(url) == total)
    }
  }

  test("a store without put-if-absent is refused before anything is written") {
    withUrl { url =>
      val plain = url.replace("fake://", "plain://")
      val message = failure[NcfUnsupportedException](append(numbers(0, 10), plain))
      assert(message.contains("'plain'") && message.contains("spark.hadoop.ncf.commit.plain"))
      assert(!new File(local(url)).exists())
      append(numbers(0, 10), url)
      assertSame(read(plain), numbers(0, 10))
    }
  }

  test("a path without a scheme belongs to the default file system") {
    withUrl { url =>
      spark.conf.set("fs.defaultFS", "fake://store/")
      try {
        append(numbers(0, 10), local(url))
        assert(FakeFileSystem.opens.get() > 0)
        assertSame(read(local(url)), numbers(0, 10))
      } finally spark.conf.unset("fs.defaultFS")
      assertSame(read(s"file://${local(url)}"), numbers(0, 10))
    }
  }

  test("options of Hadoop reach the store, and no plan shows them") {
    withUrl { url =>
      val other = url.replace("fake://", "other://")
      val key = "fs.other.impl"
      failure[NcfUnsupportedException](read(other))
      append(numbers(0, 10), url)
      val rows = spark.read.format("ncf").option(key, classOf[OtherFileSystem].getName).load(other)
      assertSame(rows, numbers(0, 10))
      assert(!rows.queryExecution.executedPlan.toString.contains(key))
    }
  }

  test("streams, with their checkpoints in the same place") {
    withUrl { url =>
      append(numbers(0, 10), url)
      def drain(): Unit = spark.readStream.format("ncf").load(url).writeStream
        .format("ncf")
        .option("checkpointLocation", url + "-checkpoint")
        .trigger(Trigger.AvailableNow())
        .start(url + "-sink")
        .awaitTermination()
      drain()
      append(numbers(10, 15), url)
      drain()
      drain()
      assertSame(read(url + "-sink"), numbers(0, 15))
    }
  }

  test("SQL tables with a location") {
    withUrl { url =>
      spark.sql(s"CREATE TABLE far USING ncf LOCATION '$url' AS SELECT id a FROM range(10)")
      try {
        spark.sql("INSERT INTO far SELECT id a FROM range(10, 20)")
        assertSame(spark.table("far"), spark.range(20).toDF("a"))
      } finally spark.sql("DROP TABLE far")
      assert(FakeFileSystem.opens.get() > 0)
    }
  }

  test("one of many puts of a name wins, and its bytes are whole") {
    withUrl { url =>
      val conf = spark.sessionState.newHadoopConf()
      val path = new Path(url)
      val storage = new HadoopStorage(path.getFileSystem(conf), conf)
      StorageChecks.putIfAbsent(storage, url, together)
    }
  }
}

/** The same under the scheme `other`, which only an option makes known. */
class OtherFileSystem extends FakeFileSystem {
  override def getScheme: String = "other"
}

/** Checks of a storage itself. */
object StorageChecks {

  /** Puts by several threads: of each name exactly one wins, and everybody reads its bytes. */
  def putIfAbsent(
      storage: JvmStorage,
      url: String,
      together: Seq[() => Unit] => Unit
  ): Unit = (0 until 10).foreach { round =>
    val name = s"$url/_ncf/log/$round.json"
    val wins = new java.util.concurrent.ConcurrentLinkedQueue[Integer]
    together((0 until 6).map { writer => () =>
      val bytes = Array.fill(20000 + writer)(('a' + writer).toByte)
      if (storage.putIfAbsent(name, bytes)) {
        wins.add(writer)
        ()
      }
      // Whoever lost sees a whole record at once.
      val seen = storage.read(name, 1 << 20)
      assert(seen.length == 20000 + (seen.head - 'a') && seen.forall(_ == seen.head))
    })
    assert(wins.size() == 1, s"$name was put ${wins.size()} times")
    assert(storage.read(name, 1 << 20).head == ('a' + wins.peek()).toByte)
  }
}
