import sbt.Keys._
import sbt._

/** What every JVM that runs Spark is started with. */
object Forking {

  /** The packages that Spark reaches into: the list that Spark's own launcher passes on Java 17. */
  private val opened = Seq(
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar"
  )

  /** @param heap the JVM's largest heap, in the JVM's own words: `3g`
    * @param home the repository's root
    * @param work folder for what Spark leaves behind
    */
  def options(heap: String, home: File, work: File): Seq[String] =
    opened.map(name => s"--add-opens=java.base/$name=ALL-UNNAMED") ++ Seq(
      s"-Xmx$heap",
      "-Xss4m",
      "-XX:+UseParallelGC",
      "-XX:+IgnoreUnrecognizedVMOptions",
      "-Djdk.reflect.useDirectMethodHandle=false",
      "-Dio.netty.tryReflectionSetAccessible=true",
      "-Dfile.encoding=UTF-8",
      s"-Dlog4j2.configurationFile=${home / "tools" / "log4j2.properties"}",
      "-Dspark.ui.enabled=false",
      s"-Dspark.sql.warehouse.dir=${work / "warehouse"}",
      s"-Dderby.system.home=${work / "derby"}"
    )

  /** Spark must not look its host's name up: machines without a network have none. */
  val environment: Map[String, String] = Map("SPARK_LOCAL_IP" -> "127.0.0.1")

  /** Variables by which Spark's launcher finds the distribution inside PySpark's wheel, where
    * `tools/test.sh` has installed it.
    *
    * @param home  the repository's root
    * @param scala what that Spark is built with: `2.13`
    */
  def distribution(home: File, scala: String): Map[String, String] =
    (home / ".venv" / "lib" * "python*" / "site-packages" / "pyspark").get().find(_.isDirectory)
      .fold(Map.empty[String, String]) { found =>
        Map("SPARK_HOME" -> found.getPath, "SPARK_SCALA_VERSION" -> scala)
      }

  /** What tests start in other processes, as system properties.
    *
    * @param jar   the fat jar
    * @param tests the jar of the test classes
    * @param cli   the command line
    */
  def artefacts(jar: File, tests: File, cli: File): Seq[String] =
    Map("jar" -> jar, "classes" -> tests, "cli" -> cli)
      .map { case (name, file) => s"-Dncf.test.$name=$file" }
      .toSeq

  /** Tests in a JVM of their own, one after the other; sbt itself runs one such JVM at a time. */
  def tests(heap: String): Seq[Setting[_]] = Seq(
    Test / fork := true,
    Test / parallelExecution := false,
    Test / javaOptions ++= options(heap, (ThisBuild / baseDirectory).value, target.value),
    Test / envVars ++= environment,
    Test / testOptions += Tests.Argument(TestFrameworks.ScalaTest, "-oWD")
  )

  /** Writes a Java argument file: the JVM options and the class path. */
  def writeArguments(file: File, options: Seq[String], classPath: Seq[File]): File = {
    val path = classPath.map(_.getAbsolutePath).mkString(java.io.File.pathSeparator)
    // In an argument file a quoted word takes the backslash as its escape.
    val words = (options ++ Seq("-cp", path)).map(word => "\"" + word.replace("\\", "\\\\") + "\"")
    IO.writeLines(file, words)
    file
  }
}
