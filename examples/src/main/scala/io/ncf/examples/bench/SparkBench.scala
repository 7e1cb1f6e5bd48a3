package io.ncf.examples.bench

import java.nio.file.Path

import org.apache.spark.sql.{Row, SparkSession}

import io.ncf.examples.Measure

/** The queries of TPC-H and micro queries in stock Spark: NCF against Parquet and ORC, turn by turn
  * in one run. Answers are compared before a time counts. tools/bench-spark.sh starts it and makes
  * tables of its results.
  *
  * Arguments: see [[BenchOptions]].
  */
object SparkBench {

  def main(arguments: Array[String]): Unit = {
    val options = BenchOptions.parse(arguments.toSeq)
    val spark = Measure.session("NCF bench", "local[2]")
    spark.sparkContext.setLogLevel("ERROR")
    try new SparkBench(spark, options).run()
    finally spark.stop()
  }
}

private final class SparkBench(spark: SparkSession, options: BenchOptions) {

  private val report = new Report(Path.of(options.output))
  private val counter = new ScanCounter(spark)
  private val store = new Store(spark, options, report)

  def run(): Unit = {
    report.fact("spark", spark.version)
    report.fact("java", System.getProperty("java.version"))
    report.fact("master", spark.sparkContext.master)
    report.fact("shufflePartitions", spark.conf.get("spark.sql.shuffle.partitions"))
    report.fact("heap", s"${Runtime.getRuntime.maxMemory >> 20} MiB")
    report.fact("scale", options.scale.toString)
    if (!options.reuse) store.write()
    store.measureSizes()
    store.open()
    BenchQuery.all.filter(query => options.queries.contains(query.name)).foreach(measure)
  }

  private def measure(query: BenchQuery): Unit = {
    val formats = options.measured
    CeilingSource.clear()
    val counted = formats.map(format => counter.counting(ask(query, format)))
    val answers = counted.map(_.answer)
    val expected = answers.head
    def check(format: String, answer: Seq[Row]): Unit = require(
      normal(query, answer) == normal(query, expected),
      s"${query.name}: $format answers otherwise than ${formats.head}"
    )
    formats.zip(answers).foreach { case (format, answer) => check(format, answer) }
    val rounds = (0 until options.rounds).map { round =>
      // Each format goes first in turn: what one leaves to the garbage collector hits all.
      val (before, after) = formats.splitAt(round % formats.size)
      (after ++ before).map { format =>
        val run = ask(query, format)
        check(format, run.answer)
        format -> run.seconds
      }.toMap
    }
    val seconds = formats.map(format => format -> rounds.map(_(format)))
    report.entry("queries", query.name) { node =>
      node.put("tpch", query.isTpch)
      node.put("answer", expected.size)
      Report.seconds(node, "seconds", seconds)
      val counts = formats.zip(counted.map(_.counts))
      Report.numbers(node, "rows", counts.map { case (format, c) => format -> c.rows })
      Report.numbers(node, "bytes", counts.map { case (format, c) => format -> c.bytes })
      Report.numbers(node, "inputBytes", counts.map { case (format, c) => format -> c.inputBytes })
    }
    options.answers.foreach(folder => Answers.write(Path.of(folder), query, expected))
    val least = seconds.collect { case (format, all) if all.nonEmpty => f"$format ${all.min}%.3f" }
    println(s"${query.name}: ${expected.size} rows, equal in all; seconds: ${least.mkString(", ")}")
  }

  private case class Run(seconds: Double, answer: Seq[Row], counts: ScanCounts)

  /** Parsing and planning are part of the time, opening the tables is not. */
  private def ask(query: BenchQuery, format: String): Run = {
    store.use(format)
    val ((seconds, answer), counts) = counter.count(Measure.timed {
      val frame = spark.sql(query.sql(options.scale))
      if (query.name == BenchQuery.fullScan) {
        frame.write.format("noop").mode("overwrite").save()
        Seq.empty
      } else frame.collect().toSeq
    })
    Run(seconds, answer, counts)
  }

  /** Rows in the order that the query gives them, or in any one order if it leaves that open. All
    * values are integers, decimals, dates and strings, so equal text is equality.
    */
  private def normal(query: BenchQuery, answer: Seq[Row]): Seq[String] = {
    val lines = answer.map(_.mkString("|"))
    if (query.ordered) lines else lines.sorted
  }
}
