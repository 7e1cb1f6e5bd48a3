package io.ncf.spark

import scala.util.Random

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.SimpleMode
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec

/** What planning leaves of blocks: few tasks for few rows, and the answers of Parquet. */
class RowRangesSuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  private val seed = System.nanoTime()
  private val total = 120000L

  private def scan(frame: DataFrame): BatchScanExec =
    collect(frame.queryExecution.executedPlan) { case scan: BatchScanExec => scan }.head

  private def planned(frame: DataFrame, name: String): Long =
    scan(frame).scan.reportDriverMetrics().find(_.name() == name).get.value()

  /** Sorted, nearly sorted, descending, with runs of nulls, and in no order. */
  private def source(tasks: Int): DataFrame = spark.range(0, total, 1, tasks).selectExpr(
    "id * 3 + id % 2 sorted",
    s"if(id % 5000 = 777, id - 40000, id) nearly",
    s"$total - id div 7 descending",
    "if(id div 3000 % 4 = 1, null, id div 2) holes",
    "concat('user-', lpad(string(id), 8, '0')) name",
    "hash(id) % 1000 v"
  )

  private def answer(frame: DataFrame): Seq[String] =
    frame.collect().toSeq.map(_.toString).sorted

  test("random look-ups and ranges answer as Parquet does") {
    withPath { path =>
      source(3).write.parquet(s"$path-parquet")
      val parquet = spark.read.parquet(s"$path-parquet")
      val random = new Random(seed)
      for (blockRows <- Seq("20000", "1000000")) {
        val table = s"$path-$blockRows"
        parquet.write.format("ncf").option("blockRows", blockRows).save(table)
        def number: Long = (random.nextDouble() * total).toLong
        def condition(): String = random.nextInt(9) match {
          case 0 => s"sorted = ${number * 3}"
          case 1 => s"nearly = $number"
          case 2 => s"descending BETWEEN ${total - number / 7} AND ${total - number / 9}"
          case 3 => s"holes <=> ${if (random.nextBoolean()) "null" else number / 2}"
          case 4 => s"name = 'user-${"%08d".format(number)}'"
          case 5 => s"sorted IN ($number, ${number * 2}, ${number * 3}, -1)"
          case 6 => s"(nearly < ${number / 50} OR holes > ${total / 2 - number / 50})"
          case 7 => s"NOT (sorted > ${number / 9} AND nearly <= ${total - number / 9})"
          case _ => s"name LIKE 'user-${"%08d".format(number).take(5)}%'"
        }
        for (_ <- 0 until 25) {
          val where = Seq.fill(1 + random.nextInt(2))(condition()).mkString(" AND ")
          withClue(s"$where, seed $seed: ") {
            val ours = read(table).where(where)
            assert(answer(ours) == answer(parquet.where(where)))
            val counted = "SELECT count(*), sum(v), min(name), max(holes) FROM t"
            def summed(frame: DataFrame) = {
              frame.where(where).createOrReplaceTempView("t")
              spark.sql(counted).head()
            }
            assert(summed(read(table)) == summed(parquet))
            val first = read(table).where(where).orderBy("v", "name").limit(5)
            assert(answer(first) == answer(parquet.where(where).orderBy("v", "name").limit(5)))
            assert(ours.limit(3).count() == math.min(3L, ours.count()))
          }
        }
      }
    }
  }

  test("a look-up in many files is one task, and few ranges of many blocks are few") {
    withPath { path =>
      // Keys of every file are spread over the whole range.
      for (part <- 0 until 6)
        spark.range(0, 150000, 1, 1).selectExpr(s"id * 6 + $part id", "hash(id) v")
          .write.format("ncf").mode("append").save(path)
      val one = read(path).where("id = 450005")
      assert(one.rdd.getNumPartitions == 1)
      assert(one.count() == 1)
      assert(planned(one, "filesPlanned") == 6)
      assert(planned(one, "blocksPlanned") == 6)
      assert(planned(one, "vectorsPlanned") <= 6 * 16)
      assert(planned(one, "vectorsPlanned") + planned(one, "vectorsPruned") == 6 * 147)
      assert(planned(one, "rowRuns") <= 6 * 2)
      // All rows of six blocks are for as many tasks as there are cores.
      assert(read(path).rdd.getNumPartitions == 2)
      assert(planned(one, "planningIndexBytes") > 0)
      val text = one.queryExecution.explainString(SimpleMode)
      for (name <- Seq("vectorsPlanned", "vectorsPruned", "rowRuns", "planningIndexBytes"))
        assert(text.contains(s"$name: ${planned(one, name)}"), text)
      assert(answer(one.select("id")) == Seq("[450005]"))
      assert(scan(one).metrics.contains("vectorsPruned"))
    }
  }

  test("versions, samples and streams read what they read before") {
    withPath { path =>
      source(1).write.format("ncf").save(path)
      source(1).selectExpr("sorted + 1000000 sorted", "nearly", "descending", "holes", "name", "v")
        .write.format("ncf").mode("append").save(path)
      val before = spark.read.format("ncf").option("versionAsOf", "0").load(path)
      assert(before.where("sorted > 1000").count() == source(1).where("sorted > 1000").count())
      val sampled = read(path).sample(0.1, 7)
      val (all, some) = (sampled.collect().toSet, sampled.where("sorted < 30000").collect().toSet)
      assert(some == all.filter(_.getLong(0) < 30000) && some.nonEmpty)
    }
  }
}
