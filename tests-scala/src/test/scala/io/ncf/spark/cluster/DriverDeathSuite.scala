package io.ncf.spark.cluster

import org.apache.spark.sql.DataFrame

import io.ncf.jni.NcfCommitStateUnknownException
import io.ncf.spark.storage.{FakeFileSystem, StoreFailure}

/** Drivers that die in a write: the table is as before it or as after it, and repeating the write
  * makes it as after it, whatever had happened. What abort may delete is never part of the table.
  */
class DriverDeathSuite extends ClusterTestBase {

  private val store: Map[String, String] = Map(
    "spark.hadoop.fs.fake.impl" -> classOf[FakeFileSystem].getName,
    "spark.hadoop.ncf.commit.fake" -> "rename"
  )

  override protected def settings: Map[String, String] = store

  private val before = (0L, 100L)

  /** Runs `body` with the URL and the path of a table of the rows `before`. */
  private def withTable(body: (String, String) => Unit): Unit = withPath { path =>
    FakeFileSystem.reset()
    val url = s"fake://store$path"
    try {
      numbers(before._1, before._2).write.format("ncf").save(url)
      body(url, path)
    } finally FakeFileSystem.reset()
  }

  private val newRows: () => DataFrame = () => numbers(DyingDriver.first, DyingDriver.last)

  private def rows(committed: Boolean): DataFrame = {
    val old = numbers(before._1, before._2)
    if (committed) old.union(newRows()) else old
  }

  /** The write of the driver that died, once more. */
  private def repeat(url: String): Unit =
    newRows().write.format("ncf").mode("append").options(DyingDriver.transaction).save(url)

  private def assertIs(path: String, committed: Boolean): Unit = {
    assertSame(read(path), rows(committed))
    assertSame(spark.read.format("ncf").option("versionAsOf", "0").load(path), rows(false))
    Processes.verify(path)
  }

  /** Executors live on where the driver dies while they work. */
  private def master(point: String): Map[String, String] =
    if (point == DyingDriver.InTask) clusterSettings
    else Processes.settings + ("spark.master" -> "local[2]")

  for ((point, committed) <- DyingDriver.points) test(s"a driver that dies $point") {
    withTable { (url, path) =>
      val main = DyingDriver.getClass.getName.stripSuffix("$")
      val driver = Processes.startMain(main, Seq(point, url), master(point) ++ store)
      val Processes.Ended(status, output) = driver.await()
      // 128 + SIGKILL, by which a task ends its driver.
      assert(status == (if (point == DyingDriver.InTask) 137 else DyingDriver.Status), output)
      assertIs(path, committed)
      repeat(url)
      assertIs(path, committed = true)
      repeat(url)
      assertIs(path, committed = true)
    }
  }

  test("a commit that throws after it has succeeded deletes nothing") {
    withTable { (url, path) =>
      // The answer is lost, and nobody can look whether the record is there.
      @volatile var broken = false
      def lost(): Unit = if (broken) throw new StoreFailure("connection reset")
      FakeFileSystem.afterRename = _ => { broken = true; lost() }
      FakeFileSystem.onStatus = _ => lost()
      FakeFileSystem.onOpen = _ => lost()
      assert(failure[NcfCommitStateUnknownException](repeat(url)).contains("connection reset"))
      FakeFileSystem.reset()
      assertIs(path, committed = true)
      assert(orphans(path) == 0)
      repeat(url)
      assertIs(path, committed = true)
      assert(orphans(path) == 0)
    }
  }
}
