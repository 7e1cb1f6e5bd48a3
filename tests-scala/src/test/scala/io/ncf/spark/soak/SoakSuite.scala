package io.ncf.spark.soak

import java.io.File
import java.lang.management.ManagementFactory

import scala.collection.mutable
import scala.jdk.CollectionConverters._
import scala.sys.process.{Process, ProcessLogger}

import org.scalatest.funsuite.AnyFunSuite

import io.ncf.jni.{BoundarySuite, JvmStorageSuite, NestedBoundarySuite}

/** Long use of one JVM, and the JVM's own checks of JNI: each in a JVM of its own, whose output is
  * looked at. `tools/soak.sh` makes it long; the default is short enough for CI.
  */
class SoakSuite extends AnyFunSuite {

  /** Scans of the long run. */
  private val scans = sys.env.get("NCF_SOAK_SCANS").fold(200)(_.toInt)

  /** What the JVM says when native code uses JNI in a wrong way. */
  private val warnings =
    Seq("WARNING in native method", "FATAL ERROR in native method", "exceeds capacity")

  /** Runs a class in a new JVM like this one; answers its status and its output. */
  private def java(options: Seq[String], mainClass: String, arguments: Seq[String]) = {
    val same = ManagementFactory.getRuntimeMXBean.getInputArguments.asScala.toSeq
      .filterNot(option => option.startsWith("-Xmx") || option.contains("UseParallelGC"))
    val program = new File(System.getProperty("java.home"), "bin/java").getPath
    val command = Seq(program) ++ same ++ options ++
      Seq("-cp", System.getProperty("java.class.path"), mainClass) ++ arguments
    val lines = mutable.Buffer.empty[String]
    val status = Process(command).!(ProcessLogger { line =>
      lines.synchronized {
        if (line.startsWith("soak: ")) println(line)
        lines += line
        ()
      }
    })
    (status, lines.toSeq)
  }

  /** What a failed run said: its own lines first, which a short excerpt of a log then shows. */
  private def said(lines: Seq[String]): String = {
    val own = lines.filter(_.startsWith("soak: ")).takeRight(4)
    (own ++ lines.takeRight(40)).mkString("\n")
  }

  private def assertSilent(lines: Seq[String]): Unit = {
    val warned = lines.zipWithIndex.filter { case (line, _) => warnings.exists(line.contains(_)) }
    // A warning is followed by the stack that it is about.
    val about = warned.map { case (_, at) => lines.slice(at, at + 12).mkString("\n") }
    assert(about.isEmpty, about.distinct.mkString("\n"))
  }

  // The heap is resident from the start, and little is compiled late: what grows then is native.
  private val options = Seq(
    "-Xcheck:jni",
    "-Xms512m",
    "-Xmx512m",
    "-XX:+AlwaysPreTouch",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1"
  )

  test("scans, queries and writes leave nothing behind") {
    val (status, lines) = java(options, "io.ncf.spark.soak.Soak", Seq(scans.toString))
    assert(status == 0, said(lines))
    assert(lines.contains("soak: nothing was kept"))
    assertSilent(lines)
  }

  test("the JVM finds no fault with any native call") {
    val suites = Seq(classOf[BoundarySuite], classOf[NestedBoundarySuite], classOf[JvmStorageSuite])
    val runner = Seq("-oW") ++ suites.flatMap(suite => Seq("-s", suite.getName))
    val (status, lines) = java(options, "org.scalatest.tools.Runner", runner)
    assert(status == 0, said(lines))
    assertSilent(lines)
  }
}
