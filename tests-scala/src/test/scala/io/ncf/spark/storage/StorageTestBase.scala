package io.ncf.spark.storage

import java.util.concurrent.{Callable, Executors, TimeUnit}

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.DataFrame

import io.ncf.jni.Native
import io.ncf.spark.SparkTestBase

/** What is expected of a table on every store. */
abstract class StorageTestBase extends SparkTestBase {

  /** Runs `body` with the URL of nothing. */
  protected def withUrl(body: String => Unit): Unit

  protected def numbers(from: Int, to: Int): DataFrame =
    spark.range(from.toLong, to.toLong, 1, 2).selectExpr("id a", "cast(id as string) s")

  protected def append(rows: DataFrame, url: String): Unit =
    rows.write.format("ncf").mode("append").save(url)

  /** Runs all of `bodies` at the same time. */
  protected def together(bodies: Seq[() => Unit]): Unit = {
    val pool = Executors.newFixedThreadPool(bodies.size)
    try {
      val calls = bodies.map(body => (() => body()): Callable[Unit])
      pool.invokeAll(calls.asJava).asScala.foreach(_.get())
    } finally {
      pool.shutdown()
      pool.awaitTermination(1, TimeUnit.MINUTES)
      ()
    }
  }

  test("every save mode") {
    withUrl { url =>
      for (mode <- Seq("errorifexists", "append", "overwrite", "ignore")) {
        numbers(0, 10).write.format("ncf").mode(mode).save(s"$url/$mode")
        assertSame(read(s"$url/$mode"), numbers(0, 10))
      }
      val table = s"$url/append"
      append(numbers(10, 20), table)
      assertSame(read(table), numbers(0, 20))
      numbers(3, 4).write.format("ncf").mode("ignore").save(table)
      assert(failure[Exception](numbers(3, 4).write.format("ncf").save(table)).contains(table))
      numbers(5, 7).write.format("ncf").mode("overwrite").save(table)
      assertSame(read(table), numbers(5, 7))
      assertSame(spark.read.format("ncf").option("versionAsOf", "0").load(table), numbers(0, 10))
      assert(Native.liveHandles() == 0)
    }
  }

  test("partitions are written, pruned, and found again in a directory without a log") {
    withUrl { url =>
      val rows =
        spark.range(0, 1000, 1, 2).selectExpr("id a", "id % 3 p", "concat('ä=/', id % 2) q")
      rows.write.format("ncf").partitionBy("p", "q").save(url)
      assertSame(read(url), rows)
      assertSame(read(url).where("p = 1 and q = 'ä=/0'"), rows.where("p = 1 and q = 'ä=/0'"))
      val bag = read(s"$url/data")
      assert(bag.columns.toSeq == Seq("a", "p", "q"))
      assertSame(bag.selectExpr("a", "cast(p as bigint) p", "q"), rows)
    }
  }

  test("appends at the same time lose nothing") {
    withUrl { url =>
      numbers(0, 0).write.format("ncf").save(url)
      val (threads, each) = (4, 4)
      together((0 until threads).map { thread => () =>
        (0 until each).foreach { round =>
          val from = (thread * each + round) * 10
          append(numbers(from, from + 10), url)
        }
      })
      assertSame(read(url), numbers(0, threads * each * 10))
    }
  }

  test("a join is planned by the rows that pass, and its keys filter the larger side") {
    withUrl { url =>
      numbers(0, 100000).write.format("ncf").option("blockRows", "8192").save(s"$url/large")
      numbers(500, 600).selectExpr("a", "a % 10 k").write.format("ncf").save(s"$url/small")
      val (large, small) = (read(s"$url/large").where("s like '%7'"), read(s"$url/small"))
      val join = large.join(small.where("k > 3"), "a")
      assert(join.count() == 10)
      assert(join.queryExecution.executedPlan.toString.contains("dynamicpruning"))
    }
  }

  test("a path that is not there") {
    withUrl(url => assert(failure[Exception](read(url)).contains(url)))
  }
}
