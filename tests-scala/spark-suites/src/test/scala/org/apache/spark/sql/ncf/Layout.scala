package org.apache.spark.sql.ncf

import java.io.File
import java.nio.file.Files

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.DataFrame
import org.apache.spark.util.Utils

/** How the data of a test lies on disk. Many of Spark's tests write `path/p=1`, then `path/p=2`, and
  * read `path`: for Spark's own formats that is one Hive-style directory. NCF can read such a
  * directory, but what it writes are tables, each with a log, which are not read as parts of a
  * greater one.
  */
private[ncf] object Layout {

  /** Writes rows as files without a log: a table's data files, moved to `folder`. */
  def writeFiles(data: DataFrame, folder: File): Unit = {
    val table = Files.createTempDirectory("ncf-suite-").toFile
    try {
      val path = new File(table, "table")
      data.write.format("ncf").save(path.getPath)
      folder.mkdirs()
      dataFiles(path).foreach { file =>
        Files.move(file.toPath, new File(folder, file.getName).toPath)
      }
    } finally Utils.deleteRecursively(table)
  }

  /** `key=value` folders directly below `root`: key, value and folder. */
  def partitions(root: File): Seq[(String, String, File)] =
    root.listFiles().toSeq.filter(_.isDirectory).sortBy(_.getName).flatMap { folder =>
      keyAndValue(folder).map { case (key, value) => (key, value, folder) }
    }

  /** What a folder's name `key=value` says. */
  def keyAndValue(folder: File): Option[(String, String)] = folder.getName.split("=", 2) match {
    case Array(key, value) => Some((key, value))
    case _                 => None
  }

  private def dataFiles(table: File): Seq[File] = {
    val walk = Files.walk(table.toPath)
    try walk.iterator().asScala.map(_.toFile).filter(_.getName.endsWith(".ncf")).toList
    finally walk.close()
  }
}
