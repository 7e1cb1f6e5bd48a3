package io.ncf.spark.storage

import java.io.{BufferedReader, InputStreamReader}
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.nio.charset.StandardCharsets.UTF_8

import org.apache.hadoop.fs.Path

import io.ncf.jni.{HadoopStorage, Native, NcfUnsupportedException}
import io.ncf.spark.Repository

/** S3A against a simulator on the loopback interface. Needs the Python of `.venv`, which
  * `tools/test.sh` makes; without it the tests are cancelled.
  */
class S3aSuite extends StorageTestBase {

  private var simulator: Option[Process] = None
  private lazy val endpoint: Option[String] = start()

  private def start(): Option[String] = for {
    python <- Repository.python
    script = Repository.root.resolve("tools/s3_simulator.py").toString
    process = new ProcessBuilder(python.getPath, script)
      .redirectError(ProcessBuilder.Redirect.INHERIT)
      .start()
    line <-
      Option(new BufferedReader(new InputStreamReader(process.getInputStream, UTF_8)).readLine())
  } yield {
    simulator = Some(process)
    val url = s"http://127.0.0.1:$line"
    // S3A makes no buckets.
    val bucket = HttpRequest.newBuilder(URI.create(s"$url/tables")).PUT(BodyPublishers.noBody())
    val made = HttpClient.newHttpClient().send(bucket.build(), BodyHandlers.discarding())
    assert(made.statusCode() == 200)
    url
  }

  override protected def settings: Map[String, String] = Map(
    "spark.hadoop.fs.s3a.endpoint" -> endpoint.getOrElse("http://127.0.0.1:9"),
    "spark.hadoop.fs.s3a.endpoint.region" -> "us-east-1",
    "spark.hadoop.fs.s3a.path.style.access" -> "true",
    "spark.hadoop.fs.s3a.access.key" -> "nobody",
    "spark.hadoop.fs.s3a.secret.key" -> "knows",
    "spark.hadoop.fs.s3a.connection.ssl.enabled" -> "false",
    "spark.hadoop.fs.s3a.connection.maximum" -> "64"
  )

  override protected def afterAll(): Unit =
    try super.afterAll()
    finally simulator.foreach(_.destroy())

  override protected def withUrl(body: String => Unit): Unit = {
    assume(endpoint.isDefined, "no simulator: tools/test.sh scala-test installs it into .venv")
    body(s"s3a://tables/${System.nanoTime()}/table")
    assert(Native.liveHandles() == 0)
  }

  test("one of many puts of a name wins, and its bytes are whole") {
    withUrl { url =>
      val conf = spark.sessionState.newHadoopConf()
      val storage = new HadoopStorage(new Path(url).getFileSystem(conf), conf)
      StorageChecks.putIfAbsent(storage, url, together)
    }
  }

  test("filters, and columns of many blocks, by vectored reads") {
    withUrl { url =>
      val rows = spark.range(0, 100000, 1, 2).selectExpr("id a", "sha2(string(id), 256) s", "id c")
      rows.write.format("ncf").save(url)
      assertSame(read(url).select("a", "c"), rows.select("a", "c"))
      assertSame(read(url).where("a % 1000 = 5"), rows.where("a % 1000 = 5"))
    }
  }

  test("a store whose conditional writes are switched off is refused") {
    withUrl { url =>
      // Not the cached file system that the other tests have opened.
      val off = numbers(0, 10).write.format("ncf")
        .option("fs.s3a.create.conditional.enabled", "false")
        .option("fs.s3a.impl.disable.cache", "true")
      assert(failure[NcfUnsupportedException](off.save(url)).contains("put-if-absent"))
    }
  }
}
