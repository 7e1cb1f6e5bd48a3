package io.ncf.jni

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path}

import scala.util.Using

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.Platform
import org.scalatest.funsuite.AnyFunSuite

/** Nested columns at the boundary: values both ways, and batches that are not what they claim. */
class NestedBoundarySuite extends AnyFunSuite {

  private val json = new ObjectMapper

  private val point = new StructType().add("x", IntegerType).add("b", BooleanType)
  private val sparkSchema = new StructType()
    .add("a", ArrayType(point))
    .add("m", MapType(StringType, ArrayType(LongType)))
    .add("i", CalendarIntervalType)

  private def field(id: Int, name: String, dataType: String, nullable: Boolean = true): String =
    s"""{"id":$id,"name":"$name","type":$dataType,"nullable":$nullable}"""

  private val schema: String = {
    val element = field(3, "x", "\"int\"") + "," + field(4, "b", "\"boolean\"")
    val array = s"""{"array":${field(2, "element", s"""{"struct":[$element]}""")}}"""
    val value = s"""{"array":${field(8, "element", "\"bigint\"")}}"""
    val map =
      s"""{"map":[${field(6, "key", "\"string\"", nullable = false)},${field(
          7,
          "value",
          value
        )}]}"""
    val interval = Seq("months" -> "int", "days" -> "int", "microseconds" -> "bigint").zipWithIndex
      .map { case ((name, dataType), i) => field(10 + i, name, s""""$dataType"""") }
    val columns = Seq(
      field(1, "a", array),
      field(5, "m", map),
      field(9, "i", interval.mkString("""{"struct":[""", ",", "]}"))
    )
    columns.mkString("""{"fields":[""", ",", "]}")
  }

  private def withFile(body: Path => Unit): Unit = {
    val folder = Files.createTempDirectory("ncf-boundary-")
    val file = folder.resolve("a.ncf")
    try body(file)
    finally {
      Files.deleteIfExists(file)
      Files.delete(folder)
    }
  }

  private def openWriter(file: Path): NativeWriter =
    NativeWriter.open(
      s"""{"file":${json.writeValueAsString(file.toString)},"schema":$schema,"options":{}}""",
      null
    )

  private def key(row: Int): Array[Byte] = s"é$row".getBytes(UTF_8)

  private def append(batch: BatchBuilder, row: Int): Boolean = {
    val (array, map, interval) = (batch.column(0), batch.column(1), batch.column(2))
    if (row % 5 == 0) Seq(array, map, interval).foreach(_.appendNull())
    else {
      array.startArray(row % 4)
      for (index <- 0 until row % 4)
        if (index == 2) array.child(0).appendNull()
        else {
          array.child(0).child(0).appendInt(row + index)
          array.child(0).child(1).appendBoolean(index == 1)
          array.child(0).endStruct()
        }
      array.endArray()
      map.startArray(1)
      val entry = map.child(0)
      entry.child(0).appendBytes(key(row), Platform.BYTE_ARRAY_OFFSET.toLong, key(row).length)
      if (row % 3 == 0) entry.child(1).appendNull()
      else {
        entry.child(1).startArray(1)
        entry.child(1).child(0).appendLong(-row.toLong)
        entry.child(1).endArray()
      }
      entry.endStruct()
      map.endArray()
      interval.child(0).appendInt(row)
      interval.child(1).appendInt(-row)
      interval.child(2).appendLong(row.toLong << 33)
      interval.endStruct()
    }
    batch.rowDone()
  }

  private def assertRow(vectors: Seq[NcfColumnVector], at: Int, row: Int): Unit =
    if (row % 5 == 0) {
      vectors.foreach(vector => assert(vector.isNullAt(at)))
      assert(vectors(0).getArray(at) == null && vectors(1).getMap(at) == null)
      assert(vectors(2).getInterval(at) == null)
    } else {
      val array = vectors(0).getArray(at)
      assert(array.numElements() == row % 4)
      for (index <- 0 until row % 4) {
        assert(array.isNullAt(index) == (index == 2))
        if (index != 2) {
          assert(array.getStruct(index, 2).getInt(0) == row + index)
          assert(array.getStruct(index, 2).getBoolean(1) == (index == 1))
        }
      }
      val map = vectors(1).getMap(at)
      assert(map.numElements() == 1)
      assert(map.keyArray().getUTF8String(0).toString == s"é$row")
      assert(map.valueArray().isNullAt(0) == (row % 3 == 0))
      if (row % 3 != 0) assert(map.valueArray().getArray(0).toLongArray.toSeq == Seq(-row.toLong))
      val interval = vectors(2).getInterval(at)
      assert(interval.months == row && interval.days == -row)
      assert(interval.microseconds == row.toLong << 33)
    }

  test("nested values cross both ways, many batches long") {
    withFile { file =>
      val before = Native.liveHandles()
      val rows = 2 * BatchBuilder.MAX_ROWS + 77
      Using.resources(new BatchBuilder(sparkSchema), openWriter(file)) { (batch, writer) =>
        (0 until rows).foreach(row => if (append(batch, row)) writer.write(batch))
        writer.write(batch)
        assert(json.readTree(writer.finish()).get("rows").asInt() == rows)
      }
      val vectors = sparkSchema.map(field => new NcfColumnVector(field.dataType))
      var row = 0
      Using.resource(openScan(file)) { scan =>
        Iterator.continually(scan.nextBatch()).takeWhile(_ != 0L).foreach { batch =>
          vectors.zipWithIndex.foreach { case (vector, index) =>
            vector.reset(ArrowLayout.child(batch, index))
          }
          (0 until ArrowLayout.length(batch)).foreach(at => assertRow(vectors, at, row + at))
          row += ArrowLayout.length(batch)
        }
      }
      assert(row == rows)
      assert(Native.liveHandles() == before)
    }
  }

  private def openScan(file: Path): NativeScan = {
    val path = json.writeValueAsString(file.toString)
    val columns = """["a","m","i"]"""
    val plan = json.readTree(Native.planScan(s"""{"path":$path,"columns":$columns}""", null))
    NativeScan.open(
      s"""{"split":${plan.get(
          "splits"
        ).get(0)},"columns":$columns,"schema":$schema,"options":{}}""",
      null
    )
  }

  /** Writes a good batch that `spoil` has changed, given the address of its root; then a good one. */
  private def refused(spoil: Long => Unit): String = {
    var message = ""
    withFile { file =>
      Using.resource(openWriter(file)) { writer =>
        Using.resource(new BatchBuilder(sparkSchema)) { batch =>
          (1 until 100).foreach(append(batch, _))
          val root = batch.finish()
          spoil(root)
          message = intercept[NcfInvalidArgumentException](writer.write(root)).getMessage
        }
        Using.resource(new BatchBuilder(sparkSchema)) { batch =>
          (1 until 10).foreach(append(batch, _))
          writer.write(batch)
        }
        assert(json.readTree(writer.finish()).get("rows").asInt() == 9)
      }
    }
    message
  }

  /** The array that the path of children leads to. */
  private def at(root: Long, path: Int*): Long = path.foldLeft(root)(ArrowLayout.child)

  private def offsets(array: Long): Long = ArrowLayout.buffer(array, 1)

  test("a batch whose parts do not fit is refused, and the writer goes on") {
    val counts = Seq(
      ArrowLayout.LENGTH -> -1L,
      ArrowLayout.LENGTH -> Long.MaxValue,
      ArrowLayout.LENGTH -> 1L,
      ArrowLayout.NULL_COUNT -> Long.MaxValue,
      ArrowLayout.OFFSET -> -1L,
      ArrowLayout.OFFSET -> Long.MaxValue,
      ArrowLayout.N_BUFFERS -> 7L,
      ArrowLayout.N_CHILDREN -> Long.MaxValue,
      ArrowLayout.N_CHILDREN -> 5L,
      ArrowLayout.BUFFERS -> 0L
    )
    val arrays = Seq(
      Seq(0),
      Seq(0, 0),
      Seq(0, 0, 1),
      Seq(1),
      Seq(1, 0),
      Seq(1, 0, 0),
      Seq(1, 0, 1),
      Seq(1, 0, 1, 0),
      Seq(2),
      Seq(2, 2)
    )
    for (path <- arrays; (where, value) <- counts) withClue(s"$path, $where = $value: ") {
      val message = refused(root => Platform.putLong(null, at(root, path: _*) + where, value))
      assert(message.contains("bad batch") || message.contains("out of range"))
    }
    for (path <- Seq(Seq(0), Seq(0, 0), Seq(1), Seq(1, 0), Seq(2))) withClue(path) {
      val message =
        refused(root => Platform.putLong(null, at(root, path: _*) + ArrowLayout.CHILDREN, 0L))
      assert(message.contains("bad batch"))
    }
  }

  test("offsets that do not ascend, or lead past the elements, are refused") {
    for (path <- Seq(Seq(0), Seq(1), Seq(1, 0, 1))) withClue(path) {
      for ((row, value) <- Seq(0 -> -1, 3 -> Int.MaxValue, 3 -> Int.MinValue)) {
        val message = refused { root =>
          Platform.putInt(null, offsets(at(root, path: _*)) + 4L * row, value)
        }
        assert(message.contains("offsets of"))
      }
    }
    val long = refused(root => Platform.putInt(null, offsets(at(root, 0)) + 4L * 99, 1 << 20))
    assert(long.contains("are used") && long.contains("column a"))
  }

  test("a builder whose parts have too few values is not finished") {
    Using.resource(new BatchBuilder(sparkSchema)) { batch =>
      append(batch, 1)
      batch.column(0).child(0).child(0).appendInt(1)
      batch.column(0).child(0).endStruct()
      batch.column(0).endArray()
      batch.column(1).appendNull()
      batch.column(2).appendNull()
      batch.rowDone()
      val error = intercept[IllegalStateException](batch.finish())
      assert(error.getMessage.contains("values for"))
      intercept[UnsupportedOperationException](batch.column(0).endStruct())
      intercept[UnsupportedOperationException](batch.column(2).endArray())
      intercept[UnsupportedOperationException](batch.column(2).child(0).startArray(1))
      intercept[IndexOutOfBoundsException](batch.column(0).child(0).child(0).child(0))
    }
  }

  test("a batch is full by the bytes in its arrays, booleans and empty structs included") {
    val elements = Seq(IntegerType, BooleanType, NullType, new StructType())
    for (dataType <- elements) withClue(dataType) {
      Using.resource(new BatchBuilder(new StructType().add("a", ArrayType(dataType)))) { batch =>
        val array = batch.column(0)
        val rows = 1 + Iterator.continually {
          array.startArray(100000)
          (0 until 100000).foreach(_ => array.child(0).appendNull())
          array.endArray()
          batch.rowDone()
        }.takeWhile(full => !full).size
        assert(rows > 1 && rows <= 84)
      }
    }
  }

  test("a vector can be pointed at a slice, whose offset holds for the fields of structs") {
    // array a at an offset of 2 and its structs at 1, as another writer might hand them over.
    Using.resource(new BatchBuilder(sparkSchema)) { batch =>
      (1 until 50).foreach(append(batch, _))
      val array = ArrowLayout.child(batch.finish(), 0)
      val vector = new NcfColumnVector(sparkSchema("a").dataType)
      Platform.putLong(null, array + ArrowLayout.OFFSET, 2)
      vector.reset(array)
      assert(vector.getArray(0).getStruct(0, 2).getInt(0) == 3)
      Platform.putLong(null, ArrowLayout.child(array, 0) + ArrowLayout.OFFSET, 1)
      vector.reset(array)
      assert(vector.getArray(0).getStruct(0, 2).getInt(0) == 4)
      assert(!vector.getArray(0).isNullAt(0) && vector.getArray(0).isNullAt(1))
      assert(vector.isNullAt(2) && !vector.isNullAt(3))
    }
  }
}
