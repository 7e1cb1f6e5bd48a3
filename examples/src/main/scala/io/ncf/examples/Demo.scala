package io.ncf.examples

import org.apache.spark.sql.{DataFrame, SparkSession}

/** The main job on real data: writes flights3m and lineitem with Spark as NCF and as Parquet with
  * zstd, proves that both hold the same rows, runs filtered queries on both, shows what was pruned,
  * and prints one table of sizes and times.
  *
  * Arguments: the folder of the corpus, a folder to write into.
  */
object Demo {

  /** A question with the table it is asked of. */
  private case class Query(table: String, name: String, sql: String)

  private val tables = Seq("flights3m", "lineitem")

  private val queries = Seq(
    Query(
      "flights3m",
      "late flights from SFO",
      "SELECT count(*), max(delay) FROM t WHERE origin = 'SFO' AND delay > 60"
    ),
    Query(
      "flights3m",
      "one week, by airport",
      """SELECT origin, count(*) AS n, avg(delay) FROM t
        |WHERE date >= TIMESTAMP'2001-03-01 00:00:00' AND date < TIMESTAMP'2001-03-08 00:00:00'
        |GROUP BY origin ORDER BY n DESC, origin LIMIT 3""".stripMargin
    ),
    Query(
      "lineitem",
      "one order",
      "SELECT count(*), sum(l_quantity) FROM t WHERE l_orderkey = 3000003"
    ),
    Query(
      "lineitem",
      "TPC-H Q6",
      """SELECT sum(l_extendedprice * l_discount) FROM t
        |WHERE l_shipdate >= DATE'1994-01-01' AND l_shipdate < DATE'1995-01-01'
        |AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""".stripMargin
    )
  )

  def main(arguments: Array[String]): Unit = {
    val (corpus, work) = (arguments(0), arguments(1))
    val spark = Measure.session("NCF demo")
    spark.sparkContext.setLogLevel("ERROR")
    try run(spark, corpus, work)
    finally spark.stop()
  }

  private def run(spark: SparkSession, corpus: String, work: String): Unit = {
    val header = Seq("", "Parquet zstd", "NCF", "NCF / Parquet")
    val lines = tables.flatMap(store(spark, corpus, work, _)) ++ queries.map(ask(spark, work, _))
    println()
    Measure.printTable(header +: lines)
  }

  /** Writes a table in both formats and compares them with the source. */
  private def store(
      spark: SparkSession,
      corpus: String,
      work: String,
      table: String
  ): Seq[Seq[String]] = {
    println(s"== $table: writing")
    val source = spark.read.parquet(s"$corpus/$table.parquet")
    val (parquetSeconds, _) = Measure.timed {
      source.write.option("compression", "zstd").parquet(path(work, table, "parquet"))
    }
    val (ncfSeconds, _) = Measure.timed(source.write.format("ncf").save(path(work, table, "ncf")))
    println(s"== $table: comparing every row")
    val expected = Measure.fingerprint(source)
    val found = Measure.fingerprint(open(spark, work, table, "ncf"))
    require(expected == found, s"$table differs: $expected in the source, $found in NCF")
    println(s"== $table: ${expected.getLong(0)} rows, equal in both formats")
    val sizes =
      Seq("parquet", "ncf").map(format => Measure.bytes(path(work, table, format)).toDouble)
    Seq(
      line(s"$table, bytes", sizes(0), sizes(1), value => f"${value.toLong}%,d"),
      line(s"$table, write, s", parquetSeconds, ncfSeconds, value => f"$value%.2f")
    )
  }

  /** Runs a query on both formats, turn by turn, and shows the plan of NCF's. */
  private def ask(spark: SparkSession, work: String, query: Query): Seq[String] = {
    def frame(format: String): DataFrame = {
      open(spark, work, query.table, format).createOrReplaceTempView("t")
      spark.sql(query.sql)
    }
    println(s"\n== ${query.table}: ${query.name}")
    val plan = frame("ncf").queryExecution.executedPlan.toString
    plan.linesIterator.filter(_.contains("BatchScan")).map(_.trim).foreach(println)
    val rounds = Seq.fill(3) {
      Seq("parquet", "ncf").map(format => Measure.timed(frame(format).collect().toSeq))
    }
    val answers = rounds.flatten.map(_._2).distinct
    require(answers.size == 1, s"${query.name}: the formats give different answers: $answers")
    answers.head.foreach(row => println(row.mkString("  ", " | ", "")))
    val least = rounds.transpose.map(_.map(_._1).min)
    line(s"${query.table}, ${query.name}, s", least(0), least(1), value => f"$value%.2f")
  }

  private def line(
      name: String,
      parquet: Double,
      ncf: Double,
      show: Double => String
  ): Seq[String] =
    Seq(name, show(parquet), show(ncf), f"${ncf / parquet}%.2f")

  private def open(spark: SparkSession, work: String, table: String, format: String): DataFrame =
    spark.read.format(format).load(path(work, table, format))

  private def path(work: String, table: String, format: String): String = s"$work/$table-$format"
}
