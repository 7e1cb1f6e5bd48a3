package io.ncf.examples.bench

import java.nio.file.Path

import scala.util.Random

import org.apache.spark.sql.functions._
import org.apache.spark.sql.{DataFrame, Row, SparkSession}

import io.ncf.examples.Measure

/** Look-ups in a table of events in stock Spark: of single ids, which stand in no order, and of
  * short spans of time, in which events stand nearly in order. NCF and Parquet answer turn by turn
  * in one run, and answers are compared. tools/bench-spark.sh --lookups starts it.
  *
  * Arguments: see [[LookupOptions]].
  */
object LookupBench {

  def main(arguments: Array[String]): Unit = {
    val options = LookupOptions.parse(arguments.toSeq)
    val spark = Measure.session("NCF look-ups", "local[2]")
    spark.sparkContext.setLogLevel("ERROR")
    try new LookupBench(spark, options).run()
    finally spark.stop()
  }
}

/** What to measure.
  *
  * @param work   folder for the table in each format
  * @param output file for the raw results, JSON
  * @param rows   rows of the table
  * @param rounds timed rounds; in each every query asks for another key, in all formats
  * @param reuse  whether to measure the tables that an earlier run of as many rows has left in `work`
  * @param seed   of the keys that are asked for
  */
final case class LookupOptions(
    work: String,
    output: String,
    rows: Long = 30000000L,
    rounds: Int = 31,
    reuse: Boolean = false,
    seed: Long = System.nanoTime()
)

object LookupOptions {

  /** Reads `WORK OUTPUT [--NAME VALUE]…`, as tools/bench-spark.sh gives them. */
  def parse(arguments: Seq[String]): LookupOptions = arguments.toList match {
    case work :: output :: rest => parse(LookupOptions(work, output), rest)
    case _                      => throw new IllegalArgumentException("WORK and OUTPUT are needed")
  }

  @annotation.tailrec
  private def parse(read: LookupOptions, arguments: List[String]): LookupOptions =
    arguments match {
      case Nil                         => read
      case "--rows" :: value :: rest   => parse(read.copy(rows = value.toLong), rest)
      case "--rounds" :: value :: rest => parse(read.copy(rounds = value.toInt), rest)
      case "--seed" :: value :: rest   => parse(read.copy(seed = value.toLong), rest)
      case "--reuse" :: rest           => parse(read.copy(reuse = true), rest)
      case other :: _                  =>
        throw new IllegalArgumentException(s"no option $other, or without its value")
    }
}

private final class LookupBench(spark: SparkSession, options: LookupOptions) {

  private val report = new Report(Path.of(options.output))
  private val counter = new ScanCounter(spark)
  private val events = new Events(options.rows)
  private val random = new Random(options.seed)

  private val formats: Seq[Format] = Seq(
    Format("ncf", "ncf", Map("filterColumns" -> "id")),
    Format("zstd", "parquet", Map("compression" -> "zstd")),
    // With its own default a filter of Parquet has a megabyte at most: too little for a file's ids.
    Format(
      "tuned",
      "parquet",
      Map(
        "compression" -> "zstd",
        "parquet.bloom.filter.enabled#id" -> "true",
        "parquet.bloom.filter.expected.ndv#id" -> (options.rows / Events.Files).toString,
        "parquet.bloom.filter.max.bytes" -> (16 << 20).toString
      )
    )
  )

  def run(): Unit = {
    report.fact("spark", spark.version)
    report.fact("java", System.getProperty("java.version"))
    report.fact("master", spark.sparkContext.master)
    report.fact("heap", s"${Runtime.getRuntime.maxMemory >> 20} MiB")
    report.fact("rows", options.rows.toString)
    report.fact("seed", options.seed.toString)
    if (!options.reuse) write()
    report.entry("sizes", "events") { node =>
      Report.numbers(node, "bytes", formats.map(f => f.name -> Measure.bytes(path(f))))
    }
    formats.foreach(f => f.open(spark, path(f)).createOrReplaceTempView(s"events_${f.name}"))
    // What is compiled when queries first run is not what a look-up costs.
    (0 until Lookups.WarmUp).foreach(number => Lookups.all.foreach(round(_, number)))
    Lookups.all.foreach(measure)
    Lookups.floors.foreach { case (name, sql) => floor(name, sql) }
  }

  private def path(format: Format): String = s"${options.work}/${format.name}"

  private def write(): Unit = formats.foreach { format =>
    Store.delete(Path.of(path(format)))
    // Of timestamps as Spark writes them by default Parquet keeps no bounds.
    val timestamps = if (format.name == "tuned") "TIMESTAMP_MICROS" else "INT96"
    spark.conf.set("spark.sql.parquet.outputTimestampType", timestamps)
    val seconds = Measure.timed(format.write(events.table(spark), path(format)))._1
    println(f"${format.name}: written in $seconds%.1f s")
  }

  private def measure(lookup: Lookup): Unit = {
    val first = lookup.condition(events, random)
    val counted = formats.map { format =>
      counter.counting(counter.count(ask(lookup.sql(format, first)))._2)
    }
    val rounds = (0 until options.rounds).map(round(lookup, _))
    report.entry("queries", lookup.name) { node =>
      node.put("condition", first)
      node.put("answer", rounds.map(_.head._2.answer.size).max)
      def seconds(of: Run => Double) =
        formats.map(f => f.name -> rounds.map(runs => of(runs.toMap.apply(f.name))))
      Report.seconds(node, "seconds", seconds(_.seconds))
      Report.seconds(node, "planning", seconds(_.planning))
      Report.numbers(node, "rows", formats.map(_.name).zip(counted.map(_.rows)))
      Report.numbers(node, "bytes", formats.map(_.name).zip(counted.map(_.bytes)))
    }
    val least = formats.map(f => f"${f.name} ${rounds.map(_.toMap.apply(f.name).seconds).min}%.3f")
    println(s"${lookup.name}: equal answers; least seconds: ${least.mkString(", ")}")
  }

  /** One question to all formats; another one goes first each time. */
  private def round(lookup: Lookup, number: Int): Seq[(String, Run)] = {
    val condition = lookup.condition(events, random)
    val (before, after) = formats.splitAt(number % formats.size)
    val runs = (after ++ before).map(format => format.name -> ask(lookup.sql(format, condition)))
    runs.foreach { case (format, run) =>
      require(
        run.answer == runs.head._2.answer,
        s"${lookup.name}: $format answers otherwise than ${runs.head._1} where $condition"
      )
      require(
        lookup.expected.forall(_ == run.answer.size),
        s"${lookup.name}: ${run.answer.size} rows where $condition"
      )
    }
    runs
  }

  private def floor(name: String, sql: String): Unit = {
    (0 until Lookups.WarmUp).foreach(_ => ask(sql))
    val runs = (0 until options.rounds).map(_ => ask(sql))
    report.entry("floors", name) { node =>
      node.put("sql", sql)
      Report.seconds(node, "seconds", Seq("spark" -> runs.map(_.seconds)))
      Report.seconds(node, "planning", Seq("spark" -> runs.map(_.planning)))
    }
  }

  /** @param planning the part of the time until the physical plan stands */
  private case class Run(seconds: Double, planning: Double, answer: Seq[String])

  private def ask(sql: String): Run = {
    val (planning, frame) = Measure.timed {
      val frame = spark.sql(sql)
      frame.queryExecution.executedPlan
      frame
    }
    val (running, rows) = Measure.timed(frame.collect())
    Run(planning + running, planning, rows.toSeq.map((row: Row) => row.mkString("|")).sorted)
  }
}

/** Events in the order of their arrival: each up to a minute late, with an id that tells nothing. */
private final class Events(val rows: Long) {

  def table(spark: SparkSession): DataFrame = {
    val all = rows
    val id = udf((row: Long) => Events.id(Events.permuted(row, all)))
    def hashed(salt: Int, below: Long) = pmod(xxhash64(lit(salt), col("id")), lit(below))
    spark.range(0, rows, 1, Events.Files).select(
      id(col("id")).as("id"),
      timestamp_micros(
        lit(Events.Start) + col("id") * lit(Events.Gap) - hashed(1, Events.Latest)
      ).as("ts"),
      concat(lit("customer-"), hashed(2, 1000000)).as("customer"),
      (hashed(3, 10000000) / 100.0).as("amount"),
      hashed(4, 100).cast("int").as("quantity")
    )
  }
}

private object Events {

  /** Files of the table, of as many rows each. */
  val Files = 8

  /** Microseconds since the epoch, between two arrivals, and that an event is late at most. */
  val Start = 1767225600000000L
  val Gap = 86400L
  val Latest = 60000000L

  /** The id of a number below the number of rows; those between are of no event. */
  def id(number: Long): Long = 3 * number + 1

  /** A permutation of the numbers below `rows`: mixes numbers of as many bits until one is below. */
  def permuted(row: Long, rows: Long): Long = {
    val bits = 64 - java.lang.Long.numberOfLeadingZeros(rows - 1).min(62)
    val mask = (1L << bits) - 1
    @annotation.tailrec
    def mixed(number: Long): Long = {
      // Odd factors and shifted halves: each step can be undone, so that no two numbers meet.
      val next = Seq(0x9e3779b97f4a7c15L, 0xbf58476d1ce4e5b9L, 0x94d049bb133111ebL)
        .foldLeft(number) { (x, factor) =>
          val y = (x * factor) & mask
          y ^ (y >>> (bits / 2 + 1))
        }
      if (next < rows) next else mixed(next)
    }
    mixed(row)
  }
}

/** A question whose key is another one each time.
  *
  * @param expected rows that every answer has, where that is known
  */
private final case class Lookup(
    name: String,
    expected: Option[Int],
    condition: (Events, Random) => String
) {

  def sql(format: Format, condition: String): String =
    s"SELECT * FROM events_${format.name} WHERE $condition"
}

private object Lookups {

  /** Rounds that are not timed. */
  val WarmUp = 10

  val all: Seq[Lookup] = Seq(
    Lookup(
      "id, present",
      Some(1),
      (events, random) => s"id = ${Events.id(number(events, random))}"
    ),
    Lookup(
      "id, absent",
      Some(0),
      (events, random) => s"id = ${Events.id(number(events, random)) + 1}"
    ),
    Lookup("0.01 % of time", None, span(10000)),
    Lookup("0.1 % of time", None, span(1000))
  )

  /** What Spark takes where there is nothing to read: without a task, and with one. */
  val floors: Seq[(String, String)] = Seq(
    "no task" -> "SELECT * FROM VALUES (1L) AS t(id) WHERE id = 2",
    "one task" -> "SELECT * FROM range(0, 1, 1, 1) WHERE id = 2"
  )

  private def number(events: Events, random: Random): Long =
    (random.nextDouble() * events.rows).toLong

  /** One part in so many of the time. */
  private def span(parts: Long): (Events, Random) => String = (events, random) => {
    val length = events.rows / parts * Events.Gap
    val start = Events.Start + (random.nextDouble() * (events.rows * Events.Gap - length)).toLong
    s"ts >= timestamp_micros($start) AND ts < timestamp_micros(${start + length})"
  }
}
