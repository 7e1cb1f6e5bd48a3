package io.ncf.jni

import java.lang.ref.WeakReference
import java.lang.reflect.InvocationTargetException
import java.net.{URL, URLClassLoader}
import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._
import scala.util.Using

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.sql.types.{LongType, StructType}
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

import io.ncf.spark.cluster.Processes

/** The jar in several class loaders of one JVM, as the sessions of Spark Connect have it: each loads a
  * native library of its own, and gives it back.
  */
class ClassLoaderSuite extends AnyFunSuite with BeforeAndAfterAll {

  private val json = new ObjectMapper
  private val rows = 1000
  private lazy val folder = Files.createTempDirectory("ncf-loaders-")
  private lazy val file = folder.resolve("a.ncf")
  private val schema = """{"fields":[{"id":1,"name":"a","type":"bigint","nullable":true}]}"""

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    Using.resource(new BatchBuilder(new StructType().add("a", LongType))) { batch =>
      Using.resource(NativeWriter.open(s"""{"file":${quoted(file)},"schema":$schema}""", null)) {
        writer =>
          (0 until rows).foreach { row => batch.column(0).appendLong(row.toLong); batch.rowDone() }
          writer.write(batch)
          writer.finish()
      }
    }
  }

  override protected def afterAll(): Unit = {
    val paths = Using.resource(Files.walk(folder))(_.iterator().asScala.toVector)
    paths.reverse.foreach(Files.delete)
  }

  private def quoted(path: Path): String = json.writeValueAsString(path.toString)

  /** Has NCF from the fat jar, whatever its parent has. */
  private final class Loader
      extends URLClassLoader(Array(Processes.jar.toURI.toURL), getClass.getClassLoader) {

    override def loadClass(name: String, resolve: Boolean): Class[_] =
      if (name.startsWith("io.ncf.")) synchronized {
        Option(findLoadedClass(name)).getOrElse(findClass(name))
      }
      else super.loadClass(name, resolve)

    override def getResource(name: String): URL = findResource(name)

    /** A static method of the class that has the native ones, or of a handle's. */
    def call(className: String, method: String, request: String): Any = {
      val methods = loadClass(s"io.ncf.jni.$className").getMethods
      val found = methods.find(_.getName == method).get
      val nulls = Seq.fill(found.getParameterCount - 1)(null)
      try found.invoke(null, request +: nulls: _*)
      catch { case thrown: InvocationTargetException => throw thrown.getCause }
    }

    def open(): AutoCloseable = {
      val plan = call("Native", "planScan", s"""{"path":${quoted(file)},"columns":["a"]}""")
      val split = json.readTree(plan.toString).get("splits").get(0)
      call("NativeScan", "open", s"""{"split":$split,"columns":["a"],"schema":$schema}""")
        .asInstanceOf[AutoCloseable]
    }

    /** Rows of the next batch; 0 at the end. */
    def next(scan: AutoCloseable): Long = {
      val before = rowsOut(scan)
      scan.getClass.getMethod("nextBatch").invoke(scan)
      rowsOut(scan) - before
    }

    private def rowsOut(scan: AutoCloseable): Long =
      json.readTree(
        scan.getClass.getMethod("metrics").invoke(scan).toString
      ).get("rowsOut").asLong()

    def liveHandles: Any = loadClass("io.ncf.jni.Native").getMethod("liveHandles").invoke(null)
  }

  private def assertWorks(loader: Loader): Unit = {
    val scan = loader.open()
    assert(loader.liveHandles == 1L)
    var count = 0L
    // Batches may be empty.
    for (_ <- 0 until 3) count += loader.next(scan)
    assert(count == rows)
    scan.close()
    assert(loader.liveHandles == 0L)
  }

  test("two at the same time share nothing") {
    Using.resources(new Loader, new Loader) { (one, two) =>
      val scan = one.open()
      assert(one.liveHandles == 1L && two.liveHandles == 0L)
      assertWorks(two)
      assert((0 until 3).map(_ => one.next(scan)).sum == rows)
      scan.close()
    }
  }

  test("exceptions are of the loader that the call came from") {
    Using.resources(new Loader, new Loader) { (one, two) =>
      for (loader <- Seq(one, two, one)) {
        val thrown = intercept[RuntimeException](loader.call("Native", "changes", "{}"))
        assert(thrown.getClass.getName == classOf[NcfInvalidArgumentException].getName)
        assert(thrown.getClass.getClassLoader eq loader)
      }
    }
  }

  /** Uses a loader that nothing refers to afterwards. */
  private def used(): WeakReference[ClassLoader] = {
    val loader = new Loader
    assertWorks(loader)
    intercept[RuntimeException](loader.call("Native", "changes", "{}"))
    loader.close()
    new WeakReference[ClassLoader](loader)
  }

  test("a loader is collected, and others work on") {
    Using.resource(new Loader) { other =>
      assertWorks(other)
      val gone = used()
      val deadline = System.nanoTime() + 60_000_000_000L
      while (gone.get() != null && System.nanoTime() < deadline) {
        System.gc()
        Thread.sleep(20)
      }
      assert(gone.get() == null, "something keeps the class loader")
      assertWorks(other)
      Using.resource(new Loader)(assertWorks)
      assert(Native.liveHandles() == 0)
    }
  }

  test("a library that is named by its path") {
    val name = s"native/${NativeLibrary.platform()}/libncf_jni.so"
    val library = folder.resolve("libncf_jni.so")
    Using.resource(new Loader) { loader =>
      Option(loader.getResourceAsStream(name)) match {
        case Some(bytes) => Using.resource(bytes)(Files.copy(_, library))
        case None        => cancel(s"the jar has no $name")
      }
    }
    System.setProperty(NativeLibrary.PATH_PROPERTY, library.toString)
    try Using.resources(new Loader, new Loader)((one, two) => Seq(one, two).foreach(assertWorks))
    finally System.clearProperty(NativeLibrary.PATH_PROPERTY)
  }
}
