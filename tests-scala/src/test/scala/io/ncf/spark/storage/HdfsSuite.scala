package io.ncf.spark.storage

import java.io.File
import java.nio.file.Files

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileUtil, Path}
import org.apache.hadoop.hdfs.MiniDFSCluster

import io.ncf.jni.{HadoopStorage, Native, NcfIoException}

/** HDFS: a name node and a data node in this process, on the loopback interface. */
class HdfsSuite extends StorageTestBase {

  private var folder: File = _
  private var cluster: MiniDFSCluster = _

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    folder = Files.createTempDirectory("ncf-hdfs-").toFile
    val conf = new Configuration()
    conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.getPath)
    cluster = new MiniDFSCluster.Builder(conf).numDataNodes(1).build()
    cluster.waitActive()
  }

  override protected def afterAll(): Unit =
    try super.afterAll()
    finally {
      if (cluster != null) cluster.shutdown(true)
      FileUtil.fullyDelete(folder)
      ()
    }

  override protected def withUrl(body: String => Unit): Unit = {
    val table = new Path(s"/tables/${System.nanoTime()}")
    try body(s"${cluster.getURI}$table")
    finally { cluster.getFileSystem.delete(table, true); () }
    assert(Native.liveHandles() == 0)
  }

  test("one of many puts of a name wins, and its bytes are whole") {
    withUrl { url =>
      val storage = new HadoopStorage(cluster.getFileSystem, new Configuration())
      StorageChecks.putIfAbsent(storage, url, together)
    }
  }

  test("a path without a scheme belongs to the default file system") {
    withUrl { url =>
      val path = new Path(url).toUri.getPath
      spark.conf.set("fs.defaultFS", cluster.getURI.toString)
      try {
        append(numbers(0, 10), path)
        assertSame(read(path), numbers(0, 10))
      } finally spark.conf.unset("fs.defaultFS")
      assert(cluster.getFileSystem.exists(new Path(s"$url/_ncf/log")))
      assert(!new File(path).exists())
    }
  }

  test("filters, and columns of many blocks") {
    withUrl { url =>
      val rows = spark.range(0, 300000, 1, 2).selectExpr("id a", "id * 7 b", "cast(id as string) s")
      rows.write.format("ncf").option("blockRows", "8192").save(url)
      assertSame(read(url).where("a % 1000 = 5"), rows.where("a % 1000 = 5"))
      assert(read(url).selectExpr("sum(b)").head().getLong(0) == 7L * 300000 * 299999 / 2)
    }
  }

  test("a file that is gone is named") {
    withUrl { url =>
      append(numbers(0, 10), url)
      cluster.getFileSystem.delete(new Path(s"$url/data"), true)
      val message = failure[NcfIoException](read(url).collect())
      assert(message.contains("FileNotFoundException") && message.contains(s"$url/data/"))
    }
  }
}
