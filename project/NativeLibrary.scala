import scala.sys.process.{Process, ProcessLogger}

import sbt.Keys._
import sbt._

/** Builds the Rust library and puts it among the connector's resources.
  *
  * Order: the Java class with the native methods is compiled, the committed Rust registration
  * table is compared with it, and only then does cargo run. `compile` needs none of this;
  * whatever runs or packages the connector does.
  *
  * Inside the jar the library stands at `native/<os>-<arch>/<file>`: `<os>` is `linux`,
  * `darwin` or `windows`, `<arch>` is Java's `os.arch` as it is (`amd64`, `aarch64`), `<file>`
  * is `libncf_jni.so`, `libncf_jni.dylib` or `ncf_jni.dll`.
  */
object NativeLibrary extends AutoPlugin {

  object autoImport {
    val nativeProfile = settingKey[String](
      "cargo profile: NCF_CARGO_PROFILE (system property or environment), else dev"
    )
    val nativeRoot = settingKey[File]("folder of the Cargo workspace")
    val nativeFolder = settingKey[File]("folder where cargo leaves the profile's artefacts")
    val nativeRegistration = settingKey[File]("the generated Rust file")
    val nativeBindings =
      taskKey[File]("writes the Rust registration table of the Java native methods")
    val nativeBindingsCheck =
      taskKey[Unit]("fails when the Rust registration table differs from the Java native methods")
    val nativeLibrary =
      taskKey[File]("builds the native library with cargo and puts it among the resources")
  }
  import autoImport._

  private val expectedBindings = taskKey[String]("what the Rust registration table should hold")

  /** `linux-amd64`: the folder of this platform's library inside the jar. */
  lazy val platform: String = s"$operatingSystem-${sys.props("os.arch")}"

  /** The version of the Rust workspace, which is the version of everything. */
  def workspaceVersion(cargoToml: File): String =
    "(?m)^version = \"([^\"]+)\"$".r
      .findFirstMatchIn(IO.read(cargoToml))
      .map(_.group(1))
      .getOrElse(sys.error(s"$cargoToml has no line that starts with version ="))

  override def projectSettings: Seq[Setting[_]] = Seq(
    nativeProfile := sys.props.get(
      "NCF_CARGO_PROFILE"
    ).orElse(sys.env.get("NCF_CARGO_PROFILE")).getOrElse("dev"),
    nativeRoot := (ThisBuild / baseDirectory).value,
    nativeFolder := {
      val target = sys.env.get("CARGO_TARGET_DIR")
        .fold(nativeRoot.value / "target")(nativeRoot.value.toPath.resolve(_).toFile)
      target / (if (nativeProfile.value == "dev") "debug" else nativeProfile.value)
    },
    nativeRegistration := nativeRoot.value / "native" / "ncf-jni" / "src" / "registration.rs",
    expectedBindings := NativeBindings.generate(
      javaSources = (Compile / javaSource).value,
      classPath = (Compile / dependencyClasspath).value.map(_.data),
      work = target.value / "native-bindings",
      rustRoot = nativeRoot.value
    ),
    nativeBindings := {
      val log = streams.value.log
      val file = nativeRegistration.value
      val expected = expectedBindings.value
      if (!file.isFile || IO.read(file) != expected) {
        IO.write(file, expected)
        log.info(s"wrote $file")
      }
      file
    },
    nativeBindingsCheck := {
      val file = nativeRegistration.value
      if (!file.isFile || IO.read(file) != expectedBindings.value)
        sys.error(
          s"$file does not match the native methods of ${NativeBindings.className}; run " +
            "./sbt nativeBindings, then give every listed method its function in entry"
        )
    },
    nativeLibrary := {
      nativeBindingsCheck.value
      val file = (Compile / resourceManaged).value / "native" / platform / libraryName
      cargo(nativeRoot.value, nativeProfile.value, streams.value.log)
      val built = nativeFolder.value / libraryName
      if (!built.isFile)
        sys.error(s"cargo left no $built; has native/ncf-jni still crate-type cdylib?")
      // Copied only when the bytes differ, so that nothing downstream is redone for a time
      // stamp. The copy takes a new inode: a JVM that runs with the old library keeps it.
      if (!file.isFile || !Hash(file).sameElements(Hash(built))) {
        val fresh = new File(file.getPath + ".new")
        IO.copyFile(built, fresh)
        IO.move(fresh, file)
      }
      file
    },
    Compile / resourceGenerators += nativeLibrary.map(Seq(_)).taskValue
  )

  /** Runs cargo, which decides itself what is out of date. */
  private def cargo(root: File, profile: String, log: Logger): Unit = {
    // What `cargo test --workspace` builds for the tests, and for users what tools/lib.sh
    // builds (cargo_build): the same features, so that nothing is compiled twice.
    val packages =
      if (profile == "dev") Seq("--workspace")
      else Seq("-p", "ncf-jni", "-p", "ncf-cli", "-p", "ncf-bench")
    val command = Seq("cargo", "build", "--locked", "--profile", profile) ++ packages
    log.info(command.mkString(" "))
    // All at one level: cargo reports its progress on the error stream.
    val status = Process(command, root).!(ProcessLogger(line => log.info(line)))
    if (status != 0) sys.error(s"cargo failed with status $status; its messages stand above")
  }

  private lazy val operatingSystem: String =
    sys.props("os.name").toLowerCase(java.util.Locale.ROOT) match {
      case name if name.startsWith("linux")   => "linux"
      case name if name.startsWith("mac")     => "darwin"
      case name if name.startsWith("windows") => "windows"
      case name                               => sys.error(
          s"no native library for the operating system $name: supported are linux, darwin, windows"
        )
    }

  private lazy val libraryName: String = operatingSystem match {
    case "windows" => "ncf_jni.dll"
    case "darwin"  => "libncf_jni.dylib"
    case _         => "libncf_jni.so"
  }
}
