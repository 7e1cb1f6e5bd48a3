package io.ncf.spark

import java.io.{File, IOException}
import java.nio.file.{Files, Paths}

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileSystem, Path, UnsupportedFileSystemException}
import org.apache.spark.sql.{SparkSession, classic}
import org.apache.spark.util.SerializableConfiguration

import io.ncf.jni.{HadoopStorage, JvmStorage}

/** Where a table is, and how to get there; sent to executors.
  *
  * @param text     local and absolute, or a URL: how native code is given it
  * @param settings the options `fs.…` and `dfs.…` of the read or write
  * @param hadoop   Hadoop's settings for a URL, none for a local path. They may hold credentials, so
  *                 they are never part of a plan's text or of a request
  */
private[spark] final class NcfPath private (
    val text: String,
    private val settings: Map[String, String],
    hadoop: Option[SerializableConfiguration]
) extends Serializable {

  @transient private lazy val files: Option[HadoopStorage] =
    hadoop.map(conf =>
      new HadoopStorage(NcfPath.fileSystem(new Path(text), conf.value), conf.value)
    )

  /** What native code calls up to; null for a local path, which it reads and writes itself. */
  def storage: JvmStorage = files.orNull

  /** Fails where commits could lose rows. */
  def checkCommits(): Unit = files.foreach { storage =>
    try storage.checkCommits(text)
    catch { case error: IOException => throw NcfErrors.unreachable(text, error) }
  }

  /** Makes a directory of the table, if it is not there. */
  def makeDirectory(relative: String): Unit = {
    val directory = file(relative)
    try files match {
        case Some(storage) => storage.makeDirectory(directory)
        case None          => Files.createDirectories(Paths.get(directory)); ()
      }
    catch { case error: IOException => throw NcfErrors.noDirectory(directory, error) }
  }

  /** The path of a file of the table. */
  def file(relative: String): String = s"${text.stripSuffix("/")}/$relative"

  override def equals(other: Any): Boolean = other match {
    case that: NcfPath => text == that.text && settings == that.settings
    case _             => false
  }

  override def hashCode(): Int = text.hashCode

  override def toString: String = text
}

private[spark] object NcfPath {

  /** Options that begin so are Hadoop's, as Spark's own sources have it. */
  private val settingPrefixes = Seq("fs.", "dfs.")

  /** The one path among the options, if there is any. */
  def find(options: collection.Map[String, String]): Option[NcfPath] = {
    def all(name: String): Seq[String] =
      options.toSeq.collect { case (key, value) if key.equalsIgnoreCase(name) => value }
    val several = all("paths").flatMap(json => Json.elements(Json.parse(json)).map(_.asText()))
    (all("path") ++ several).distinct match {
      case Seq()     => None
      case Seq(path) => Some(resolve(path, settingsOf(options)))
      case paths     => throw NcfErrors.severalPaths(paths)
    }
  }

  /** Those of `options` that are Hadoop's. */
  def settingsOf(options: collection.Map[String, String]): Map[String, String] =
    options.filter { case (key, _) => settingPrefixes.exists(key.startsWith(_)) }.toMap

  private def resolve(path: String, settings: Map[String, String]): NcfPath = {
    if (path.trim.isEmpty) throw NcfErrors.noPath()
    val named = new Path(path)
    val uri = named.toUri
    val scheme = Option(uri.getScheme).getOrElse(defaultScheme(settings))
    if (scheme.equalsIgnoreCase("file")) {
      new NcfPath(new File(uri.getPath).toPath.toAbsolutePath.normalize.toString, settings, None)
    } else {
      val conf = configuration(settings)
      val qualified = fileSystem(named, conf).makeQualified(named)
      new NcfPath(qualified.toString, settings, Some(new SerializableConfiguration(conf)))
    }
  }

  private def fileSystem(path: Path, conf: Configuration): FileSystem =
    try path.getFileSystem(conf)
    catch {
      case error: UnsupportedFileSystemException => throw NcfErrors.scheme(path.toString, error)
      case error: RuntimeException if missesClass(error) =>
        throw NcfErrors.scheme(path.toString, error)
      case error @ (_: IOException | _: IllegalArgumentException) =>
        throw NcfErrors.unreachable(path.toString, error)
    }

  private def missesClass(error: Throwable): Boolean = Iterator
    .iterate(error)(_.getCause)
    .takeWhile(_ != null)
    .exists(_.isInstanceOf[ClassNotFoundException])

  private def session: Option[SparkSession] =
    SparkSession.getActiveSession.orElse(SparkSession.getDefaultSession)

  /** Spark's own settings for Hadoop, with those of this read or write. */
  private def configuration(settings: Map[String, String]): Configuration = session match {
    case Some(spark: classic.SparkSession) =>
      spark.sessionState.newHadoopConfWithOptions(settings)
    case _ =>
      val conf = new Configuration()
      settings.foreach { case (key, value) => conf.set(key, value) }
      conf
  }

  /** The scheme of a path without one. */
  private def defaultScheme(settings: Map[String, String]): String = {
    val key = "fs.defaultFS"
    val set = settings.get(key).orElse(session.flatMap(_.conf.getOption(key)))
    val uri = set.map(new Path(_).toUri).getOrElse {
      FileSystem.getDefaultUri(
        session.fold(new Configuration())(_.sparkContext.hadoopConfiguration)
      )
    }
    Option(uri.getScheme).getOrElse("file")
  }
}
