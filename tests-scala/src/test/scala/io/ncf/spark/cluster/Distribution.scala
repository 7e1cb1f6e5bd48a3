package io.ncf.spark.cluster

import java.io.File
import java.nio.file.{Files, Path}

import io.ncf.spark.Repository

/** A Spark distribution for one suite: the one in PySpark's wheel, seen through links, because Spark
  * writes below its home.
  *
  * @param home its `SPARK_HOME`
  */
final class Distribution private (home: Path, python: File) {

  private val environment = Map(
    "SPARK_HOME" -> home.toString,
    "SPARK_LOCAL_IP" -> "127.0.0.1",
    "JAVA_HOME" -> System.getProperty("java.home"),
    "PYSPARK_PYTHON" -> python.getPath
  )

  /** `spark-submit` with these arguments. */
  def submit(arguments: Seq[String]): Processes.Running =
    Processes.start(home.resolve("bin/spark-submit").toString +: arguments, environment)

  /** A Python program that is its own driver or a client. */
  def python(arguments: Seq[String]): Processes.Running =
    Processes.start(python.getPath +: arguments, environment)
}

object Distribution {

  /** Why tests are cancelled where no distribution is. */
  val Missing = "no Spark distribution: tools/test.sh scala-test installs it into .venv"

  private def wheel: Option[File] = sys.env.get("SPARK_HOME").map(new File(_)).filter(_.isDirectory)

  def isInstalled: Boolean = wheel.isDefined && Repository.python.isDefined

  /** Lays one out in `folder`. */
  def in(folder: Path): Option[Distribution] = for (from <- wheel; python <- Repository.python)
    yield {
      val home = Files.createDirectories(folder.resolve("spark"))
      Seq("bin", "jars", "python", "sbin").map(new File(from, _)).filter(_.exists).foreach { part =>
        Files.createSymbolicLink(home.resolve(part.getName), part.toPath)
      }
      new Distribution(home, python)
    }
}
