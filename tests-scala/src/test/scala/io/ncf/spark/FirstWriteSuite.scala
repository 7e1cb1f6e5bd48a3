package io.ncf.spark

import java.io.File
import java.nio.file.{Files, Path}
import java.util.concurrent.{ConcurrentHashMap, CountDownLatch, TimeUnit}

import scala.concurrent.ExecutionContext.Implicits.global
import scala.concurrent.duration._
import scala.concurrent.{Await, Future}
import scala.util.Try

import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.functions.{col, udf}
import org.apache.spark.sql.{AnalysisException, DataFrame}

import io.ncf.jni.{NcfConflictException, NcfInvalidArgumentException}

/** Stops a task in the middle, in the JVM that all share in local mode. */
private object Gates {

  final class Gate {
    val reached = new CountDownLatch(1)
    val opened = new CountDownLatch(1)
  }

  private val gates = new ConcurrentHashMap[String, Gate]

  def gate(name: String): Gate = gates.computeIfAbsent(name, _ => new Gate)

  def pass(name: String): Unit = {
    gate(name).reached.countDown()
    gate(name).opened.await(60, TimeUnit.SECONDS)
    ()
  }
}

/** What happens on a path before, while and after it becomes a table. */
class FirstWriteSuite extends SparkTestBase {

  private def rows(count: Long): DataFrame = spark.range(0, count, 1, 1).toDF("a")

  private def append(path: String, count: Long): Unit =
    rows(count).write.format("ncf").mode("append").save(path)

  /** Starts a write of 100 rows by two tasks, runs `body` when one task has finished its file and
    * the other has not, lets the write go on and answers how it ended.
    */
  private def during(path: String, mode: String)(body: => Unit): Try[Unit] = {
    val before = if (new File(path).exists()) dataFiles(path).size else 0
    val name = path
    val hold = udf { (a: Long) => if (a == 50) Gates.pass(name); a }
    val write = Future {
      spark.range(0, 100, 1, 2).select(hold(col("id")) as "a").write
        .format("ncf").mode(mode).save(path)
    }
    try {
      assert(Gates.gate(name).reached.await(60, TimeUnit.SECONDS))
      val deadline = System.nanoTime() + 20_000_000_000L
      while (Try(dataFiles(path).size).getOrElse(0) <= before && System.nanoTime() < deadline)
        Thread.sleep(50)
      Thread.sleep(500)
      body
    } finally Gates.gate(name).opened.countDown()
    Try(Await.result(write, 60.seconds))
  }

  test("rows of a first write cannot be read before its commit") {
    withPath { path =>
      val end = during(path, "append") {
        assert(dataFiles(path).nonEmpty)
        assert(failure[AnalysisException](read(path)).contains("Unable to infer schema"))
      }
      assert(end.isSuccess)
      assert(read(path).count() == 100)
    }
  }

  /** A bare directory with one file of 7 rows. */
  private def bareDirectory(path: String): Unit = {
    append(path + "-source", 7)
    Files.createDirectories(Path.of(path))
    Files.copy(dataFiles(path + "-source").head.toPath, Path.of(path, "old.ncf"))
    ()
  }

  test("a bare directory that is overwritten has its old rows until the commit") {
    withPath { path =>
      bareDirectory(path)
      val end = during(path, "overwrite")(assert(read(path).count() == 7))
      assert(end.isSuccess)
      assert(read(path).count() == 100)
    }
  }

  test("two first writes at once: appends add up, overwrite replaces, others lose") {
    withPath { path =>
      assert(during(path, "append")(append(path, 10)).isSuccess)
      assert(read(path).count() == 110)
    }
    withPath { path =>
      assert(during(path, "overwrite")(append(path, 10)).isSuccess)
      assert(read(path).count() == 100)
    }
    withPath { path =>
      assert(during(path, "ignore")(append(path, 10)).isSuccess)
      assert(read(path).count() == 10)
      assert(dataFiles(path).size == 1)
    }
    withPath { path =>
      val end = during(path, "errorifexists")(append(path, 10))
      failure[NcfConflictException](end.get)
      assert(read(path).count() == 10)
    }
  }

  test("a failed first write leaves a path that counts as new") {
    withPath { path =>
      failure[Exception](rows(9).selectExpr("if(a = 8, raise_error('boom'), a) a").write
        .format("ncf").save(path))
      rows(9).write.format("ncf").save(path)
      assert(read(path).count() == 9)
    }
  }

  test("the default mode leaves directories of other files alone") {
    withPath { path =>
      Files.createDirectories(Path.of(path, "sub"))
      Files.writeString(Path.of(path, "sub", "report.csv"), "a,b")
      val message = failure[AnalysisException](rows(9).write.format("ncf").save(path))
      assert(message.contains("already exists") && message.contains(path))
      rows(9).write.format("ncf").mode("ignore").save(path)
      assert(!new File(path, "_ncf").exists())
      append(path, 9)
      assert(read(path).count() == 9)
    }
  }

  test("empty directories and hidden files do not count as data") {
    withPath { path =>
      Files.createDirectories(Path.of(path, "sub"))
      Files.writeString(Path.of(path, "_SUCCESS"), "")
      Files.writeString(Path.of(path, ".hidden"), "")
      rows(9).write.format("ncf").save(path)
      assert(read(path).count() == 9)
    }
  }

  test("a transaction that is repeated leaves no files") {
    withPath { path =>
      for (_ <- 0 until 2) rows(9).write.format("ncf").mode("append")
        .option("txnAppId", "nightly").option("txnVersion", "1").save(path)
      assert(dataFiles(path).size == 1)
      assert(read(path).count() == 9)
    }
  }

  test("Spark's output metrics know the bytes of unpartitioned writes") {
    withPath { path =>
      @volatile var bytes = 0L
      val listener = new SparkListener {
        override def onTaskEnd(end: SparkListenerTaskEnd): Unit =
          bytes += end.taskMetrics.outputMetrics.bytesWritten
      }
      spark.sparkContext.addSparkListener(listener)
      try {
        append(path, 10000)
        val deadline = System.nanoTime() + 10_000_000_000L
        while (bytes == 0 && System.nanoTime() < deadline) Thread.sleep(20)
      } finally spark.sparkContext.removeSparkListener(listener)
      assert(bytes == dataFiles(path).map(_.length()).sum)
    }
  }

  test("cached frames do not survive a write that changes the schema") {
    withPath { path =>
      append(path, 10)
      val cached = read(path).cache()
      assert(cached.count() == 10)
      spark.range(3).selectExpr("id x", "id y").write.format("ncf").mode("overwrite").save(path)
      assert(cached.count() == 3)
      assert(read(path).count() == 3)
    }
  }

  test("a cached frame that cannot be refreshed fails no write") {
    withPath { path =>
      val other = path + "-other"
      append(path, 10)
      append(other, 10)
      val cached = read(path).join(read(other), "a").cache()
      assert(cached.count() == 10)
      Files.move(Path.of(other), Path.of(other + "-gone"))
      append(path, 10)
      assert(read(path).count() == 20)
      cached.unpersist()
    }
  }

  test("partition values that are not UTF-8 are refused") {
    withPath { path =>
      val odd = spark.range(3).selectExpr("id v", "cast(X'61ff' as string) p")
      val message = failure[Exception](odd.write.format("ncf").partitionBy("p").save(path))
      assert(message.contains("column p") && message.contains("not UTF-8"))
    }
  }

  test("wide decimals of every size and sign") {
    withPath { path =>
      val source = spark.sql(
        "SELECT cast(v as decimal(38, 0)) v FROM VALUES ('0'), ('-1'), ('1'), ('127'), ('128'), " +
          "('-128'), ('-129'), ('18446744073709551615'), ('18446744073709551616'), " +
          "('-18446744073709551617'), (repeat('9', 38)), ('-' || repeat('9', 38)), (null) t(v)"
      )
      source.write.format("ncf").save(path)
      assertSame(read(path), source)
    }
  }

  test("filterColumns leave out the blocks that hold none of the values") {
    withPath { path =>
      // Every block has ids from nearly the whole range.
      val source = spark.range(0, 200000, 1, 1)
        .selectExpr("(id * 7919) % 200003 AS id", "cast((id * 104729) % 200003 as string) AS name")
      source.write.format("ncf").option("blockRows", 8192).option("filterColumns", "ID,name")
        .save(path)
      for (condition <- Seq("id = 4711", "name = '815'", "id IN (3, 5)", "id = -1", "name = 'x'")) {
        val found = read(path).where(condition)
        assertSame(found, source.where(condition))
        val scan = found.queryExecution.executedPlan.collectLeaves().collectFirst {
          case scan: BatchScanExec => scan.scan
        }
        val planned = scan.get.reportDriverMetrics().filter(_.name() == "blocksPlanned").head
        // One block for each value, and seldom one in which there is none after all.
        assert(planned.value() <= 4, condition)
      }
    }
  }

  test("what cannot have a filter names the option and lists the columns, before any task starts") {
    withPath { path =>
      val rows = spark.range(0, 10, 1, 1).selectExpr(
        "cast(assert_true(false, 'a task has started') as string) s",
        "id `a, b`",
        "id > 1 b",
        "array(id) l",
        "'x' collate utf8_lcase c",
        "id p"
      )
      def message(columns: String): String = failure[NcfInvalidArgumentException](
        rows.write.format("ncf").partitionBy("p").option("filterColumns", columns).save(path)
      )
      for (
        columns <- Seq("nix", "s, nix", "a", "s desc nulls last", "s desc", "b", "l", "c", "P")
      ) {
        val said = message(columns)
        assert(said.contains("option filterColumns names the column "), columns)
        assert(said.contains("the columns are s, a, b, b, l, c, p"), columns)
      }
      for (columns <- Seq("", " ", ",", "s,,l", "`s", "s`", "``"))
        assert(message(columns).contains(s"option filterColumns cannot be '$columns'"), columns)
      assert(!new File(path).exists())
    }
  }

  test("names of filterColumns may hold anything") {
    withPath { path =>
      val source = spark.range(0, 20000, 1, 1)
        .selectExpr("id * 7919 % 20011 `a, b``c desc`", "string(id * 31 % 20011) d")
      source.write.format("ncf").option("blockRows", 8192)
        .option("filterColumns", "D, `a, b``c desc`").save(path)
      val found = read(path).where("`a, b``c desc` = -1 OR `a, b``c desc` = 7919")
      assertSame(found, source.where("`a, b``c desc` = 7919"))
    }
  }
}
