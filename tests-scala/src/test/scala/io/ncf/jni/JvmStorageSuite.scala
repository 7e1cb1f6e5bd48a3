package io.ncf.jni

import java.io.{ByteArrayOutputStream, IOException}
import java.nio.ByteBuffer
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger

import scala.jdk.CollectionConverters._
import scala.util.Using

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.sql.types.{IntegerType, StructField, StructType}
import org.scalatest.funsuite.AnyFunSuite

/** Up-calls from Rust into a storage in Java, one that does as it should and one that does not. */
class JvmStorageSuite extends AnyFunSuite {

  private val json = new ObjectMapper
  private val file = "mem://store/t/data/a.ncf"
  private val schema = """{"fields":[{"id":1,"name":"a","type":"int","nullable":true}]}"""

  private def write(storage: JvmStorage, rows: Int): String =
    Using.resource(new BatchBuilder(StructType(Seq(StructField("a", IntegerType))))) { batch =>
      val request = s"""{"file":"$file","schema":$schema,"options":{"blockRows":"8192"}}"""
      Using.resource(NativeWriter.open(request, storage)) { writer =>
        (0 until rows).foreach { row =>
          batch.column(0).appendInt(row)
          if (batch.rowDone()) writer.write(batch)
        }
        writer.write(batch)
        writer.finish()
      }
    }

  private def commit(storage: JvmStorage, summary: String): Unit = {
    Native.commit(
      s"""{"path":"mem://store/t","operation":"append","schema":$schema,"partitionColumns":[],
         |"adds":[{"path":"data/a.ncf","summary":$summary,"partitionValues":{}}],
         |"readVersion":null,"app":null,"properties":{}}""".stripMargin,
      storage
    )
    ()
  }

  private def count(storage: JvmStorage): Int = {
    val plan = json.readTree(Native.planScan("""{"path":"mem://store/t"}""", storage))
    plan.get("splits").elements().asScala.map { split =>
      val request = s"""{"split":$split,"columns":["a"],"schema":$schema}"""
      Using.resource(NativeScan.open(request, storage)) { scan =>
        Iterator.continually(scan.nextBatch()).takeWhile(_ != 0L).map(ArrowLayout.length).sum
      }
    }.sum
  }

  test("a table in Java's memory is written, committed and read; everything is closed once") {
    val before = Native.liveHandles()
    val storage = new MemoryStorage
    commit(storage, write(storage, 100000))
    assert(count(storage) == 100000)
    assert(storage.opened.get() > 2 && storage.closed.get() == storage.opened.get())
    assert(storage.finished.get() == 1 && storage.discarded.get() == 0)
    assert(Native.liveHandles() == before)
    val latest = """{"path":"mem://store/t"}"""
    assert(json.readTree(Native.latestVersion(latest, storage)).get("version").asInt() == 0)
    val deleted = json.readTree(Native.deleteFiles(s"""{"files":["$file"]}""", storage))
    assert(deleted.get("deleted").asInt() == 1 && !storage.files.containsKey(file))
  }

  test("a writer that is dropped discards its file") {
    val storage = new MemoryStorage
    val writer = NativeWriter.open(s"""{"file":"$file","schema":$schema,"options":{}}""", storage)
    writer.close()
    assert(storage.discarded.get() == 1 && storage.finished.get() == 0)
    assert(!storage.files.containsKey(file))
  }

  test("whatever a storage throws becomes an error with class and message, and nothing stays") {
    val odd = new RuntimeException {
      override def toString: String = throw new IllegalStateException("not even this")
    }
    val thrown = Seq(
      new IOException("disk full") -> "java.io.IOException: disk full",
      new RuntimeException(null: String) -> "java.lang.RuntimeException",
      new StackOverflowError() -> "java.lang.StackOverflowError",
      odd -> "an exception without a text"
    )
    for ((throwable, text) <- thrown) {
      val storage = new MemoryStorage { override def onCall(): Unit = throw throwable }
      val errors = Seq(
        intercept[NcfIoException](Native.openDataset("""{"path":"mem://store/t"}""", storage)),
        intercept[NcfIoException](Native.latestVersion("""{"path":"mem://store/t"}""", storage)),
        intercept[NcfIoException](write(storage, 1))
      )
      errors.foreach { error =>
        assert(error.getMessage.contains(text) && error.getMessage.contains("mem://store/t"))
      }
    }
  }

  test("an error of ours keeps its kind") {
    val storage = new MemoryStorage {
      override def onCall(): Unit = throw new NcfUnsupportedException("not here")
    }
    val error =
      intercept[NcfUnsupportedException](Native.openDataset("""{"path":"mem://s"}""", storage))
    assert(error.getMessage.startsWith("not here"))
  }

  test("answers that cannot be are errors, and leave the JVM alive") {
    val dataset = """{"path":"mem://store/t"}"""
    def open(storage: JvmStorage): NcfInternalException =
      intercept[NcfInternalException](Native.openDataset(dataset, storage))
    open(new MemoryStorage { override def stat(path: String): Long = -7 })
    open(new MemoryStorage {
      override def stat(path: String): Long = if (path.endsWith("_ncf")) -1 else -2
      override def list(directory: String): String = "a.ncf"
    })
    open(new MemoryStorage {
      override def stat(path: String): Long = 5
      override def open(path: String): JvmSource = null
    })
    intercept[NcfInternalException](write(
      new MemoryStorage { override def create(path: String): JvmSink = null },
      1
    ))
  }

  test("a source that gives too little is found out by checksums") {
    val good = new MemoryStorage
    commit(good, write(good, 100000))
    val bad = new MemoryStorage {
      files.putAll(good.files)
      override def fill(bytes: Array[Byte], into: ByteBuffer): Unit =
        into.put(bytes, 0, bytes.length / 2) // A read that ends in padding could lose one unseen.
    }
    intercept[NcfCorruptException](count(bad))
    assert(bad.closed.get() == bad.opened.get())
  }

  test("references do not pile up over many calls") {
    val storage = new MemoryStorage
    commit(storage, write(storage, 10))
    for (_ <- 0 until 20000) Native.latestVersion("""{"path":"mem://store/t"}""", storage)
    assert(count(storage) == 10)
  }
}

/** Files in a map, under full paths. */
class MemoryStorage extends JvmStorage {

  val files = new ConcurrentHashMap[String, Array[Byte]]
  val opened, closed, finished, discarded = new AtomicInteger

  /** Called first in every method. */
  def onCall(): Unit = ()

  /** Hands over the bytes of a range. */
  def fill(bytes: Array[Byte], into: ByteBuffer): Unit = { into.put(bytes); () }

  private def below(directory: String): Seq[String] =
    files.keySet().asScala.toSeq.filter(_.startsWith(directory + "/"))

  override def stat(path: String): Long = {
    onCall()
    if (files.containsKey(path)) files.get(path).length.toLong
    else if (below(path).isEmpty) JvmStorage.ABSENT
    else JvmStorage.DIRECTORY
  }

  override def list(directory: String): String = {
    onCall()
    val names = below(directory).map(_.drop(directory.length + 1).takeWhile(_ != '/')).distinct
    if (names.isEmpty) null
    else names.map(name => s"$name\u0000${stat(s"$directory/$name")}\u0000").mkString
  }

  override def open(path: String): JvmSource = {
    onCall()
    val bytes = Option(files.get(path)).getOrElse(throw new IOException("no such file"))
    opened.incrementAndGet()
    new JvmSource {
      override def length(): Long = bytes.length.toLong
      override def read(ranges: Array[Long], into: ByteBuffer): Unit =
        ranges.grouped(2).foreach { range =>
          fill(bytes.slice(range(0).toInt, (range(0) + range(1)).toInt), into)
        }
      override def close(): Unit = { closed.incrementAndGet(); () }
    }
  }

  override def create(path: String): JvmSink = {
    onCall()
    val written = new ByteArrayOutputStream
    new JvmSink {
      override def append(bytes: ByteBuffer): Unit = {
        val chunk = new Array[Byte](bytes.remaining())
        bytes.get(chunk)
        written.write(chunk)
      }
      override def finish(): Unit = {
        finished.incrementAndGet()
        files.put(path, written.toByteArray)
        ()
      }
      override def discard(): Unit = { discarded.incrementAndGet(); files.remove(path); () }
    }
  }

  override def read(path: String, limit: Long): Array[Byte] = {
    onCall()
    files.get(path)
  }

  override def putIfAbsent(path: String, bytes: Array[Byte]): Boolean = {
    onCall()
    files.putIfAbsent(path, bytes) == null
  }

  override def delete(path: String): Unit = {
    onCall()
    files.remove(path)
    ()
  }
}
