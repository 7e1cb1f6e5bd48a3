package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.{ColumnStat, Statistics}
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation
import org.apache.spark.sql.execution.joins.{BroadcastHashJoinExec, SortMergeJoinExec}
import org.apache.spark.sql.types.Decimal

/** What Spark's optimizer learns of scans: rows and bytes after filters, and columns. */
class StatisticsSuite extends SparkTestBase {

  override protected def settings: Map[String, String] =
    Map("spark.sql.adaptive.enabled" -> "false")

  private def statistics(frame: DataFrame): Statistics =
    frame.queryExecution.optimizedPlan.collectFirst {
      case relation: DataSourceV2ScanRelation => relation.stats
    }.get

  private def withSetting(key: String, value: String)(body: => Unit): Unit = {
    spark.conf.set(key, value)
    try body
    finally spark.conf.unset(key)
  }

  test("of a table of few pages, exactly the rows that pass") {
    withPath { path =>
      RandomRows.frame(spark, 20000).write.format("ncf").option("blockRows", "3000").save(path)
      val filters = Seq(
        "i32 between 10 and 20",
        "s like '%e' or i8 > 100",
        "d9 > 12.34 and i16 is not null",
        "i64 is null",
        "i32 = 123456789",
        "day >= date'2020-01-01'"
      )
      for (filter <- filters) {
        val frame = read(path).where(filter)
        assert(statistics(frame).rowCount.contains(BigInt(frame.count())), filter)
      }
    }
  }

  test("of a large table, about the rows that pass, and rather more than fewer") {
    withPath { path =>
      spark.range(0, 2000000, 1, 4).selectExpr("id", "id % 1000 k", "cast(id % 7919 as string) s")
        .write.format("ncf").option("blockRows", "65536").save(path)
      for ((filter, share) <- Seq("k = 3" -> 0.001, "k < 100" -> 0.1, "s like '1%'" -> 0.14)) {
        val frame = read(path).where(filter)
        val (rows, all) = (frame.count(), statistics(read(path)))
        val found = statistics(frame)
        assert(found.rowCount.get >= rows && found.rowCount.get < rows + 40000, filter)
        assert(found.sizeInBytes < all.sizeInBytes * 2 * BigInt((share * 1000).toInt + 20) / 1000)
        val off = spark.read.format("ncf").option("estimateWindows", "0").load(path).where(filter)
        assert(statistics(off).rowCount.contains(BigInt(2000000)), filter)
      }
      // Sorted: zones say how many rows are left.
      val sorted = statistics(read(path).where("id between 700000 and 700099")).rowCount.get
      assert(sorted >= 100 && sorted < 200, sorted)
    }
  }

  test("a small rest of a large table is broadcast") {
    withPath { path =>
      spark.range(0, 2000000, 1, 4).selectExpr("id", "cast(id % 1000 as string) s", "id * 3 other")
        .write.format("ncf").save(path)
      def join(options: Map[String, String]): DataFrame = {
        val table = spark.read.format("ncf").options(options).load(path)
        table.as("a").join(table.where("s like '77%'").as("b"), "id").selectExpr("a.other", "b.s")
      }
      val (ours, plain) = (join(Map.empty), join(Map("estimateWindows" -> "0")))
      assert(ours.queryExecution.executedPlan.exists(_.isInstanceOf[BroadcastHashJoinExec]))
      assert(plain.queryExecution.executedPlan.exists(_.isInstanceOf[SortMergeJoinExec]))
      assert(ours.count() == 22000 && plain.count() == 22000)
      // Too many rows to be held by every task.
      val many = read(path).as("a").join(read(path).where("s > '2'").as("b"), "id")
      assert(many.queryExecution.executedPlan.exists(_.isInstanceOf[SortMergeJoinExec]))
    }
  }

  private def column(frame: DataFrame, name: String): Option[ColumnStat] =
    statistics(frame).attributeStats.collectFirst {
      case (attribute, stat) if attribute.name == name => stat
    }

  test("columns are known where the session asks for them") {
    withPath { path =>
      spark.range(0, 30000, 1, 2).selectExpr(
        "id",
        "cast(id % 100 as int) `a b`",
        "cast(id % 50 as decimal(9,2)) price",
        "concat('text ', id % 200) s",
        "if(id % 3 = 0, null, date_add(date'2020-01-01', cast(id % 10 as int))) day",
        "if(id = 5, double('NaN'), double(id)) f",
        "array(id) many",
        "cast(id % 4 as int) part"
      ).write.format("ncf").partitionBy("part").save(path)
      assert(statistics(read(path)).attributeStats.isEmpty)
      withSetting("spark.sql.cbo.enabled", "true") {
        val id = column(read(path), "id").get
        assert((id.min, id.max, id.nullCount) == ((Some(0L), Some(29999L), Some(BigInt(0)))))
        assert(id.distinctCount.exists(count => count > 22000 && count <= 30000))
        val few = column(read(path), "a b").get
        assert((few.min, few.max) == ((Some(0), Some(99))))
        assert(few.distinctCount.exists(count => count > 75 && count <= 100))
        assert(column(read(path), "price").flatMap(_.max).contains(Decimal("49.00")))
        val text = column(read(path), "s").get
        assert(text.min.isEmpty && text.distinctCount.exists(count => count > 150 && count < 250))
        val day = column(read(path), "day").get
        assert(day.nullCount.contains(BigInt(10000)) && day.distinctCount.contains(BigInt(10)))
        assert(column(read(path), "f").exists(_.max.isEmpty))
        assert(column(read(path), "many").isEmpty)
        val part = column(read(path), "part").get
        assert((part.min, part.max, part.distinctCount) == ((Some(0), Some(3), Some(BigInt(4)))))
        val filtered = column(read(path).where("id < 100 and part = 1"), "id").get
        assert(filtered.distinctCount.exists(_ <= 100))
        val wider = spark.read.format("ncf").schema("id bigint, part bigint, `a b` bigint")
          .load(path)
        assert(column(wider, "a b").flatMap(_.max).contains(99L))
      }
    }
  }

  test("joins of tables whose columns are known are reordered as those of analysed tables") {
    withPath { path =>
      spark.range(0, 200000, 1, 2).selectExpr("id", "id % 1000 k").write.format("ncf").save(path)
      spark.range(0, 1000, 1, 1).selectExpr("id k", "id % 10 g").write.format("ncf")
        .save(path + "-dim")
      withSetting("spark.sql.cbo.enabled", "true") {
        val join = read(path).join(read(path + "-dim").where("g = 3"), "k")
        val rows = join.queryExecution.optimizedPlan.stats.rowCount
        assert(join.count() == 20000)
        assert(rows.exists(count => count > 10000 && count < 40000), rows)
      }
    }
  }
}
