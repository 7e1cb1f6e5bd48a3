package io.ncf.spark.cluster

import java.io.File
import java.lang.ProcessBuilder.Redirect
import java.lang.management.ManagementFactory
import java.nio.file.{Files, Path}
import java.util.concurrent.TimeUnit

import scala.jdk.CollectionConverters._

import org.scalatest.Assertions

import io.ncf.spark.Repository

/** Programs that tests start: Spark's own, the command line, and drivers that die. */
object Processes extends Assertions {

  /** How a program ended and what it said. */
  final case class Ended(status: Int, output: String)

  /** A program that runs. */
  final class Running(process: Process, log: Path) {

    def isAlive: Boolean = process.isAlive

    def output: String = Files.readString(log)

    /** Waits for its end, which a loaded machine may put off. */
    def await(): Ended = {
      val ended = process.waitFor(4, TimeUnit.MINUTES)
      if (!ended) stop()
      val said = output
      Files.delete(log)
      assert(ended, s"a program did not end; it said:\n$said")
      Ended(process.exitValue(), said)
    }

    /** Ends it and what it has started. */
    def stop(): Unit = {
      val all = process.descendants().iterator().asScala.toSeq :+ process.toHandle
      all.foreach(_.destroyForcibly())
      process.waitFor()
      ()
    }
  }

  def start(command: Seq[String], environment: Map[String, String] = Map.empty): Running = {
    val log = Files.createTempFile("ncf-process-", ".log")
    val builder = new ProcessBuilder(command.asJava)
      .redirectErrorStream(true)
      .redirectOutput(log.toFile)
      .redirectInput(Redirect.from(new File("/dev/null")))
    builder.environment().putAll(environment.asJava)
    new Running(builder.start(), log)
  }

  /** A property that the build sets: see `project/Forking.scala`. */
  private def artefact(name: String): File =
    new File(sys.props.getOrElse(s"ncf.test.$name", fail(s"-Dncf.test.$name is not set: run sbt")))

  /** The fat jar. */
  def jar: File = artefact("jar")

  /** The jar of the test classes. */
  def classes: File = artefact("classes")

  /** A class of the tests in a JVM like this one. */
  def startMain(main: String, arguments: Seq[String], properties: Map[String, String]): Running = {
    val options = ManagementFactory.getRuntimeMXBean.getInputArguments.asScala.toSeq
    val set = properties.map { case (key, value) => s"-D$key=$value" }.toSeq
    val java = s"${System.getProperty("java.home")}/bin/java"
    val path = Seq("-cp", System.getProperty("java.class.path"), main)
    start((java +: options) ++ ("-Xmx1g" +: set) ++ path ++ arguments)
  }

  /** Reads every byte of a local table: `ncf verify`. */
  def verify(table: String): Unit = {
    val Ended(status, output) = start(Seq(artefact("cli").getPath, "verify", table)).await()
    assert(status == 0, output)
  }

  private val log4j =
    s"-Dlog4j2.configurationFile=${Repository.root.resolve("tools/log4j2.properties")}"

  /** What every driver outside of this JVM is told. */
  val settings: Map[String, String] = Map(
    "spark.ui.enabled" -> "false",
    "spark.driver.host" -> "127.0.0.1",
    "spark.sql.shuffle.partitions" -> "2",
    "spark.executor.extraJavaOptions" -> log4j
  )

  /** Options of `spark-submit`: the fat jar, and `settings`. */
  def submitOptions(master: String, settings: Map[String, String]): Seq[String] =
    Seq("--master", master, "--jars", jar.getPath, "--driver-memory", "1g") ++
      Seq("--driver-java-options", log4j) ++
      settings.flatMap { case (key, value) => Seq("--conf", s"$key=$value") }
}
