package io.ncf.spark

import scala.concurrent.duration.DurationInt
import scala.concurrent.{Await, ExecutionContext, Future}

import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{Expression, Expressions}
import org.apache.spark.sql.connector.read.Batch
import org.apache.spark.sql.execution.SimpleMode
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.{BatchScanExec, DataSourceV2ScanRelation}
import org.apache.spark.sql.{DataFrame, SparkSession}

import io.ncf.spark.read.{NcfInputPartition, NcfScan}

/** The keys of a small table filter the scan of a large one that it is joined with. */
class RuntimeFilterSuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  /** 200 000 rows in four blocks, by day, and the days, of which some have no rows. */
  private def tables(session: SparkSession): Map[String, DataFrame] = Map(
    "fact" -> session.range(0, 200000, 1, 1).selectExpr(
      "id",
      "cast(if(id % 1000 = 7, null, id div 500) as int) day",
      "date_add(date'2020-01-01', cast(id div 500 as int)) date",
      "cast(id div 500 as decimal(9,2)) money",
      "cast(id div 500 as decimal(30,2)) wealth",
      "concat('day ', id div 500) name",
      "if(id % 10 = 0, double('NaN'), double(id div 500)) f",
      "id % 97 amount"
    ),
    "dim" -> session.range(-10, 410, 1, 1).selectExpr(
      "cast(if(id % 50 = 3, null, id) as int) day",
      "date_add(date'2020-01-01', cast(id as int)) date",
      "cast(id as decimal(9,2)) money",
      "cast(id as decimal(30,2)) wealth",
      "concat('day ', id) name",
      "if(id % 10 = 0, double('NaN'), double(id)) f",
      "cast(id div 30 as int) month",
      "concat('month ', id div 30) label"
    ),
    "shop" -> session.range(0, 97, 1, 1).selectExpr("id shop", "id % 10 kind")
  )

  /** Runs `body` with the folder of the tables, written as NCF and as Parquet. */
  private def withTables(body: String => Unit): Unit = withPath { path =>
    for ((name, frame) <- tables(spark)) {
      frame.write.parquet(s"$path-$name-parquet")
      spark.read.parquet(s"$path-$name-parquet").write.format("ncf").option("blockRows", "50000")
        .save(s"$path-$name")
    }
    body(path)
  }

  private def query(path: String, sql: String, options: Map[String, String]): DataFrame = {
    for (name <- tables(spark).keys)
      spark.read.format("ncf").options(options).load(s"$path-$name").createOrReplaceTempView(name)
    spark.sql(sql)
  }

  private def parquet(path: String, sql: String): Seq[String] = {
    for (name <- tables(spark).keys)
      spark.read.parquet(s"$path-$name-parquet").createOrReplaceTempView(name)
    answer(spark.sql(sql))
  }

  private def answer(frame: DataFrame): Seq[String] =
    frame.collect().toSeq.map(_.toString).sorted

  private def scan(frame: DataFrame, table: String): BatchScanExec =
    collect(frame.queryExecution.executedPlan) { case scan: BatchScanExec => scan }
      .find(_.scan.description().contains(s"-$table version")).get

  private def metric(frame: DataFrame, table: String, name: String): Long =
    scan(frame, table).metrics(name).value

  private val off = Map("pushdown.runtime" -> "false")

  private val star =
    "SELECT label, sum(amount), count(*) FROM fact JOIN dim ON fact.day = dim.day " +
      "WHERE month = 5 GROUP BY label"

  for (adaptive <- Seq(true, false))
    test(s"a star join reads the pages and rows that match, adaptive $adaptive") {
      withTables { path =>
        withSetting("spark.sql.adaptive.enabled", adaptive.toString) {
          val ours = query(path, star, Map.empty)
          val unfiltered = query(path, star, off)
          // Once: a second run finds the shuffled rows and scans nothing.
          val rows = answer(ours)
          assert(rows == parquet(path, star))
          assert(answer(unfiltered) == rows)
          // 29 days of 500 rows, less the days that are null, on either side.
          assert(metric(ours, "fact", "rowsOut") == 29 * 500 - 15)
          assert(metric(unfiltered, "fact", "rowsOut") == 200000 - 200)
          assert(metric(ours, "fact", "pagesRead") * 3 < metric(unfiltered, "fact", "pagesRead"))
          assert(metric(ours, "fact", "blocksPlanned") == 1)
          assert(metric(unfiltered, "fact", "blocksPlanned") == 4)
          val text = ours.queryExecution.explainString(SimpleMode)
          assert(text.contains("RuntimeFilters: [dynamicpruningexpression(day"), text)
        }
      }
    }

  private def withSetting(key: String, value: String)(body: => Unit): Unit = {
    val before = spark.conf.getOption(key)
    spark.conf.set(key, value)
    try body
    finally before.fold(spark.conf.unset(key))(spark.conf.set(key, _))
  }

  private val joins = Seq(
    "SELECT * FROM fact JOIN dim ON fact.day = dim.day WHERE month = 2",
    "SELECT * FROM fact LEFT JOIN dim ON fact.day = dim.day AND month = 2 WHERE amount = 3",
    "SELECT * FROM dim LEFT JOIN fact ON fact.day = dim.day WHERE month = 2",
    "SELECT * FROM fact RIGHT JOIN (SELECT * FROM dim WHERE month = 2) d ON fact.day = d.day",
    "SELECT * FROM fact FULL JOIN (SELECT * FROM dim WHERE month = 2) d ON fact.day = d.day " +
      "WHERE amount = 3 OR month = 2",
    "SELECT * FROM fact WHERE day IN (SELECT day FROM dim WHERE month = 2)",
    "SELECT * FROM fact WHERE amount = 3 AND day NOT IN " +
      "(SELECT day FROM dim WHERE month = 2 AND day IS NOT NULL)",
    "SELECT * FROM fact JOIN dim ON fact.day <=> dim.day WHERE month = 2 AND amount = 3",
    "SELECT * FROM fact JOIN dim ON fact.date = dim.date WHERE month < 2",
    "SELECT * FROM fact JOIN dim ON fact.money = dim.money WHERE month = 2",
    "SELECT * FROM fact JOIN dim ON fact.wealth = dim.wealth WHERE month = 2",
    "SELECT * FROM fact JOIN dim ON fact.name = dim.name WHERE label LIKE '%3'",
    "SELECT * FROM fact JOIN dim ON fact.f = dim.f WHERE month = 2 AND amount = 3",
    "SELECT * FROM fact JOIN dim ON fact.day = dim.day AND fact.name = dim.name WHERE month = 2",
    "SELECT * FROM fact JOIN dim ON fact.day = dim.day WHERE month = 1000",
    "SELECT count(*) FROM fact JOIN dim ON fact.day = dim.day JOIN shop ON amount = shop " +
      "WHERE month = 2 AND kind = 4",
    "SELECT a.id, b.id FROM fact a JOIN fact b ON a.id = b.id + 1 JOIN dim ON a.day = dim.day " +
      "WHERE month = 2 AND a.amount = 4",
    "SELECT count(*) FROM (SELECT * FROM fact LIMIT 200000) f JOIN dim ON f.day = dim.day " +
      "WHERE month = 2"
  )

  for (adaptive <- Seq(true, false))
    test(s"all joins give what they give without and with Parquet, adaptive $adaptive") {
      withTables { path =>
        withSetting("spark.sql.adaptive.enabled", adaptive.toString) {
          for (sql <- joins) {
            val ours = answer(query(path, sql, Map.empty))
            assert(ours == answer(query(path, sql, off)), sql)
            assert(ours == parquet(path, sql), sql)
          }
        }
      }
    }

  test("keys of all types but floats filter; no keys leave nothing to read") {
    withTables { path =>
      for (key <- Seq("day", "date", "money", "wealth", "name")) {
        val sql =
          s"SELECT count(*) FROM fact JOIN dim ON fact.$key = dim.$key WHERE month = 5"
        val ours = query(path, sql, Map.empty)
        assert(answer(ours) == parquet(path, sql), key)
        assert(metric(ours, "fact", "rowsOut") <= 30 * 500, key)
        assert(metric(ours, "fact", "blocksPlanned") == 1 || key == "name", key)
      }
      val floats = "SELECT count(*) FROM fact JOIN dim ON fact.f = dim.f WHERE month = 5"
      assert(!query(path, floats, Map.empty).queryExecution.executedPlan.toString
        .contains("dynamicpruning"))
      val none = query(
        path,
        "SELECT sum(amount) FROM fact JOIN dim ON fact.day = dim.day WHERE month = 99",
        Map.empty
      )
      withSetting("spark.sql.adaptive.enabled", "false") {
        assert(answer(none) == Seq("[null]"))
        assert(metric(none, "fact", "blocksPlanned") == 0)
      }
    }
  }

  test("of more keys than the option says, what they lie between") {
    withTables { path =>
      val few = Map("pushdown.runtimeValues" -> "10")
      assert(!keepsFilter(query(path, star, few)))
      // Spark sees a filter that stays with it anyway.
      val seen = star.replace("month = 5", "label RLIKE '^month 5$'")
      val ours = query(path, seen, few)
      assert(answer(ours) == parquet(path, seen))
      // With the days of the range that the other side has as null.
      assert(metric(ours, "fact", "rowsOut") == 30 * 500 - 15)
      val request = scan(ours, "fact").readerFactory.toString
      assert(!request.contains("\"in\""), request)
    }
  }

  test("the broadcast of the join gives the keys") {
    withTables { path =>
      val plan = query(path, star, Map.empty).queryExecution.executedPlan
      assert(plan.toString.contains("dynamicpruning"))
      withSetting("spark.sql.autoBroadcastJoinThreshold", "-1") {
        val unfiltered = query(path, star, Map.empty)
        assert(!unfiltered.queryExecution.executedPlan.toString.contains("dynamicpruning"))
      }
    }
  }

  private def keepsFilter(frame: DataFrame): Boolean =
    frame.queryExecution.optimizedPlan.exists {
      case filter: Filter =>
        filter.child.isInstanceOf[DataSourceV2ScanRelation] &&
        filter.condition.toString.contains("month")
      case _ => false
    }

  test("Spark sees the filter of a small table beside a larger one only") {
    withTables { path =>
      assert(keepsFilter(query(path, star, Map.empty)))
      assert(!keepsFilter(query(path, star, off)))
      val alone = "SELECT count(*) FROM dim WHERE month = 5"
      assert(!keepsFilter(query(path, alone, Map.empty)))
      val small = "SELECT * FROM dim JOIN shop ON day = shop WHERE month = 5"
      assert(!keepsFilter(query(path, small, Map.empty)))
      withSetting("spark.sql.optimizer.dynamicPartitionPruning.enabled", "false") {
        assert(!keepsFilter(query(path, star, Map.empty)))
      }
    }
  }

  test("a runtime filter holds for the batch that is asked for next, on the same thread") {
    withTables { path =>
      val scan = query(path, "SELECT day FROM fact", Map.empty).queryExecution.optimizedPlan
        .collectFirst { case DataSourceV2ScanRelation(_, scan: NcfScan, _, _, _) => scan }.get
      def partitions(batch: Batch) =
        batch.planInputPartitions().toSeq.map(_.asInstanceOf[NcfInputPartition].runtimeFilter)
      val key = Expressions.column("day")
      val equal = new Predicate("IN", Array[Expression](key, Expressions.literal(3)))
      val before = scan.toBatch
      scan.filter(Array(equal))
      val other = Future(partitions(scan.toBatch))(ExecutionContext.global)
      assert(Await.result(other, 1.minute).flatten.isEmpty)
      assert(partitions(scan.toBatch) == Seq(Some(0)))
      assert(partitions(scan.toBatch).flatten.isEmpty)
      assert(partitions(before).flatten.isEmpty)
      assert(before == scan.toBatch)
      scan.filter(Array(equal))
      assert(partitions(scan.toBatch) == Seq(Some(0)), "the same filter again")
    }
  }
}
