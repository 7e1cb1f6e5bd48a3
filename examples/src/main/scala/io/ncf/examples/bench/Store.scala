package io.ncf.examples.bench

import java.nio.file.{Files, Path}
import java.util.Comparator

import org.apache.spark.sql.{DataFrame, SparkSession}

import io.ncf.examples.Measure

/** The tables of TPC-H in each format. */
private final class Store(spark: SparkSession, options: BenchOptions, report: Report) {

  private val formats = options.formats.map(Format.named)

  private val again = s"${options.work}/again"

  private var frames = Map.empty[String, Map[String, DataFrame]]

  /** Writes every table in every format, and lineitem several times more, turn by turn. */
  def write(): Unit = Store.tables.foreach { table =>
    val source = spark.read.parquet(s"${options.source}/$table.parquet")
    val rounds = (0 until (if (table == "lineitem") options.writeRounds else 1)).map { round =>
      // What is read is part of every write: a scan of the source alone tells how large a part.
      val scan = Measure.timed(source.write.format("noop").mode("overwrite").save())._1
      val (before, after) = formats.splitAt(round % formats.size)
      val writes = (after ++ before).map { format =>
        val target = if (round == 0) path(format, table) else again
        // An overwritten table would keep the files of its earlier version.
        Store.delete(Path.of(target))
        val seconds = Measure.timed(format.write(source, target))._1
        format.name -> seconds
      }
      (("source" -> scan) +: writes).toMap
    }
    Store.delete(Path.of(again))
    val names = "source" +: formats.map(_.name)
    val seconds = names.map(name => name -> rounds.map(_(name)))
    report.entry("writes", table)(node => Report.seconds(node, "seconds", seconds))
    val least = seconds.map { case (format, all) => f"$format ${all.min}%.3f" }
    println(s"$table: written; seconds: ${least.mkString(", ")}")
  }

  def measureSizes(): Unit = Store.tables.foreach { table =>
    report.entry("sizes", table) { node =>
      val bytes = formats.map(format => format.name -> Measure.bytes(path(format, table)))
      Report.numbers(node, "bytes", bytes)
    }
  }

  /** Opens all tables once: Parquet and ORC list files and read a footer for it, NCF its log. */
  def open(): Unit = {
    val opened = formats.map { format =>
      format.name -> all(table => format.open(spark, path(format, table)))
    }
    val ceiling = Option.when(options.ceiling) {
      val source = classOf[CeilingSource].getName
      Format.Ceiling ->
        all(table => spark.read.format(source).load(path(Format.named("ncf"), table)))
    }
    frames = (opened ++ ceiling).toMap
  }

  private def all(open: String => DataFrame): Map[String, DataFrame] =
    Store.tables.map(table => table -> open(table)).toMap

  /** Makes the names of the tables mean those of a format. */
  def use(format: String): Unit = frames(format).foreach { case (table, frame) =>
    frame.createOrReplaceTempView(table)
  }

  private def path(format: Format, table: String): String =
    s"${options.work}/${format.name}/$table"
}

private object Store {

  val tables: Seq[String] =
    Seq("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")

  /** Removes a folder that may not be there. */
  def delete(folder: Path): Unit = if (Files.exists(folder)) {
    val paths = Files.walk(folder)
    try paths.sorted(Comparator.reverseOrder[Path]()).forEach(path => Files.delete(path))
    finally paths.close()
  }
}
