package io.ncf.spark.cluster

import java.io.File
import java.nio.file.Files

import com.fasterxml.jackson.databind.JsonNode
import org.apache.hadoop.fs.FileUtil
import org.apache.spark.deploy.TwoHosts
import org.apache.spark.sql.DataFrame

import io.ncf.jni.Native
import io.ncf.spark.{Json, SparkTestBase}

/** Tests with executors that are processes of their own, on two hosts as Spark sees it. */
abstract class ClusterTestBase extends SparkTestBase {

  private lazy val folder = Files.createTempDirectory("ncf-cluster-").toFile
  private var hosts = Option.empty[TwoHosts]

  /** Started when it is first used. */
  protected def cluster: TwoHosts = {
    if (!Distribution.isInstalled) cancel(Distribution.Missing)
    if (hosts.isEmpty) hosts = Some(new TwoHosts(folder))
    hosts.get
  }

  /** What a driver that uses the cluster is told. */
  protected def clusterSettings: Map[String, String] = Processes.settings ++ Map(
    "spark.master" -> cluster.url,
    "spark.jars" -> s"${Processes.jar},${Processes.classes}"
  )

  override protected def afterAll(): Unit =
    try super.afterAll()
    finally {
      hosts.foreach(_.stop())
      FileUtil.fullyDelete(folder)
      ()
    }

  /** Runs `body` with the path of nothing and an empty folder for marks. */
  protected def withMarks(body: (String, String) => Unit): Unit = withPath { path =>
    val marks = new File(path).toPath.resolveSibling("marks")
    body(path, Files.createDirectories(marks).toString)
  }

  protected def numbers(from: Long, to: Long): DataFrame = spark.range(from, to).toDF("id")

  /** Files that the latest version of the table refers to. */
  protected def tableFiles(path: String): Int = {
    val request = Json.obj()
    request.put("path", path)
    request.set[JsonNode]("options", Json.obj())
    Json.parse(Native.openDataset(request.toString, null)).get("files").asInt()
  }

  /** Files of the table that no version refers to, in a table that never removed any. */
  protected def orphans(path: String): Int = dataFiles(path).size - tableFiles(path)
}
