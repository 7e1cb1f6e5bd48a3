package io.ncf.spark

import java.io.{File, RandomAccessFile}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.Files

import org.apache.spark.sql.types.{ArrayType, StructType}
import org.apache.spark.sql.{AnalysisException, Row}

import io.ncf.jni._

/** What users get wrong, and what happens to files: each gives an error that says what to do,
  * leaves the JVM alive and other data as it was.
  */
class ErrorSuite extends SparkTestBase {

  private val header = 256
  private var good: String = _
  private var folder: File = _

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    folder = Files.createTempDirectory("ncf-good-").toFile
    good = new File(folder, "table").getPath
    save(good)
  }

  private def save(path: String): Unit = {
    val rows = spark.range(0, 30000, 1, 1).selectExpr("id a", "cast(id as string) s")
    rows.write.format("ncf").save(path)
  }

  /** A test of a failure: afterwards an untouched table must still answer. */
  private def fails(name: String)(body: => Unit): Unit = test(name) {
    body
    assert(read(good).selectExpr("sum(a)", "max(s)").head().toString == "[449985000,9999]")
    assert(Native.liveHandles() == 0)
  }

  private def flip(file: File, at: Long): Unit = {
    val bytes = new RandomAccessFile(file, "rw")
    try {
      bytes.seek(at)
      val old = bytes.read()
      bytes.seek(at)
      bytes.write(old ^ 1)
    } finally bytes.close()
  }

  /** Reads every page, and by its filter the statistics. */
  private def sum(path: String): Any =
    read(path).where("a >= 0 and s >= ''").selectExpr("sum(a)", "max(s)").head()

  fails("a path that does not exist") {
    val message = failure[AnalysisException](read("/nowhere/at all"))
    assert(message.contains("PATH_NOT_FOUND") && message.contains("/nowhere/at all"))
    val withSchema = failure[AnalysisException](
      spark.read.format("ncf").schema("a int").load("/nowhere").collect()
    )
    assert(withSchema.contains("/nowhere"))
  }

  fails("no path, several paths, a scheme that is not supported") {
    assert(failure[NcfInvalidArgumentException](
      spark.read.format("ncf").load()
    ).contains("no path"))
    assert(failure[NcfUnsupportedException](
      spark.read.format("ncf").load(good, good + "2")
    ).contains("one path at a time"))
    assert(failure[NcfUnsupportedException](read("s3://bucket/t")).contains("s3://bucket/t"))
    assert(failure[NcfUnsupportedException](
      spark.range(1).write.format("ncf").save("nothing://x/t")
    ).contains("nothing://x/t"))
    assert(read("file://" + good).count() == 30000)
  }

  fails("a file that is not NCF") {
    withPath { path =>
      Files.write(new File(path).toPath, "just text\n".repeat(100).getBytes(UTF_8))
      assert(failure[NcfException](read(path).collect()).contains(path))
    }
  }

  fails("a flipped bit is found, wherever it is behind the header") {
    withPath { path =>
      save(path)
      val file = dataFiles(path).head
      for (part <- 0 until 20) {
        // Only a full verification looks at the header: nothing of it is used to read.
        val at = header + (file.length() - header) * part / 20 + part
        flip(file, at)
        withClue(s"byte $at of ${file.length()}: ") {
          assert(failure[NcfException](sum(path)).contains(file.getName))
        }
        flip(file, at)
      }
      assert(sum(path) == sum(good))
    }
  }

  fails("a truncated file") {
    withPath { path =>
      save(path)
      val file = dataFiles(path).head
      val bytes = new RandomAccessFile(file, "rw")
      try bytes.setLength(file.length() / 2)
      finally bytes.close()
      assert(failure[NcfException](sum(path)).contains(file.getName))
    }
  }

  fails("a file that is gone or cannot be read") {
    withPath { path =>
      save(path)
      val file = dataFiles(path).head
      assert(file.delete())
      assert(failure[NcfException](sum(path)).contains(file.getName))
      // A directory in its place cannot be read even by root.
      assert(file.mkdir())
      assert(failure[NcfException](sum(path)).contains(file.getName))
    }
  }

  fails("types that cannot be stored") {
    withPath { path =>
      val point = new PointType
      for (dataType <- Seq(point, ArrayType(new StructType().add("at", point)))) {
        val none = java.util.List.of[Row]()
        val frame = spark.createDataFrame(none, new StructType().add("bad", dataType))
        val message = failure[Exception](frame.write.format("ncf").save(path))
        assert(message.contains("bad") && message.contains("DOUBLE"))
      }
      assert(!new File(path).exists())
    }
  }

  fails("unknown options and values") {
    val unknown = failure[NcfInvalidArgumentException](
      spark.read.format("ncf").option("verifyChecksum", "true").load(good)
    )
    assert(unknown.contains("unknown option verifyChecksum; did you mean verifyChecksums?"))
    assert(unknown.contains("blockRows"))
    withPath { path =>
      val value = failure[NcfInvalidArgumentException](
        spark.range(1).write.format("ncf").option("profile", "tiny").save(path)
      )
      assert(
        value.contains("option profile cannot be 'tiny'") &&
          value.contains("fast, balanced, compact, point")
      )
      assert(failure[NcfInvalidArgumentException](
        spark.range(1).write.format("ncf").option("blockRows", "-5").save(path)
      ).contains("blockRows"))
      assert(failure[NcfInvalidArgumentException](
        spark.range(1).write.format("ncf").option("sortBy", "zz").save(path)
      ).contains("zz"))
      assert(!new File(path).exists())
    }
    assert(
      spark.read.format("ncf").option("VERIFYchecksums", "false").load(good).count() == 30000
    )
  }

  fails("a schema that does not fit") {
    val message = failure[NcfInvalidArgumentException](
      spark.read.format("ncf").schema("a int, s string").load(good).collect()
    )
    assert(message.contains("column a is bigint in the table and int here"))
  }

  fails("column names that are not unique, no columns") {
    withPath { path =>
      assert(failure[Exception](
        spark.range(1).selectExpr("id a", "id A").write.format("ncf").save(path)
      ).contains("twice"))
      assert(failure[NcfInvalidArgumentException](
        spark.range(1).select().write.format("ncf").save(path)
      ).contains("no columns"))
    }
  }

  fails("a file where a directory must be") {
    withPath { path =>
      Files.write(new File(path).toPath, Array[Byte](1, 2, 3))
      for (mode <- Seq("append", "overwrite", "errorifexists")) {
        failure[Exception](spark.range(1).write.format("ncf").mode(mode).save(path))
        failure[Exception](spark.range(1).write.format("ncf").mode(mode).save(path + "/below"))
      }
      assert(Files.readAllBytes(new File(path).toPath).toSeq == Seq[Byte](1, 2, 3))
    }
  }

  fails("a log with a hole") {
    withPath { path =>
      save(path)
      for (_ <- 0 until 3) read(good).limit(10).write.format("ncf").mode("append").save(path)
      assert(logFiles(path).size == 4)
      assert(logFiles(path)(2).delete())
      assert(failure[NcfCorruptException](sum(path)).contains(path))
    }
  }

  fails("a log record that was changed") {
    withPath { path =>
      save(path)
      flip(logFiles(path).head, 20)
      assert(failure[NcfException](sum(path)).contains(path))
    }
  }

  fails("a table that needs a newer reader") {
    withPath { path =>
      save(path)
      val record = logFiles(path).head.toPath
      val lines = new String(Files.readAllBytes(record), UTF_8).split('\n').dropRight(1)
      val changed = lines.map(_.replace("\"r\":[\"core1\"", "\"r\":[\"core1\",\"teleport\""))
      assert(!changed.sameElements(lines))
      val body = changed.mkString("", "\n", "\n").getBytes(UTF_8)
      val crc = new java.util.zip.CRC32C
      crc.update(body)
      val end = f"""{"end":{"n":${lines.length},"crc32c":"${crc.getValue}%08x"}}""" + "\n"
      Files.write(record, body ++ end.getBytes(UTF_8))
      assert(failure[NcfUnsupportedException](sum(path)).contains("teleport"))
    }
  }

  fails("a version that does not exist") {
    failure[NcfException](spark.read.format("ncf").option("versionAsOf", "99").load(good).collect())
  }

  fails("an empty directory has no schema") {
    withPath { path =>
      assert(new File(path).mkdir())
      assert(failure[AnalysisException](read(path)).contains("Unable to infer schema"))
    }
  }
}
