package io.ncf.spark

import java.io.File
import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._
import scala.reflect.ClassTag

import org.apache.spark.sql.{DataFrame, SparkSession}
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

/** A Spark session for a suite, and what suites share. */
abstract class SparkTestBase extends AnyFunSuite with BeforeAndAfterAll {

  /** What a suite sets besides. */
  protected def settings: Map[String, String] = Map.empty

  protected lazy val spark: SparkSession = SparkSession
    .builder()
    .master("local[2]")
    .appName(getClass.getSimpleName)
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.session.timeZone", "America/Los_Angeles")
    .config(settings)
    .getOrCreate()

  override protected def afterAll(): Unit = {
    spark.stop()
    SparkSession.clearActiveSession()
    SparkSession.clearDefaultSession()
    super.afterAll()
  }

  /** Runs `body` with the path of nothing, and deletes what it leaves there. */
  protected def withPath(body: String => Unit): Unit = {
    val folder = Files.createTempDirectory("ncf-test-")
    try body(folder.resolve("table").toString)
    finally delete(folder)
  }

  private def delete(path: Path): Unit = {
    val walk = Files.walk(path)
    try walk.sorted(java.util.Comparator.reverseOrder[Path]()).forEach { p => Files.delete(p); () }
    finally walk.close()
  }

  protected def read(path: String): DataFrame = spark.read.format("ncf").load(path)

  /** Same rows, each as often. */
  protected def assertSame(actual: DataFrame, expected: DataFrame): Unit = {
    assert(
      actual.schema.map(f => (f.name, f.dataType)) == expected.schema.map(f => (f.name, f.dataType))
    )
    assert(actual.exceptAll(expected).take(3).toSeq.isEmpty, "rows that should not be there")
    assert(expected.exceptAll(actual).take(3).toSeq.isEmpty, "rows that are missing")
  }

  /** The data files of a table. */
  protected def dataFiles(path: String): Seq[File] = files(path, ".*\\.ncf")

  /** The files of a table's log, oldest first. */
  protected def logFiles(path: String): Seq[File] =
    files(path + "/_ncf", "\\d{20}\\.json").sortBy(_.getName)

  private def files(folder: String, name: String): Seq[File] = {
    val walk = Files.walk(Path.of(folder))
    try walk.iterator().asScala.map(_.toFile).filter(_.getName.matches(name)).toList
    finally walk.close()
  }

  /** Runs `body`, which must fail, and answers the error of class `E` among its causes, with every
    * message from the top down to it.
    */
  protected def failure[E <: Throwable: ClassTag](body: => Any): String = {
    val top = intercept[Throwable](body)
    val chain = Iterator.iterate(top)(_.getCause).takeWhile(_ != null).take(20).toSeq
    val wanted = implicitly[ClassTag[E]].runtimeClass
    assert(chain.exists(wanted.isInstance), s"no ${wanted.getName} among $chain")
    chain.map(e => String.valueOf(e.getMessage)).mkString("\n")
  }
}
