package io.ncf.spark.soak

import scala.util.Try

import org.apache.spark.sql.types.{LongType, StringType, StructType}
import org.apache.spark.sql.{DataFrame, Row, SparkSession}
import org.apache.spark.unsafe.Platform

import io.ncf.jni.{BatchBuilder, NativeWriter, NcfInvalidArgumentException}

/** Whole queries, and writes of files without queries. */
private[soak] final class SoakQueries(spark: SparkSession, tables: SoakTables, folder: String) {

  private def read(path: String): DataFrame = spark.read.format("ncf").load(path)

  private def expect(what: String, good: Boolean): Unit =
    if (!good) throw new IllegalStateException(s"$what: another answer than expected")

  /** Query `number`, of a kind that depends on it. */
  def run(number: Int): Unit = number % 9 match {
    case 0 => expect("limit", read(tables.flat).limit(5).collect().length == 5)
    case 1 => expect("count", read(tables.flat).where("a >= 10").count() == 9990)
    case 2 =>
      val groups = read(tables.remote).groupBy("g").count().collect().length
      expect("groups", groups == 20)
    case 3 => expect("nested", read(tables.nested).selectExpr("explode(l) e").count() == 30000)
    case 4 => expect("damage", Try(read(tables.corrupt.head).collect()).isFailure)
    case 5 => write(s"$folder/written", number)
    case 6 => cancel(number)
    case 7 => script()
    case _ => write(s"fake://store$folder/written", number)
  }

  private def write(path: String, number: Int): Unit = {
    val rows = 100 + number % 50
    val frame = spark.range(rows.toLong).selectExpr("id a", "array(id) l", "string(id) s")
    frame.write.format("ncf").mode("overwrite").save(path)
    expect("written rows", read(path).count() == rows)
    // A row that cannot be stored ends a task in the middle of its file.
    val failing = frame.selectExpr("a", "l", "if(a = 90, raise_error('wanted'), s) s")
    expect("failure", Try(failing.write.format("ncf").mode("append").save(path)).isFailure)
  }

  /** Cancels a job while its tasks read, or earlier, or later. */
  private def cancel(number: Int): Unit = {
    val context = spark.sparkContext
    val group = s"soak $number"
    val thread = new Thread(() => {
      context.setJobGroup(group, "a query that is cancelled", interruptOnCancel = number % 2 == 0)
      Try(read(tables.flat).foreach((row: Row) => if (row.getLong(0) % 50 == 0) Thread.sleep(1)))
      ()
    })
    thread.start()
    Thread.sleep(10L + number % 40)
    while (thread.isAlive) {
      context.cancelJobGroup(group)
      thread.join(20)
    }
  }

  private def script(): Unit = {
    val rows = read(tables.flat)
    rows.createOrReplaceTempView("soak_flat")
    val first = spark.sql(
      "SELECT TRANSFORM(s) USING 'head -n 1; cat > /dev/null' AS (x STRING) FROM soak_flat LIMIT 1"
    )
    expect("script", first.collect().length == 1)
  }

  private val schema = new StructType().add("n", LongType).add("s", StringType)

  /** A file written with the connector's builder: finished, given up, or refused by Rust. */
  def writeFile(number: Int): Unit = {
    val file = s"$folder/files/$number.ncf"
    val ncf =
      """{"fields":[{"id":1,"name":"n","type":"bigint","nullable":true},
        |{"id":2,"name":"s","type":"string","nullable":true}]}""".stripMargin
    val writer = NativeWriter.open(s"""{"file":"$file","options":{},"schema":$ncf}""", null)
    val batch = new BatchBuilder(schema)
    try {
      for (row <- 0 until 3000) {
        batch.column(0).appendLong(row.toLong)
        // Not UTF-8 in one of three files.
        val text = Array[Byte]('a', if (number % 3 == 2 && row == 1500) -1 else 'b')
        batch.column(1).appendBytes(text, Platform.BYTE_ARRAY_OFFSET.toLong, text.length)
        if (batch.rowDone() || row % 1000 == 999) writer.write(batch)
      }
      if (number % 3 == 0) { writer.finish(); () }
    } catch {
      case _: NcfInvalidArgumentException if number % 3 == 2 => ()
    } finally {
      batch.close()
      writer.close()
      new java.io.File(file).delete()
      ()
    }
  }
}
