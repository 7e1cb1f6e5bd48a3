package io.ncf.spark.cluster

import java.net.{InetSocketAddress, ServerSocket, Socket}
import java.nio.file.Files

import scala.concurrent.duration.DurationInt
import scala.util.{Try, Using}

import org.apache.hadoop.fs.FileUtil
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

import io.ncf.spark.Repository

/** Spark Connect: a server of the distribution, and clients in Python that have nothing of NCF. */
class ConnectSuite extends AnyFunSuite with BeforeAndAfterAll {

  private lazy val folder = Files.createTempDirectory("ncf-connect-")
  private lazy val distribution = Distribution.in(folder)

  override protected def afterAll(): Unit = { FileUtil.fullyDelete(folder.toFile); () }

  private def freePort(): Int = Using.resource(new ServerSocket(0))(_.getLocalPort)

  private def answers(port: Int): Boolean = Try {
    Using.resource(new Socket())(_.connect(new InetSocketAddress("127.0.0.1", port), 1000))
  }.isSuccess

  /** Runs `body` with the URL of a server. */
  private def withServer(body: (Distribution, String) => Unit): Unit = {
    val spark = distribution.getOrElse(cancel(Distribution.Missing))
    val packages = "import grpc, grpc_status, pandas, pyarrow, zstandard"
    assume(spark.python(Seq("-c", packages)).await().status == 0, Distribution.Missing)
    val port = freePort()
    val server = spark.submit(
      Processes.submitOptions("local[2]", Processes.settings) ++ Seq(
        "--conf",
        "spark.connect.grpc.binding.address=127.0.0.1",
        "--conf",
        s"spark.connect.grpc.binding.port=$port",
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer"
      )
    )
    try {
      val deadline = 2.minutes.fromNow
      while (!answers(port)) {
        assert(server.isAlive && deadline.hasTimeLeft(), server.output)
        Thread.sleep(50)
      }
      body(spark, s"sc://127.0.0.1:$port")
    } finally server.stop()
  }

  test("a client writes, reads, travels in time and understands errors") {
    withServer { (spark, url) =>
      val script = Repository.root.resolve("tests-scala/src/test/python/connect_client.py").toString
      val work = Files.createDirectory(folder.resolve("client")).toString
      val Processes.Ended(status, output) = spark.python(Seq(script, url, work)).await()
      assert(status == 0 && output.contains("connected"), output)
    }
  }
}
