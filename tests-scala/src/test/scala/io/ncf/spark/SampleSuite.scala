package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.Sample
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation
import org.apache.spark.sql.functions.{col, count, sum}

import io.ncf.spark.read.NcfScan

/** Samples that scans take: the same rows whatever the splits, before filters and aggregates. */
class SampleSuite extends SparkTestBase {

  private val rows = 400000

  private def withTable(body: String => Unit): Unit = withPath { path =>
    spark.range(0, rows.toLong, 1, 2).selectExpr("id", "id % 100 k", "cast(id as string) s")
      .write.format("ncf").option("blockRows", "20000").save(path)
    body(path)
  }

  private def isTaken(frame: DataFrame): Boolean = {
    val plan = frame.queryExecution.optimizedPlan
    val taken = plan.exists {
      case DataSourceV2ScanRelation(_, scan: NcfScan, _, _, _) => scan.sample.isDefined
      case _                                                   => false
    }
    assert(taken != plan.exists(_.isInstanceOf[Sample]), "neither lost nor taken twice")
    taken
  }

  private def ids(frame: DataFrame): Set[Long] = {
    val all = frame.select("id").collect().toSeq.map(_.getLong(0))
    assert(all.distinct.size == all.size)
    all.toSet
  }

  test("the share is right, and the rows follow from the seed, not from the splits") {
    withTable { path =>
      val sample = read(path).sample(0.1, 7L)
      assert(isTaken(sample))
      val taken = ids(sample)
      val partitions = sample.rdd.getNumPartitions
      // Five standard deviations.
      assert(math.abs(taken.size - rows / 10) < 950, taken.size)
      spark.conf.set("spark.sql.files.maxPartitionBytes", "20000")
      spark.conf.set("spark.sql.files.openCostInBytes", "0")
      try {
        val again = read(path).sample(0.1, 7L)
        assert(again.rdd.getNumPartitions > partitions)
        assert(ids(again) == taken)
      } finally {
        spark.conf.unset("spark.sql.files.maxPartitionBytes")
        spark.conf.unset("spark.sql.files.openCostInBytes")
      }
      assert(taken.subsetOf(ids(read(path).sample(0.3, 7L))), "the same points, more of them")
      val other = ids(read(path).sample(0.1, 8L))
      assert(math.abs((taken & other).size - rows / 100) < 320, "another seed is independent")
      assert(ids(read(path).sample(1.0, 7L)).size == rows)
      assert(ids(read(path).sample(0.0, 7L)).isEmpty)
    }
  }

  test("filters, aggregates, orders and limits see the sample only") {
    withTable { path =>
      def sample = read(path).sample(0.2, 3L)
      val taken = ids(sample)
      val filtered = sample.where("k < 10 and s like '%3%'")
      assert(isTaken(filtered))
      assert(ids(filtered) == taken.filter(id => id % 100 < 10 && id.toString.contains("3")))
      val counted = sample.agg(count("*"), sum("id"))
      assert(isTaken(counted))
      assert(counted.head().toSeq == Seq(taken.size.toLong, taken.sum))
      val groups = sample.where("id > 1000").groupBy("k").count()
      assert(isTaken(groups))
      val wanted = taken.filter(_ > 1000).groupBy(_ % 100).map { case (k, all) =>
        k -> all.size.toLong
      }
      val found = groups.collect().toSeq.map(row => row.getLong(0) -> row.getLong(1)).toMap
      assert(found == wanted)
      val last = sample.orderBy(col("id").desc).limit(20)
      assert(isTaken(last))
      assert(last.collect().toSeq.map(_.getLong(0)) == taken.toSeq.sorted.reverse.take(20))
      val some = sample.limit(1000)
      assert(isTaken(some) && ids(some).size == 1000 && ids(some).subsetOf(taken))
      val few = read(path).sample(0.0001, 3L)
      assert(few.limit(1000).count() == few.count())
      val joined = sample.join(sample.select(col("id"), col("k").as("other")), "id")
      assert(ids(joined) == taken)
    }
  }

  test("SQL") {
    withTable { path =>
      read(path).createOrReplaceTempView("t")
      val sql = "SELECT id FROM t TABLESAMPLE (10 PERCENT) REPEATABLE (7)"
      assert(isTaken(spark.sql(sql)))
      assert(ids(spark.sql(sql)) == ids(read(path).sample(0.1, 7L)))
      val plan = spark.sql(sql).queryExecution.executedPlan.toString
      assert(plan.contains("PushedSample: 0.0 to 0.1 SEED 7"), plan)
    }
  }

  test("pages without a row of the sample are not read") {
    withTable { path =>
      val few = read(path).sample(0.00001, 11L)
      val taken = ids(few)
      assert(taken.nonEmpty && taken.size < 20)
      val run = read(path).sample(0.00001, 11L)
      run.collect()
      val metrics = run.queryExecution.executedPlan.collectLeaves().flatMap(_.metrics).toMap
      assert(metrics("rowsOut").value == taken.size)
      // Three columns, and 20 pages of each.
      val pages = taken.map(_ / 20000).size * 3
      assert(metrics("pagesRead").value == pages && metrics("pagesPruned").value == 60 - pages)
    }
  }

  test("what stays with Spark, and the option") {
    withTable { path =>
      assert(!isTaken(read(path).sample(withReplacement = true, 0.1, 7L)))
      assert(!isTaken(read(path).where("k < 10").sample(0.1, 7L)))
      assert(!isTaken(read(path).groupBy("k").count().sample(0.1, 7L)))
      val off = spark.read.format("ncf").option("pushdown.sample", "false").load(path)
      assert(!isTaken(off.sample(0.1, 7L)))
      assert(math.abs(off.sample(0.1, 7L).count() - rows / 10) < 950)
      val parts = read(path).randomSplit(Array(0.2, 0.3, 0.5), 5L).toSeq
      val split = parts.map(ids)
      assert(split.map(_.size).sum == rows && split.reduce(_ ++ _).size == rows)
    }
  }
}
