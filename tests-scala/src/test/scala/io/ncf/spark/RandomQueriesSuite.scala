package io.ncf.spark

import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.{ConcurrentLinkedQueue, Executors}

import scala.concurrent.duration.Duration
import scala.concurrent.{Await, ExecutionContext, Future}
import scala.jdk.CollectionConverters._
import scala.util.Random

import org.apache.spark.sql.types.{DoubleType, StringType, StructType}
import org.apache.spark.sql.{DataFrame, DataFrameReader, Row, SparkSession}

/** Random queries of random tables: NCF with all that scans can do, NCF that only reads, and
  * Parquet must answer alike, or fail alike.
  *
  * A failure names its seed, `TABLE:QUERY`: `NCF_RANDOM_SEED` in the environment repeats that one
  * query. `NCF_RANDOM_QUERIES` is the number of queries, and `NCF_RANDOM_FIRST` the first table's
  * seed; `tools/campaign.sh` sets both.
  */
class RandomQueriesSuite extends SparkTestBase {

  import RandomQueriesSuite._

  private val queries = sys.env.get("NCF_RANDOM_QUERIES").fold(300)(_.toInt)
  private val first = sys.env.get("NCF_RANDOM_FIRST").fold(1)(_.toInt)
  private val only = sys.env.get("NCF_RANDOM_SEED").map(_.split(':').map(_.toInt)).map {
    case Array(table, query) => (table, query)
    case other => throw new IllegalArgumentException(s"NCF_RANDOM_SEED: ${other.mkString(":")}")
  }

  /** Queries are small, so what counts is how long Spark takes to begin. */
  override protected def settings: Map[String, String] = Map(
    "spark.sql.shuffle.partitions" -> "1",
    "spark.sql.adaptive.enabled" -> "false",
    "spark.sql.datetime.java8API.enabled" -> "true",
    "spark.sql.parquet.datetimeRebaseModeInWrite" -> "CORRECTED",
    "spark.sql.parquet.outputTimestampType" -> "TIMESTAMP_MICROS"
  )

  /** Sessions by number: every time zone with ANSI mode, and without. */
  private lazy val sessions: Seq[SparkSession] =
    for (ansi <- Seq("true", "false"); zone <- zones) yield {
      val session = spark.newSession()
      settings.foreach { case (key, value) => session.conf.set(key, value) }
      session.conf.set("spark.sql.ansi.enabled", ansi)
      session.conf.set("spark.sql.session.timeZone", zone)
      // To compile a query takes longer than to run it.
      if (zone != "UTC") session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
      session
    }

  private val counts = Map[RandomQuery.Kind, Count](
    RandomQuery.Aggregates -> new Count(PushedPlans.aggregates),
    RandomQuery.First -> new Count(PushedPlans.top),
    RandomQuery.Rows -> new Count(PushedPlans.filters)
  )
  private val failures = new ConcurrentLinkedQueue[String]

  private def runTable(number: Int, chosen: Int => Boolean): Unit = withPath { path =>
    val table = new RandomTable(number.toLong)
    table.write(spark, s"$path-parquet", path)
    for (query <- (0 until queriesOfTable).filter(chosen)) runQuery(number, query, table, path)
  }

  private def runQuery(number: Int, query: Int, table: RandomTable, path: String): Unit = {
    val random = new Random(number * 1000003L + query)
    val session = sessions(random.nextInt(sessions.size))
    val made = new RandomQueries(table, random).next()
    val exactZeros = made.kind == RandomQuery.Rows
    val name = s"random_$number"
    view(session, name, _.format("ncf").load(path))
    view(session, s"${name}_off", _.format("ncf").options(off).load(path))
    view(session, s"${name}_parquet", _.schema(table.schema).parquet(s"$path-parquet"))
    lazy val frame = session.sql(made.sql(name))
    val ours = QueryAnswer.of(frame, exactZeros)
    val inexact = ours.rows.fold(_ => Map.empty[Int, Int], _ => bounds(made, frame))
    def reference(table: String): QueryAnswer =
      QueryAnswer.of(session.sql(made.sqlWithScales(table)), exactZeros)
    val parquet = reference(s"${name}_parquet")
    def compare(what: String, answer: QueryAnswer): Unit = {
      val ordered = made.kind == RandomQuery.First
      answer.difference(parquet, inexact, ordered, strict = made.risks < 2).foreach { found =>
        failures.add(
          s"$what, NCF_RANDOM_SEED=$number:$query, " +
            Seq("spark.sql.ansi.enabled", "spark.sql.session.timeZone")
              .map(key => s"$key=${session.conf.get(key)}").mkString(", ") +
            s"\n  ${table.schema.toDDL}\n  ${made.sql("t")}\n  $found\n"
        )
      }
    }
    compare("NCF", ours)
    compare("NCF without push-down", reference(s"${name}_off").take(made.outputs.size))
    counts(made.kind).add(ours, frame)
  }

  private def view(session: SparkSession, name: String, load: DataFrameReader => DataFrame): Unit =
    if (!session.catalog.tableExists(name)) load(session.read).createOrReplaceTempView(name)

  /** Where the bounds of an answer's inexact outputs are in the reference's. */
  private def bounds(query: RandomQuery, frame: DataFrame): Map[Int, Int] =
    query.scales.keys.toSeq.sorted.zipWithIndex.collect {
      case (output, i) if frame.schema(output).dataType == DoubleType =>
        output -> (query.outputs.size + i)
    }.toMap

  private def runTables(): Unit = {
    val pool = Executors.newFixedThreadPool(2)
    implicit val context: ExecutionContext = ExecutionContext.fromExecutor(pool)
    spark.sparkContext.setLogLevel("OFF")
    try {
      val tables = (queries + queriesOfTable - 1) / queriesOfTable
      val runs = (0 until tables).map { i =>
        val most = queries - i * queriesOfTable
        Future(if (failures.size < mostFailures) runTable(first + i, _ < most))
      }
      runs.foreach(Await.result(_, Duration.Inf))
    } finally {
      pool.shutdown()
      spark.sparkContext.setLogLevel("WARN")
    }
  }

  test("answers that differ are told apart") {
    def answer(rows: Seq[Any]*): QueryAnswer =
      QueryAnswer.of(spark.createDataFrame(rows.map(Row.fromSeq).asJava, pair), exactZeros = false)
    def alike(have: QueryAnswer, want: QueryAnswer, ordered: Boolean = false): Boolean =
      have.difference(want, Map(1 -> 1), ordered, strict = true).isEmpty
    val (a, b) = (Seq[Any]("a", 1.0), Seq[Any]("b", Double.NaN))
    assert(alike(answer(a, b), answer(b, a)) && !alike(answer(a, b), answer(b, a), ordered = true))
    assert(!alike(answer(a, b), answer(a)) && !alike(answer(a), answer(a, a)))
    assert(alike(answer(a), answer(Seq("a", 1.0 + 1e-14))))
    assert(!alike(answer(a), answer(Seq("a", 1.0 + 1e-9))) && !alike(
      answer(b),
      answer(Seq("b", 0.0))
    ))
    assert(alike(answer(Seq(null, -0.0)), answer(Seq(null, 0.0))))
    def failing(sql: String): QueryAnswer = QueryAnswer.of(spark.sql(sql), exactZeros = false)
    assert(failing("SELECT 1 / 0").rows == Left("DIVIDE_BY_ZERO"))
    assert(alike(failing("SELECT 1 / 0"), failing("SELECT 1 / id FROM range(1)")))
    assert(!alike(failing("SELECT 1 / 0"), failing("SELECT cast('x' as int)")))
    assert(!alike(answer(a), failing("SELECT 1 / 0")))
  }

  test("random queries have the answers that they have over Parquet") {
    only match {
      case Some((table, query)) => runTable(table, _ == query)
      case None                 => runTables()
    }
    counts.foreach { case (kind, count) => info(s"$kind: $count") }
    assert(failures.isEmpty, failures.asScala.mkString("\n", "\n", ""))
    if (only.isEmpty) counts.foreach { case (kind, count) =>
      assert(count.enough(least(kind)), s"$kind: $count")
    }
  }
}

object RandomQueriesSuite {

  private val queriesOfTable = 25

  private val pair = new StructType().add("k", StringType).add("v", DoubleType)

  /** Time zones of sessions: without changes of the clock, with them, and far from whole hours. */
  val zones: Seq[String] = Seq("UTC", "+05:30", "America/New_York", "Asia/Kathmandu")

  /** NCF as a source of rows and nothing else. */
  val off: Map[String, String] = NcfOptions.all.map(_.name)
    .filter(name => name.startsWith("pushdown.") && name != NcfOptions.RuntimeValues.name)
    .map(_ -> "false").toMap

  private val mostFailures = 10

  /** What part of the queries of a kind must be pushed, in percent. */
  private val least: Map[RandomQuery.Kind, Int] =
    Map(RandomQuery.Aggregates -> 15, RandomQuery.First -> 30, RandomQuery.Rows -> 40)

  /** Queries of a kind, and what became of them. */
  private final class Count(isPushed: DataFrame => Boolean) {
    private val all = new AtomicInteger
    private val pushed = new AtomicInteger
    private val failed = new AtomicInteger

    def add(answer: QueryAnswer, frame: => DataFrame): Unit = {
      all.incrementAndGet()
      if (answer.rows.isLeft) failed.incrementAndGet()
      else if (isPushed(frame)) pushed.incrementAndGet()
      ()
    }

    def enough(percent: Int): Boolean = pushed.get * 100 >= all.get * percent

    override def toString: String = s"${all.get} queries, $failed failed, $pushed pushed"
  }
}
