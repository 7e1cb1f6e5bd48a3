package io.ncf.spark

import java.io.File
import java.nio.file.{Files, Path}

import scala.concurrent.duration.DurationInt
import scala.jdk.CollectionConverters._
import scala.reflect.ClassTag

import org.apache.spark.sql.types.DataType
import org.apache.spark.sql.{DataFrame, Row, SparkSession}
import org.apache.spark.unsafe.types.VariantVal
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

/** A Spark session for a suite, and what suites share. */
abstract class SparkTestBase extends AnyFunSuite with BeforeAndAfterAll {

  /** What a suite sets besides. */
  protected def settings: Map[String, String] = Map.empty

  private var started = Option.empty[SparkSession]

  protected lazy val spark: SparkSession = {
    started = Some(
      SparkSession
        .builder()
        .master("local[2]")
        .appName(getClass.getSimpleName)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "America/Los_Angeles")
        .config(settings)
        .getOrCreate()
    )
    started.get
  }

  override protected def afterAll(): Unit = {
    started.foreach(_.stop())
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

  /** Runs `body`, and drops the table of this name that it leaves. */
  protected def withNamedTable(name: String)(body: => Unit): Unit =
    try body
    finally { spark.sql(s"DROP TABLE IF EXISTS $name"); () }

  /** Runs `body` with a setting of the session. */
  protected def withConf(key: String, value: String)(body: => Unit): Unit = {
    spark.conf.set(key, value)
    try body
    finally spark.conf.unset(key)
  }

  private def delete(path: Path): Unit = {
    val walk = Files.walk(path)
    try walk.sorted(java.util.Comparator.reverseOrder[Path]()).forEach { p =>
        Files.deleteIfExists(p); ()
      }
    finally walk.close()
  }

  protected def read(path: String): DataFrame = spark.read.format("ncf").load(path)

  /** Same names and types; what is read back may be null everywhere. */
  private def assertSameTypes(actual: DataFrame, expected: DataFrame): Unit = {
    def types(frame: DataFrame): Seq[(String, DataType)] =
      SchemaConverter.nullable(frame.schema).map(field => (field.name, field.dataType))
    assert(types(actual) == types(expected))
  }

  /** Same rows, each as often. */
  protected def assertSame(actual: DataFrame, expected: DataFrame): Unit = {
    assertSameTypes(actual, expected)
    assert(actual.exceptAll(expected).take(3).toSeq.isEmpty, "rows that should not be there")
    assert(expected.exceptAll(actual).take(3).toSeq.isEmpty, "rows that are missing")
  }

  /** Same rows, each as often, of any type: of values that Spark cannot compare, too. */
  protected def assertSameRows(actual: DataFrame, expected: DataFrame): Unit = {
    assertSameTypes(actual, expected)
    def counted(frame: DataFrame): Map[Any, Int] =
      frame.collect().toSeq.map(plain).groupBy(identity).map { case (row, all) => row -> all.size }
    val (have, wanted) = (counted(actual), counted(expected))
    assert((have.toSet -- wanted.toSet).take(3).isEmpty, "rows that should not be there")
    assert((wanted.toSet -- have.toSet).take(3).isEmpty, "rows that are missing")
  }

  /** A value in a form that equals another exactly when both are the same. */
  protected def plain(value: Any): Any = value match {
    case row: Row            => row.toSeq.map(plain)
    case map: Map[_, _]      => map.toSeq.map { case (k, v) => (plain(k), plain(v)) }.toSet
    case many: Iterable[_]   => many.toSeq.map(plain)
    case bytes: Array[Byte]  => bytes.toSeq
    case number: Double      => ("double", java.lang.Double.doubleToRawLongBits(number))
    case number: Float       => ("float", java.lang.Float.floatToRawIntBits(number))
    case variant: VariantVal => (variant.getValue.toSeq, variant.getMetadata.toSeq)
    case other               => other
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

  /** Waits for what another thread or process brings about. */
  protected def eventually(otherwise: => String)(holds: => Boolean): Unit = {
    val deadline = 60.seconds.fromNow
    while (!holds && deadline.hasTimeLeft()) Thread.sleep(20)
    assert(holds, otherwise)
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
