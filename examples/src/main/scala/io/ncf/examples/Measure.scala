package io.ncf.examples

import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.functions._
import org.apache.spark.sql.{Column, DataFrame, Row, SparkSession}

/** What the examples measure and compare with. */
object Measure {

  /** A local session with the defaults of a fresh Spark, but for the number of shuffle
    * partitions.
    */
  def session(name: String, master: String = "local[*]"): SparkSession =
    SparkSession
      .builder()
      .appName(name)
      .master(master)
      .config("spark.sql.shuffle.partitions", "4")
      .config("spark.sql.session.timeZone", "UTC")
      .getOrCreate()

  /** Seconds that `work` takes, and its result. */
  def timed[T](work: => T): (Double, T) = {
    val start = System.nanoTime()
    val result = work
    ((System.nanoTime() - start) / 1e9, result)
  }

  /** Bytes of all data files below a folder. */
  def bytes(folder: String): Long = {
    val paths = Files.walk(Path.of(folder))
    try paths.iterator().asScala.filter(isData).map(Files.size).sum
    finally paths.close()
  }

  private def isData(path: Path): Boolean =
    Files.isRegularFile(path) &&
      Seq(".ncf", ".parquet", ".orc").exists(path.getFileName.toString.endsWith)

  /** A fingerprint of a table as a bag of rows: the number of rows and, for two independent 64-bit
    * hashes of whole rows with a mark for every null, the exact sums. Equal tables have equal
    * fingerprints; others differ but for a chance of about 2^-128.
    */
  def fingerprint(table: DataFrame): Row = {
    val columns = table.columns.toSeq.map(name => col(s"`$name`"))
    val cells = columns.flatMap(column => Seq[Column](column, column.isNull))
    val wide = "decimal(38,0)"
    table
      .agg(
        count(lit(1)),
        sum(xxhash64(cells: _*).cast(wide)),
        sum(xxhash64(lit(7L) +: cells.reverse: _*).cast(wide))
      )
      .head()
  }

  /** Prints rows as a table: the first column to the left, the others to the right. */
  def printTable(rows: Seq[Seq[String]]): Unit = {
    val widths = rows.transpose.map(_.map(_.length).max)
    rows.foreach { row =>
      val cells = row.zip(widths).zipWithIndex.map {
        case ((cell, width), 0) => cell.padTo(width, ' ')
        case ((cell, width), _) => cell.reverse.padTo(width, ' ').reverse
      }
      println(cells.mkString("  "))
    }
  }
}
