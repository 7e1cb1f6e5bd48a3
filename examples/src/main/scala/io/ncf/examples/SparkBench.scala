package io.ncf.examples

import org.apache.spark.sql.{DataFrame, SparkSession}

/** Micro queries on lineitem in stock Spark: NCF against Parquet with zstd and with snappy, turn by
  * turn in one run. Answers are compared before a time is reported.
  *
  * Arguments: the folder of the corpus, a folder to write into, the number of rounds (default 5).
  */
object SparkBench {

  private val formats = Seq("ncf", "zstd", "snappy")

  private val queries = Seq(
    "full scan" -> "SELECT * FROM t",
    "count, min, max" -> "SELECT count(*), min(l_shipdate), max(l_shipdate) FROM t",
    "sum of a column" -> "SELECT sum(l_extendedprice) FROM t",
    "Q6" ->
      """SELECT sum(l_extendedprice * l_discount) FROM t
        |WHERE l_shipdate >= DATE'1994-01-01' AND l_shipdate < DATE'1995-01-01'
        |AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""".stripMargin,
    "Q1" ->
      """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
        |sum(l_extendedprice * (1 - l_discount)),
        |sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
        |avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*) FROM t
        |WHERE l_shipdate <= DATE'1998-09-02'
        |GROUP BY l_returnflag, l_linestatus ORDER BY 1, 2""".stripMargin,
    "LIKE, count" -> "SELECT count(*) FROM t WHERE l_comment LIKE '%special%'",
    "group by, count" -> "SELECT l_shipmode, count(*) FROM t GROUP BY l_shipmode ORDER BY 1",
    "point lookup" -> "SELECT count(*), sum(l_partkey) FROM t WHERE l_orderkey = 3000003",
    "one in a hundred" ->
      "SELECT count(*), sum(l_suppkey) FROM t WHERE l_quantity = 50 AND l_discount = 0.1"
  )

  def main(arguments: Array[String]): Unit = {
    val (corpus, work) = (arguments(0), arguments(1))
    val rounds = arguments.lift(2).fold(5)(_.toInt)
    val spark = Measure.session("NCF bench")
    spark.sparkContext.setLogLevel("ERROR")
    try run(spark, corpus, work, rounds)
    finally spark.stop()
  }

  private def run(spark: SparkSession, corpus: String, work: String, rounds: Int): Unit = {
    val version = System.getProperty("java.version")
    val cores = Runtime.getRuntime.availableProcessors
    println(s"Spark ${spark.version}, Java $version, $cores cores, $rounds rounds")
    val source = spark.read.parquet(s"$corpus/lineitem.parquet")
    val writes = formats.map(format => Measure.timed(write(source, format, s"$work/$format"))._1)
    val header =
      Seq("lineitem", "NCF", "Parquet zstd", "Parquet snappy", "zstd / NCF", "snappy / NCF")
    val sizes = formats.map(format => Measure.bytes(s"$work/$format").toDouble)
    val totals = Seq(
      line("bytes", sizes, value => f"${value.toLong}%,d"),
      line("write, s (once)", writes, value => f"$value%.2f")
    )
    val lines = totals ++ queries.map { case (name, sql) => ask(spark, work, name, sql, rounds) }
    Measure.printTable(header +: lines)
    println("Times are the least of the rounds, in seconds.")
  }

  private def write(source: DataFrame, format: String, path: String): Unit =
    if (format == "ncf") source.write.format("ncf").save(path)
    else source.write.option("compression", format).parquet(path)

  private def ask(
      spark: SparkSession,
      work: String,
      name: String,
      sql: String,
      rounds: Int
  ): Seq[String] = {
    def once(format: String): (Double, Any) = {
      val source = if (format == "ncf") "ncf" else "parquet"
      spark.read.format(source).load(s"$work/$format").createOrReplaceTempView("t")
      // A full scan goes to a sink that takes rows and keeps none; answers are small otherwise.
      if (name == "full scan")
        Measure.timed(spark.sql(sql).write.format("noop").mode("overwrite").save())
      else Measure.timed(spark.sql(sql).collect().toSeq)
    }
    val results = Seq.fill(rounds)(formats.map(once))
    val answers = results.flatten.map(_._2).distinct
    require(answers.size == 1, s"$name: the formats give different answers")
    line(name, results.transpose.map(_.map(_._1).min), value => f"$value%.3f")
  }

  private def line(name: String, values: Seq[Double], show: Double => String): Seq[String] =
    name +: values.map(show) :+ f"${values(1) / values(0)}%.2f" :+ f"${values(2) / values(0)}%.2f"
}
