package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation

import io.ncf.spark.read.NcfScan

/** A scan ends when it has as many rows as a limit asks for, with filters, too. */
class LimitSuite extends SparkTestBase {

  private def withTable(body: String => Unit): Unit = withPath { path =>
    spark.range(0, 400000, 1, 1).selectExpr("id", "cast(id as string) s").write.format("ncf")
      .option("blockRows", "20000").save(path)
    body(path)
  }

  private def limitOf(frame: DataFrame): Option[Int] =
    frame.queryExecution.optimizedPlan.collectFirst {
      case DataSourceV2ScanRelation(_, scan: NcfScan, _, _, _) => scan.limit
    }.flatten

  private def run(frame: DataFrame): (Seq[Long], Map[String, Long]) = {
    val rows = frame.collect().toSeq.map(_.getLong(0))
    val metrics = frame.queryExecution.executedPlan.collectLeaves().flatMap(_.metrics).toMap
    (rows, metrics.map { case (name, metric) => name -> metric.value })
  }

  test("a filter before a limit: no more pages than it takes") {
    withTable { path =>
      def few(options: Map[String, String]): DataFrame = spark.read.format("ncf").options(options)
        .load(path).where("s like '%77'").select("id").limit(5)
      assert(limitOf(few(Map.empty)).contains(5))
      val (rows, metrics) = run(few(Map.empty))
      assert(rows.distinct.size == 5 && rows.forall(_ % 100 == 77))
      // Of both columns of one block.
      assert(metrics("pagesRead") == 2 && metrics("rowsOut") == 5)
      val off = few(Map("pushdown.limit" -> "false"))
      assert(limitOf(off).isEmpty)
      val (others, unlimited) = run(off)
      assert(others.size == 5 && unlimited("pagesRead") > 10)
    }
  }

  test("a limit gives as many rows as there are, and no more") {
    withTable { path =>
      val filtered = read(path).where("s like '%777'").select("id")
      for (limit <- Seq(0, 1, 19, 399, 400, 401, 100000)) {
        val frame = filtered.limit(limit)
        val rows = run(frame)._1
        assert(rows.size == math.min(limit, 400) && rows.distinct.size == rows.size, limit)
        assert(filtered.limit(limit).count() == math.min(limit, 400))
      }
      assert(read(path).limit(250000).distinct().count() == 250000)
      val offset = read(path).where("id >= 100").limit(1000).offset(990).select("id")
      assert(run(offset)._1.size == 10)
      assert(read(path).where("id >= 100").offset(399890).count() == 10)
    }
  }

  test("without a filter only as many blocks are planned as hold enough rows") {
    withTable { path =>
      val (rows, metrics) = run(read(path).select("id").limit(50))
      assert(rows.size == 50)
      assert(metrics("pagesRead") == 1 && metrics("rowsOut") == 50)
    }
  }

  test("what is above a limit is not pushed below it") {
    withTable { path =>
      val above = read(path).limit(1000).where("id % 2 = 0").agg(Map("id" -> "count"))
      assert(above.head().getLong(0) == 500)
      val ordered = read(path).limit(1000).orderBy("s").limit(3)
      assert(run(ordered)._1.size == 3)
    }
  }
}
