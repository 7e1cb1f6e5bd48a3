package io.ncf.spark

import java.io.File

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileSystem, Path}
import org.apache.spark.sql.SparkSession

/** Where a table is: paths as users write them, made local and absolute. */
private[spark] object NcfPath {

  /** The one path among the options, if there is any. */
  def find(options: collection.Map[String, String]): Option[String] = {
    def all(name: String): Seq[String] =
      options.toSeq.collect { case (key, value) if key.equalsIgnoreCase(name) => value }
    val several = all("paths").flatMap(json => Json.elements(Json.parse(json)).map(_.asText()))
    (all("path") ++ several).distinct match {
      case Seq()     => None
      case Seq(path) => Some(local(path))
      case paths     => throw NcfErrors.severalPaths(paths)
    }
  }

  /** The absolute local path of `path`; any scheme but `file` is refused. */
  private def local(path: String): String = {
    if (path.trim.isEmpty) throw NcfErrors.noPath()
    val uri = new Path(path).toUri
    val scheme = Option(uri.getScheme).getOrElse(defaultScheme)
    if (!scheme.equalsIgnoreCase("file")) throw NcfErrors.scheme(scheme, path)
    new File(uri.getPath).toPath.toAbsolutePath.normalize.toString
  }

  private def defaultScheme: String = {
    val conf = SparkSession.getActiveSession
      .orElse(SparkSession.getDefaultSession)
      .map(_.sparkContext.hadoopConfiguration)
      .getOrElse(new Configuration())
    Option(FileSystem.getDefaultUri(conf).getScheme).getOrElse("file")
  }
}
