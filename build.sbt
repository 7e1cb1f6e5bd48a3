// Settings only; what needs logic stands in project/.

ThisBuild / organization := "io.ncf"
ThisBuild / version := NativeLibrary.workspaceVersion(
  (ThisBuild / baseDirectory).value / "Cargo.toml"
)
ThisBuild / scalaVersion := SparkVersion.current.scala
ThisBuild / javacOptions ++= Seq("--release", "17", "-Xlint:all,-serial,-processing", "-Werror")
ThisBuild / scalacOptions ++= Seq(
  "-release:17",
  "-encoding",
  "utf8",
  "-deprecation",
  "-feature",
  "-unchecked",
  "-Xlint:_,-byname-implicit",
  "-Wunused",
  "-Wdead-code",
  "-Werror"
)

val javaArguments = taskKey[File](
  "writes target/examples/<cargo profile>/java.args, for: java @java.args CLASS ARGUMENT…"
)

lazy val root = (project in file("."))
  .aggregate(connector, testsScala, sparkSuites, examples)
  .settings(name := "ncf", publish / skip := true)

lazy val connector = (project in file("spark-connector"))
  .enablePlugins(NativeLibrary)
  .settings(Packaging.settings)
  .settings(
    name := s"ncf-spark-${SparkVersion.current.minor}",
    libraryDependencies += Dependencies.sparkSql % Provided
  )

lazy val testsScala = (project in file("tests-scala"))
  .dependsOn(connector)
  .disablePlugins(sbtassembly.AssemblyPlugin)
  .settings(Forking.tests("3g"))
  .settings(
    name := "ncf-tests-scala",
    publish / skip := true,
    libraryDependencies ++= (Dependencies.s3a ++
      Seq(Dependencies.sparkSql, Dependencies.scalaTest, Dependencies.hdfs) :+
      Dependencies.randomData).map(_ % Test),
    Test / javaOptions ++= Forking.artefacts(
      jar = (connector / assembly).value,
      tests = (Test / packageBin).value,
      cli = (connector / nativeFolder).value / "ncf"
    ),
    Test / envVars ++=
      Forking.distribution((ThisBuild / baseDirectory).value, scalaBinaryVersion.value)
  )

lazy val sparkSuites = (project in file("tests-scala/spark-suites"))
  .dependsOn(connector)
  .disablePlugins(sbtassembly.AssemblyPlugin)
  .settings(Forking.tests("3g"))
  .settings(
    name := "ncf-spark-suites",
    publish / skip := true,
    libraryDependencies ++=
      (Dependencies.sparkTests :+ Dependencies.sparkSql :+ Dependencies.scalaTest).map(_ % Test),
    Test / javaOptions ++= Seq("-ea", "-Dspark.testing=true"),
    Test / envVars += "SPARK_TESTING" -> "1"
  )

lazy val examples = (project in file("examples"))
  .dependsOn(connector)
  .disablePlugins(sbtassembly.AssemblyPlugin)
  .settings(
    name := "ncf-examples",
    publish / skip := true,
    libraryDependencies += Dependencies.sparkSql,
    run / fork := true,
    run / baseDirectory := (ThisBuild / baseDirectory).value,
    run / outputStrategy := Some(StdoutOutput),
    run / javaOptions ++= Forking.options("3g", (ThisBuild / baseDirectory).value, target.value),
    run / envVars ++= Forking.environment,
    javaArguments := {
      val home = (ThisBuild / baseDirectory).value
      val folder = home / "target" / "examples" / (connector / nativeProfile).value
      val ours = (connector / assembly).value +: (Compile / products).value
      val libraries = (Compile / externalDependencyClasspath).value.map(_.data)
      Forking.writeArguments(
        folder / "java.args",
        Forking.options("3g", home, folder),
        ours ++ libraries
      )
    }
  )
