package io.ncf.spark.cluster

import java.nio.file.Files

import org.apache.hadoop.fs.FileUtil
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

import io.ncf.spark.Repository

/** `spark-submit --jars`, as a user has it: executors are processes, and get the jar from the driver.
  */
class SubmitSuite extends AnyFunSuite with BeforeAndAfterAll {

  private lazy val folder = Files.createTempDirectory("ncf-submit-")
  private lazy val distribution = Distribution.in(folder)
  private val master = "local-cluster[2,1,1024]"

  override protected def afterAll(): Unit = { FileUtil.fullyDelete(folder.toFile); () }

  private def submit(arguments: String*): String = {
    val spark = distribution.getOrElse(cancel(Distribution.Missing))
    val options = Processes.submitOptions(master, Processes.settings)
    val Processes.Ended(status, output) = spark.submit(options ++ arguments).await()
    assert(status == 0, output)
    output
  }

  test("a job in Scala answers as it does on Parquet") {
    val main = Seq("--class", SubmittedJob.getClass.getName.stripSuffix("$"))
    val output = submit(main :+ Processes.classes.getPath :+ folder.resolve("scala").toString: _*)
    assert(output.contains("as Parquet"), output)
  }

  test("a job in Python, with a function in Python over a scan") {
    val script = Repository.root.resolve("tests-scala/src/test/python/submitted_job.py").toString
    val output = submit(script, folder.resolve("python").toString)
    assert(output.contains("as Parquet"), output)
  }
}
