package org.apache.spark.deploy

import java.io.File

import org.apache.spark.SparkConf
import org.apache.spark.deploy.master.Master
import org.apache.spark.deploy.worker.Worker

/** A master and two workers in this process, each worker with a loopback address of its own, so that
  * Spark takes them for two hosts: it runs a task a second time only on another one, and all workers
  * of `local-cluster` are on the same. Executors are processes. Stands in this package because Spark
  * keeps both classes to it.
  *
  * @param work where executors run
  */
final class TwoHosts(work: File) {

  private val conf = new SparkConf(false).set("spark.master.rest.enabled", "false")
  private val master = Master.startRpcEnvAndEndpoint(TwoHosts.addresses.head, 0, 0, conf)._1

  /** What sessions connect to. */
  val url: String = s"spark://${master.address.hostPort}"

  private val workers = TwoHosts.addresses.zipWithIndex.map { case (address, index) =>
    val folder = new File(work, s"worker-$index").getPath
    val (cores, megabytes) = (1, 1024)
    Worker.startRpcEnvAndEndpoint(
      address,
      0,
      0,
      cores,
      megabytes,
      Array(url),
      folder,
      Some(index + 1),
      conf
    )
  }

  def stop(): Unit = {
    // The workers first, so that they do not look for their master.
    (workers :+ master).foreach(_.shutdown())
    (workers :+ master).foreach(_.awaitTermination())
  }
}

object TwoHosts {
  private val addresses = Seq("127.0.0.1", "127.0.0.2")
}
