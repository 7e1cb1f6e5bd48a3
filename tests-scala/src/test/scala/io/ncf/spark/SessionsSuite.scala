package io.ncf.spark

import java.util.concurrent.{Callable, Executors}

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.SparkSession

import io.ncf.jni.NcfUnsupportedException
import io.ncf.spark.storage.FakeFileSystem

/** Sessions of one application, each with settings of its own. */
class SessionsSuite extends SparkTestBase {

  private val rows = 10000L

  private def session(options: (String, String)*): SparkSession = {
    val made = spark.newSession()
    options.foreach { case (key, value) => made.conf.set(key, value) }
    made
  }

  private def save(session: SparkSession, path: String): Unit =
    session.range(0, rows, 1, 1).toDF("a").write.format("ncf").mode("append").save(path)

  /** Blocks of the table, as its scan says. */
  private def blocks(session: SparkSession, path: String): Int = {
    val plan = session.read.format("ncf").load(path).queryExecution.executedPlan.toString
    "blocksPlanned: (\\d+)".r.findFirstMatchIn(plan).get.group(1).toInt
  }

  test("writes and reads at the same time, each by the options of its session") {
    val sizes = Seq(1000L, 5000L)
    val sessions = sizes.map(size => session("spark.datasource.ncf.blockRows" -> size.toString))
    val pool = Executors.newFixedThreadPool(2)
    try {
      val work = sessions.zip(sizes).map { case (session, size) =>
        (
            () =>
              for (_ <- 0 until 2) withPath { path =>
                save(session, path)
                assert(blocks(session, path) == rows / size)
                assert(session.read.format("ncf").load(path).where("a < 10").count() == 10)
              }
        ): Callable[Unit]
      }
      pool.invokeAll(work.asJava).asScala.foreach(_.get())
    } finally pool.shutdown()
  }

  test("a version that one session is set to, and names in upper and lower case") {
    withPath { path =>
      save(spark, path)
      save(spark, path)
      val past = session(
        "spark.datasource.ncf.versionAsOf" -> "0",
        "spark.sql.caseSensitive" -> "true"
      )
      val present = session()
      for (_ <- 0 until 2) {
        assert(past.read.format("ncf").load(path).count() == rows)
        assert(present.read.format("ncf").load(path).count() == 2 * rows)
        assert(present.read.format("ncf").load(path).where("A = 5").count() == 2)
        intercept[Exception](past.read.format("ncf").load(path).where("A = 5").count())
      }
    }
  }

  test("a file system that one session knows") {
    withPath { path =>
      val url = s"known://store$path"
      val knows = session(
        "fs.known.impl" -> classOf[KnownFileSystem].getName,
        "ncf.commit.known" -> "rename"
      )
      // Hadoop remembers a file system that it has opened, for all: so those who do not know it first.
      for (other <- Seq(spark, session())) {
        assert(failure[NcfUnsupportedException](other.read.format("ncf").load(url)).contains(url))
        assert(failure[NcfUnsupportedException](save(other, url)).contains(url))
      }
      save(knows, url)
      assert(knows.read.format("ncf").load(url).count() == rows)
    }
  }
}

/** Of a scheme that no other suite uses: Hadoop remembers opened ones for the whole process. */
class KnownFileSystem extends FakeFileSystem {
  override def getScheme: String = "known"
}
