package io.ncf.spark

import org.apache.spark.memory.{MemoryConsumer, MemoryMode, TaskMemoryManager}
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.{DataFrame, Row}
import org.apache.spark.{SparkEnv, TaskContext}

import io.ncf.jni.{BatchBuilder, Native, NcfLimitExceededException}

/** Native memory where Spark manages it, and where it does not. */
class MemorySuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  private val mebibyte = 1L << 20

  override protected def settings: Map[String, String] = Map(
    "spark.memory.offHeap.enabled" -> "true",
    "spark.memory.offHeap.size" -> "64m",
    // A task that ends without having given back its memory fails.
    "spark.unsafe.exceptionOnMemoryLeak" -> "true"
  )

  private def rows(count: Int): DataFrame =
    spark.range(0, count.toLong, 1, 1).selectExpr("id a", "sha2(string(id), 256) s")

  private def save(frame: DataFrame, path: String): Unit = frame.write.format("ncf").save(path)

  private def check(path: String, count: Int): Unit = {
    val found = read(path).selectExpr("sum(a)", "count(distinct s)").head()
    assert(found == Row(count * (count - 1L) / 2, count.toLong))
  }

  private def blocks(path: String): Long = {
    val scan = collectFirst(read(path).queryExecution.executedPlan) { case s: BatchScanExec => s }
    val planned = scan.get.scan.reportDriverMetrics().filter(_.name() == "blocksPlanned")
    planned.head.value()
  }

  /** Everything that tasks have acquired of Spark off the heap. */
  private def usedByTasks: Long = {
    val manager = classOf[SparkEnv].getMethod("memoryManager").invoke(SparkEnv.get)
    val used = Class.forName("org.apache.spark.memory.MemoryManager")
      .getMethod("executionMemoryUsed").invoke(manager)
    used.asInstanceOf[Long]
  }

  private def assertNothingHeld(): Unit = {
    assert(usedByTasks == 0)
    assert(Native.liveHandles() == 0)
    assert(BatchBuilder.liveBytes() == 0)
  }

  test("the memory of a scan is part of its task's, and goes with the scan") {
    withPath { path =>
      save(rows(100000), path)
      val held = read(path).rdd.mapPartitions { rows =>
        assert(rows.hasNext)
        val during = TaskMemoryOfTest.used()
        rows.foreach(_ => ())
        Iterator((during, TaskMemoryOfTest.used()))
      }.collect()
      assert(held.forall(_._1 >= mebibyte), held.toSeq)
      assert(held.forall(_._2 == 0), held.toSeq)
      assertNothingHeld()
    }
  }

  test("a limit, a failure and a scan that is not read to its end give everything back") {
    withPath { path =>
      save(rows(100000), path)
      assert(read(path).limit(3).collect().length == 3)
      assert(read(path).rdd.mapPartitions(rows => rows.take(1)).collect().length == 1)
      failure[ArithmeticException](read(path).selectExpr("sum(1 / (a - 70000))").collect())
      assertNothingHeld()
    }
  }

  test("a scan that is granted too little says what to do") {
    withPath { path =>
      save(rows(100000), path)
      val message = failure[NcfLimitExceededException](
        read(path).rdd.mapPartitions { rows =>
          TaskMemoryOfTest.takeAll()
          rows
        }.count()
      )
      assert(message.contains("the scan holds") && message.contains("spark.memory.offHeap.size"))
      assert(message.contains(".ncf"), message)
      assertNothingHeld()
      check(path, 100000)
    }
  }

  test("a writer that is granted less ends its blocks early") {
    withPath { path =>
      // 80 bytes a row: one block of them would take more than the 64 MiB that there are.
      val count = 600000
      save(rows(count), path)
      assert(blocks(path) >= 2)
      check(path, count)
      assertNothingHeld()
    }
  }

  test("a writer that is granted nothing says what to do, and leaves no file") {
    withPath { path =>
      val hungry = spark.createDataFrame(
        rows(50000).rdd.mapPartitions { rows =>
          TaskMemoryOfTest.takeAll()
          rows
        },
        rows(1).schema
      )
      val message = failure[NcfLimitExceededException](save(hungry, path))
      assert(message.contains("spark.memory.offHeap.size"), message)
      assert(dataFiles(path).isEmpty)
      assertNothingHeld()
    }
  }

  test("memoryLimit holds without Spark's memory, for scans and for writers") {
    withPath { path =>
      def limited(bytes: Long) =
        rows(200000).write.format("ncf").mode("overwrite").option("memoryLimit", bytes.toString)
      limited(16 * mebibyte).save(path)
      val cut = blocks(path)
      assert(cut >= 2)
      check(path, 200000)
      val none = failure[NcfLimitExceededException](limited(1000).save(path))
      assert(none.contains("the writer") && none.contains("memoryLimit is 1000"))
      assert(blocks(path) == cut)
      val scan = failure[NcfLimitExceededException](
        spark.read.format("ncf").option("memoryLimit", "500000").load(path).collect()
      )
      assert(scan.contains("the scan") && scan.contains("memoryLimit is 500000"))
      assertNothingHeld()
    }
  }

  /** `tools/campaign.sh` makes it ten millions. */
  private val groups = sys.env.get("NCF_GROUPS").fold(500000)(_.toInt)

  test(s"$groups groups take no more memory than a few, and come out right") {
    withPath { path =>
      // Two rows a group, far apart, so that most groups come twice out of a scan.
      val mixed = s"id * 7919L % $groups"
      spark.range(0, 2L * groups, 1, 2)
        .selectExpr(
          s"$mixed k",
          "id v",
          s"concat('group ', $mixed) s"
        ).write.format("ncf").save(path)
      val frame =
        spark.read.format("ncf").option("memoryLimit", (32 * mebibyte).toString).load(path)
      for (key <- Seq("k", "s")) {
        val grouped = frame.groupBy(key).agg("v" -> "sum", "v" -> "max", "*" -> "count")
        assert(PushedPlans.aggregates(grouped), key)
        val all = grouped.toDF(key, "sum", "max", "n")
          .selectExpr("count(*)", "sum(sum)", "max(max)", "min(n)", "max(n)")
        val rows = 2L * groups
        assert(
          all.collect().toSeq == Seq(Row(groups.toLong, rows * (rows - 1) / 2, rows - 1, 2L, 2L)),
          key
        )
        val scan = collectFirst(all.queryExecution.executedPlan) { case s: BatchScanExec => s }
        val peak = scan.get.metrics("peakMemory").value
        // The sum over the tasks.
        val tasks = scan.get.inputRDD.getNumPartitions
        assert(peak >= mebibyte && peak <= tasks * 32L * mebibyte, s"$key: $peak of $tasks")
      }
      assertNothingHeld()
    }
  }

  test("the peak of a task's scans is a metric") {
    withPath { path =>
      save(rows(100000), path)
      val frame = read(path)
      frame.collect()
      val scan = collectFirst(frame.queryExecution.executedPlan) { case s: BatchScanExec => s }
      assert(scan.get.metrics("peakMemory").value >= mebibyte)
    }
  }
}

/** Memory of the task that runs a function of a test. */
private object TaskMemoryOfTest {

  private def manager: TaskMemoryManager =
    classOf[TaskContext].getMethod("taskMemoryManager").invoke(TaskContext.get())
      .asInstanceOf[TaskMemoryManager]

  def used(): Long = manager.getMemoryConsumptionForThisTask

  /** Leaves nothing to other consumers until the task ends. */
  def takeAll(): Unit = {
    val hog = new Hog(manager)
    while (hog.acquireMemory(1L << 16) > 0) ()
    TaskContext.get().addTaskCompletionListener[Unit](_ => hog.freeMemory(hog.getUsed))
    ()
  }

  private final class Hog(manager: TaskMemoryManager)
      extends MemoryConsumer(manager, MemoryMode.OFF_HEAP) {
    override def spill(size: Long, trigger: MemoryConsumer): Long = 0
  }
}
