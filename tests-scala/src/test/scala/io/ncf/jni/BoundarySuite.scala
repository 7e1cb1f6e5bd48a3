package io.ncf.jni

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._
import scala.util.Using

import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.Platform
import org.scalatest.funsuite.AnyFunSuite

/** The boundary between the JVM and Rust, without Spark's planner: handles, errors, panics,
  * memory.
  */
class BoundarySuite extends AnyFunSuite {

  private val json = new ObjectMapper

  private val columns: Seq[(String, DataType, String)] = Seq(
    ("b", BooleanType, "boolean"),
    ("i8", ByteType, "tinyint"),
    ("i16", ShortType, "smallint"),
    ("i32", IntegerType, "int"),
    ("i64", LongType, "bigint"),
    ("f32", FloatType, "float"),
    ("f64", DoubleType, "double"),
    ("d12", DecimalType(12, 2), "decimal(12,2)"),
    ("d38", DecimalType(38, 10), "decimal(38,10)"),
    ("s", StringType, "string"),
    ("bin", BinaryType, "binary"),
    ("day", DateType, "date"),
    ("ts", TimestampType, "timestamp"),
    ("ntz", TimestampNTZType, "timestamp_ntz")
  )

  private val sparkSchema = StructType(columns.map { case (name, dataType, _) =>
    StructField(name, dataType)
  })

  private val schema: String = columns.zipWithIndex.map { case ((name, _, ddl), index) =>
    s"""{"id":${index + 1},"name":"$name","type":"$ddl","nullable":true}"""
  }.mkString("""{"fields":[""", ",", "]}")

  private def withFolder(body: Path => Unit): Unit = {
    val folder = Files.createTempDirectory("ncf-boundary-")
    try body(folder)
    finally {
      val paths = Using.resource(Files.walk(folder))(_.iterator().asScala.toVector)
      paths.reverse.foreach(Files.delete)
    }
  }

  private def quoted(path: Path): String = json.writeValueAsString(path.toString)

  private def openWriter(file: Path): NativeWriter =
    NativeWriter.open(s"""{"file":${quoted(file)},"schema":$schema,"options":{}}""", null)

  /** Every fifth row is null in every column. */
  private def isNull(row: Int): Boolean = row % 5 == 0

  private def wide(row: Int): Decimal = {
    val unscaled = BigInt(10).pow(30) * (if (row % 2 == 0) -row else row)
    Decimal(BigDecimal(unscaled, 10), 38, 10)
  }

  private def text(row: Int): String = if (row % 7 == 0) "" else s"größe 𝄞 $row"

  private def append(batch: BatchBuilder, row: Int): Boolean = {
    if (isNull(row)) columns.indices.foreach(batch.column(_).appendNull())
    else {
      batch.column(0).appendBoolean(row % 2 == 0)
      batch.column(1).appendByte(row.toByte)
      batch.column(2).appendShort(row.toShort)
      batch.column(3).appendInt(-row)
      batch.column(4).appendLong(row.toLong << 32)
      batch.column(5).appendFloat(row / 3f)
      batch.column(6).appendDouble(if (row % 11 == 0) Double.NaN else row / 3d)
      batch.column(7).appendDecimal(Decimal(row.toLong * 100 + 1, 12, 2))
      batch.column(8).appendDecimal(wide(row))
      Seq(9, 10).foreach { column =>
        val bytes = text(row).getBytes(UTF_8)
        batch.column(column).appendBytes(bytes, Platform.BYTE_ARRAY_OFFSET.toLong, bytes.length)
      }
      batch.column(11).appendInt(row)
      batch.column(12).appendLong(row.toLong)
      batch.column(13).appendLong(-row.toLong)
    }
    batch.rowDone()
  }

  private def write(file: Path, rows: Int): JsonNode =
    Using.resource(new BatchBuilder(sparkSchema)) { batch =>
      Using.resource(openWriter(file)) { writer =>
        (0 until rows).foreach(row => if (append(batch, row)) writer.write(batch))
        writer.write(batch)
        json.readTree(writer.finish())
      }
    }

  private def openScan(path: Path): NativeScan = {
    val names = columns.map { case (name, _, _) => s""""$name"""" }.mkString("[", ",", "]")
    val plan =
      json.readTree(Native.planScan(s"""{"path":${quoted(path)},"columns":$names}""", null))
    assert(plan.get("splits").size() == 1)
    val split = plan.get("splits").get(0)
    NativeScan.open(
      s"""{"split":$split,"columns":$names,"schema":$schema,"options":{}}""",
      null
    )
  }

  private def assertRow(vectors: Seq[NcfColumnVector], at: Int, row: Int): Unit =
    if (isNull(row)) vectors.foreach(vector => assert(vector.isNullAt(at)))
    else {
      vectors.foreach(vector => assert(!vector.isNullAt(at)))
      assert(vectors(0).getBoolean(at) == (row % 2 == 0))
      assert(vectors(1).getByte(at) == row.toByte)
      assert(vectors(2).getShort(at) == row.toShort)
      assert(vectors(3).getInt(at) == -row)
      assert(vectors(4).getLong(at) == row.toLong << 32)
      assert(vectors(5).getFloat(at) == row / 3f)
      val double = vectors(6).getDouble(at)
      assert(if (row % 11 == 0) double.isNaN else double == row / 3d)
      assert(vectors(7).getDecimal(at, 12, 2) == Decimal(row.toLong * 100 + 1, 12, 2))
      assert(vectors(8).getDecimal(at, 38, 10) == wide(row))
      assert(vectors(9).getUTF8String(at).toString == text(row))
      assert(new String(vectors(10).getBinary(at), UTF_8) == text(row))
      assert(vectors(11).getInt(at) == row)
      assert(vectors(12).getLong(at) == row)
      assert(vectors(13).getLong(at) == -row)
    }

  test("a processor that the library was not built for is told what it lacks") {
    val flags = "fpu abm avx fma movbe bmi1 avx2 bmi2 f16c"
    val lines = Seq("processor\t: 0", s"flags\t\t: $flags", "power management:", "flags : none")
    assert(Processor.missing(lines.asJava).isEmpty)
    val old = lines.map(_.replace(" avx2", "").replace(" fma", ""))
    assert(Processor.missing(old.asJava).asScala === Seq("avx2", "fma"))
    assert(Processor.missing(Seq("Features\t: fp asimd").asJava).isEmpty, "of another kind")
  }

  test("both sides speak the same protocol") {
    NativeLibrary.load()
    assert(Native.protocolVersion() == Native.PROTOCOL_VERSION)
    assert(Native.noopRelease() != 0L)
  }

  test("a panic becomes an exception and leaves the JVM alive") {
    for (round <- 1 to 3) {
      val error = intercept[NcfInternalException](Native.panicForTest(s"round $round: ä𝄞"))
      assert(error.getMessage.contains(s"round $round: ä𝄞"))
      assert(error.kind == "Internal")
    }
    assert(Native.protocolVersion() == Native.PROTOCOL_VERSION)
  }

  test("null and malformed requests are the caller's fault") {
    val nothing: String = null
    intercept[NcfInvalidArgumentException](Native.openDataset(nothing, null))
    intercept[NcfInvalidArgumentException](Native.panicForTest(nothing))
    val requests =
      Seq("", "{", "[]", """{"path":7}""", """{"path":"/","options":{"nonsense":"1"}}""")
    for (bad <- requests) {
      val error = intercept[NcfInvalidArgumentException](Native.openDataset(bad, null))
      assert(error.kind == "InvalidArgument")
    }
  }

  test("an absent path and an empty directory are told apart") {
    withFolder { folder =>
      def kind(path: Path): String =
        json.readTree(Native.openDataset(
          s"""{"path":${quoted(path)}}""",
          null
        )).get("kind").asText()
      assert(kind(folder) == "empty")
      assert(kind(folder.resolve("no")) == "absent")
      val latest = Native.latestVersion(s"""{"path":${quoted(folder.resolve("no"))}}""", null)
      assert(json.readTree(latest).get("version").isNull)
    }
  }

  test("numbers that are no handles, closed handles and handles of the other kind are errors") {
    withFolder { folder =>
      for (bad <- Seq(0L, 1L, -1L, Long.MaxValue, Long.MinValue, 1L << 32)) {
        intercept[NcfInvalidArgumentException](Native.nextBatch(bad))
        intercept[NcfInvalidArgumentException](Native.scanMetrics(bad))
        intercept[NcfInvalidArgumentException](Native.writeBatch(bad, 0L))
        intercept[NcfInvalidArgumentException](Native.finishWriter(bad))
        Native.closeScan(bad)
        Native.abortWriter(bad)
      }
      val before = Native.liveHandles()
      val request = s"""{"file":${quoted(folder.resolve("a.ncf"))},"schema":$schema}"""
      val writer = Native.openWriter(request, null, null, null)
      assert(Native.liveHandles() == before + 1)
      intercept[NcfInvalidArgumentException](Native.nextBatch(writer))
      Native.closeScan(writer)
      assert(Native.liveHandles() == before + 1)
      Native.abortWriter(writer)
      Native.abortWriter(writer)
      assert(Native.liveHandles() == before)
      intercept[NcfInvalidArgumentException](Native.writeBatch(writer, 0L))
    }
  }

  test("rows of every type cross both ways, many batches long") {
    withFolder { folder =>
      val before = Native.liveHandles()
      val rows = 3 * BatchBuilder.MAX_ROWS + 77
      val file = folder.resolve("all.ncf")
      val summary = write(file, rows)
      assert(summary.get("rows").asInt() == rows)
      assert(summary.get("bytes").asLong() == Files.size(file))
      val vectors = sparkSchema.map(field => new NcfColumnVector(field.dataType))
      var row = 0
      Using.resource(openScan(file)) { scan =>
        Iterator.continually(scan.nextBatch()).takeWhile(_ != 0L).foreach { batch =>
          assert(ArrowLayout.childCount(batch) == columns.size)
          vectors.zipWithIndex.foreach { case (vector, index) =>
            vector.reset(ArrowLayout.child(batch, index))
          }
          val length = ArrowLayout.length(batch)
          (0 until length).foreach(at => assertRow(vectors, at, row + at))
          val ints = vectors(3).getInts(0, length)
          (0 until length).foreach(at => assert(ints(at) == vectors(3).getInt(at)))
          val nulls = (0 until length).count(at => isNull(row + at))
          assert(vectors.forall(_.numNulls() == nulls))
          row += length
        }
        assert(scan.nextBatch() == 0L)
        assert(json.readTree(scan.metrics()).get("rowsOut").asInt() == rows)
      }
      assert(row == rows)
      assert(Native.liveHandles() == before)
    }
  }

  test("a writer that is closed unfinished deletes its file, a finished one keeps it") {
    withFolder { folder =>
      val before = Native.liveHandles()
      val dropped = folder.resolve("dropped.ncf")
      val writer = openWriter(dropped)
      assert(Files.exists(dropped))
      writer.close()
      writer.close()
      assert(!Files.exists(dropped))
      intercept[NcfInvalidArgumentException](writer.finish())

      val kept = folder.resolve("kept.ncf")
      write(kept, 10)
      assert(Files.exists(kept))
      intercept[NcfIoException](openWriter(kept))
      assert(Files.exists(kept))
      assert(Native.liveHandles() == before)
    }
  }

  test("a batch that does not fit is an error, and the writer goes on") {
    withFolder { folder =>
      val other = StructType(Seq(StructField("x", LongType)))
      Using.resource(openWriter(folder.resolve("a.ncf"))) { writer =>
        Using.resource(new BatchBuilder(other)) { batch =>
          batch.column(0).appendLong(1)
          batch.rowDone()
          val error = intercept[NcfInvalidArgumentException](writer.write(batch))
          assert(error.getMessage.contains("columns"))
        }
        intercept[NcfInvalidArgumentException](writer.write(0L))
        Using.resource(new BatchBuilder(sparkSchema)) { batch =>
          append(batch, 1)
          writer.write(batch)
          assert(batch.rows() == 0)
        }
        assert(json.readTree(writer.finish()).get("rows").asInt() == 1)
      }
    }
  }

  test("text that is not UTF-8 is refused") {
    withFolder { folder =>
      Using.resource(openWriter(folder.resolve("a.ncf"))) { writer =>
        Using.resource(new BatchBuilder(sparkSchema)) { batch =>
          columns.indices.filter(_ != 9).foreach(batch.column(_).appendNull())
          batch.column(9).appendBytes(Array[Byte](-1), Platform.BYTE_ARRAY_OFFSET.toLong, 1)
          batch.rowDone()
          val error = intercept[NcfInvalidArgumentException](writer.write(batch))
          assert(error.getMessage.contains("column s"))
        }
      }
    }
  }

  test("a builder takes only its own type, and counts its values") {
    Using.resource(new BatchBuilder(sparkSchema)) { batch =>
      intercept[UnsupportedOperationException](batch.column(0).appendInt(1))
      intercept[UnsupportedOperationException](batch.column(3).appendLong(1))
      intercept[UnsupportedOperationException](batch.column(9).appendBoolean(true))
      batch.column(3).appendInt(1)
      batch.rowDone()
      intercept[IllegalStateException](batch.finish())
    }
    intercept[NcfUnsupportedException](
      new BatchBuilder(new StructType().add("a", ArrayType(ObjectType(classOf[String]))))
    )
  }

  test("a batch is full by rows or by bytes") {
    val texts = StructType(Seq(StructField("s", StringType)))
    Using.resource(new BatchBuilder(texts)) { batch =>
      val bytes = new Array[Byte](1 << 20)
      def fill(length: Int): Int = 1 + Iterator.continually {
        batch.column(0).appendBytes(bytes, Platform.BYTE_ARRAY_OFFSET.toLong, length)
        batch.rowDone()
      }.takeWhile(full => !full).size
      assert(fill(1 << 20) == 8)
      batch.reset()
      assert(fill(0) == BatchBuilder.MAX_ROWS)
    }
  }

  test("a forgotten handle is freed and counted") {
    withFolder { folder =>
      val before = Native.liveHandles()
      val leaked = NativeHandle.leakedHandles()
      forget(folder.resolve("forgotten.ncf"))
      val deadline = System.nanoTime() + 30L * 1000 * 1000 * 1000
      while (NativeHandle.leakedHandles() == leaked && System.nanoTime() < deadline) {
        System.gc()
        Thread.sleep(20)
      }
      assert(NativeHandle.leakedHandles() == leaked + 1)
      assert(Native.liveHandles() == before)
      assert(!Files.exists(folder.resolve("forgotten.ncf")))
    }
  }

  private def forget(file: Path): Unit = { openWriter(file); () }

  test("damage becomes NcfCorruptException") {
    withFolder { folder =>
      val file = folder.resolve("a.ncf")
      write(file, 5000)
      val bytes = Files.readAllBytes(file)
      bytes(300) = (bytes(300) ^ 1).toByte
      Files.write(file, bytes)
      Using.resource(openScan(file)) { scan =>
        val error = intercept[NcfCorruptException] {
          Iterator.continually(scan.nextBatch()).takeWhile(_ != 0L).foreach(_ => ())
        }
        assert(error.getMessage.contains("a.ncf"))
      }
    }
  }

  test("a table is committed, listed and read back by version") {
    withFolder { folder =>
      val table = folder.resolve("t")
      def commit(name: String, rows: Int): JsonNode = {
        val summary = write(table.resolve(s"data/$name.ncf"), rows)
        json.readTree(Native.commit(
          s"""{"path":${quoted(table)},"operation":"append","schema":$schema,"partitionColumns":[],
             |"adds":[{"path":"data/$name.ncf","summary":$summary,"partitionValues":{}}],
             |"readVersion":null,"app":["boundary",$rows],"properties":{}}""".stripMargin,
          null
        ))
      }
      val first = commit("r0-a", 10)
      assert(first.get("version").asInt() == 0 && !first.get("already").asBoolean())
      assert(commit("r0-b", 20).get("version").asInt() == 1)
      assert(commit("r0-c", 20).get("already").asBoolean())
      val opened = json.readTree(Native.openDataset(s"""{"path":${quoted(table)}}""", null))
      assert(opened.get("kind").asText() == "table")
      assert(opened.get("version").asInt() == 1)
      assert(opened.get("rows").asInt() == 30)
      val old =
        Native.openDataset(s"""{"path":${quoted(table)},"options":{"versionAsOf":"0"}}""", null)
      assert(json.readTree(old).get("rows").asInt() == 10)
      val changes =
        json.readTree(Native.changes(s"""{"path":${quoted(table)},"from":0,"to":1}""", null))
      assert(changes.get("versions").size() == 1)
      assert(changes.get("versions").get(0).get("adds").asInt() == 1)
      val since = json.readTree(Native.planScan(
        s"""{"path":${quoted(
            table
          )},"columns":["i32"],"version":1,"versionFrom":0,"summarise":true}""",
        null
      ))
      assert(since.get("rows").asInt() == 20)
      assert(since.get("summaries").has("i32"))
      val gone = Native.deleteFiles(
        s"""{"files":[${quoted(table.resolve("data/r0-c.ncf"))},${quoted(table.resolve("no"))}]}""",
        null
      )
      assert(json.readTree(gone).get("deleted").asInt() == 2)
    }
  }
}
