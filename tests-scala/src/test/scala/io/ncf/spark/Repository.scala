package io.ncf.spark

import java.io.File
import java.nio.file.{Files, Path, Paths}

/** The repository that the tests run in, and what is installed there. */
object Repository {

  /** The nearest folder upwards that has the workspace's manifest. */
  val root: Path = Iterator
    .iterate(Paths.get("").toAbsolutePath)(_.getParent)
    .takeWhile(_ != null)
    .find(folder => Files.exists(folder.resolve("Cargo.toml")))
    .getOrElse(throw new IllegalStateException("the tests run outside the repository"))

  /** The Python of `.venv`, which `tools/test.sh` makes. */
  def python: Option[File] = Some(root.resolve(".venv/bin/python").toFile).filter(_.canExecute)
}
