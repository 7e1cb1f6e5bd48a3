import sbt.Keys._
import sbt._
import sbtassembly.AssemblyPlugin.autoImport._

/** The fat jar: our classes, the native library, the licence. Spark, Scala and Arrow Java come
  * from the user's Spark.
  */
object Packaging {

  /** `target/jar/<cargo profile>/<artefact>_<Scala>-<version>.jar` */
  val settings: Seq[Setting[_]] = Seq(
    assembly / assemblyJarName := s"${name.value}_${scalaBinaryVersion.value}-${version.value}.jar",
    assembly / assemblyOutputPath := (ThisBuild / baseDirectory).value / "target" / "jar" /
      NativeLibrary.autoImport.nativeProfile.value / (assembly / assemblyJarName).value,
    assembly / assemblyOption ~= (_.withIncludeScala(false)),
    assembly / test := {},
    Compile / resourceGenerators += Def.task {
      val licence = (Compile / resourceManaged).value / "META-INF" / "LICENSE"
      IO.copyFile(
        (ThisBuild / baseDirectory).value / "LICENSE",
        licence,
        preserveLastModified = true
      )
      Seq(licence)
    }.taskValue
  )
}
