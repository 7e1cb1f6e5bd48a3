package io.ncf.spark.storage

import java.io.{FilterOutputStream, IOException, OutputStream}
import java.net.URI
import java.nio.ByteBuffer
import java.nio.file.{FileAlreadyExistsException, Files}
import java.util
import java.util.concurrent.atomic.{AtomicInteger, AtomicLong}
import java.util.function.IntFunction

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs._
import org.apache.hadoop.fs.permission.FsPermission
import org.apache.hadoop.util.Progressable

/** A store on the local disk under the scheme `fake`, which counts what is done with it and fails
  * where a test wants it to. Its rename is atomic and fails where a file is.
  */
class FakeFileSystem extends RawLocalFileSystem {

  override def getScheme: String = "fake"

  override def getUri: URI = URI.create(s"$getScheme://store")

  override def initialize(uri: URI, conf: Configuration): Unit = {
    super.initialize(uri, conf)
    setWorkingDirectory(new Path(s"$getScheme://store/"))
  }

  override def getFileStatus(path: Path): FileStatus = {
    FakeFileSystem.run(FakeFileSystem.onStatus, path)
    super.getFileStatus(path)
  }

  override def mkdirs(path: Path): Boolean = {
    FakeFileSystem.run(FakeFileSystem.onMakeDirectory, path)
    super.mkdirs(path)
  }

  override def delete(path: Path, recursive: Boolean): Boolean = {
    FakeFileSystem.run(FakeFileSystem.onDelete, path)
    super.delete(path, recursive)
  }

  override def open(path: Path, bufferSize: Int): FSDataInputStream = {
    FakeFileSystem.run(FakeFileSystem.onOpen, path)
    FakeFileSystem.opens.incrementAndGet()
    FakeFileSystem.note(Thread.currentThread())
    new FSDataInputStream(new FakeInput(path, super.open(path, bufferSize)))
  }

  override def create(
      path: Path,
      overwrite: Boolean,
      bufferSize: Int,
      replication: Short,
      blockSize: Long,
      progress: Progressable
  ): FSDataOutputStream =
    counted(path, super.create(path, overwrite, bufferSize, replication, blockSize, progress))

  override def create(
      path: Path,
      permission: FsPermission,
      overwrite: Boolean,
      bufferSize: Int,
      replication: Short,
      blockSize: Long,
      progress: Progressable
  ): FSDataOutputStream = counted(
    path,
    super.create(path, permission, overwrite, bufferSize, replication, blockSize, progress)
  )

  private def counted(path: Path, out: OutputStream): FSDataOutputStream = {
    try FakeFileSystem.run(FakeFileSystem.onCreated, path)
    catch { case error: Throwable => out.close(); throw error }
    new FSDataOutputStream(new FakeOutput(path, out), null)
  }

  override def rename(from: Path, to: Path): Boolean = {
    FakeFileSystem.run(FakeFileSystem.beforeRename, to)
    val moved =
      if (getFileStatus(from).isDirectory) super.rename(from, to)
      else
        try {
          Files.createLink(pathToFile(to).toPath, pathToFile(from).toPath)
          Files.delete(pathToFile(from).toPath)
          true
        } catch { case _: FileAlreadyExistsException => false }
    FakeFileSystem.run(FakeFileSystem.afterRename, to)
    moved
  }
}

/** The same under the scheme `plain`, for which nobody declares how commits are made. */
class PlainFileSystem extends FakeFileSystem {
  override def getScheme: String = "plain"
}

/** What all streams of all fake file systems share. */
object FakeFileSystem {

  /** What a test does at a point; it may throw. */
  type Hook = Path => Unit

  val nothing: Hook = _ => ()

  @volatile var onStatus: Hook = nothing
  @volatile var onMakeDirectory: Hook = nothing
  @volatile var onDelete: Hook = nothing
  @volatile var onOpen: Hook = nothing
  @volatile var onRead: Hook = nothing
  @volatile var onCreated: Hook = nothing
  @volatile var onWrite: Hook = nothing
  @volatile var beforeRename: Hook = nothing
  @volatile var afterRename: Hook = nothing

  /** Most bytes that one read gives. */
  @volatile var shortReads: Int = Int.MaxValue

  @volatile var vectored: Boolean = true

  val opens = new AtomicInteger
  val openStreams = new AtomicInteger
  val vectoredReads = new AtomicInteger
  val bytesRead = new AtomicLong

  /** Whether each thread that opened a file without being one of Java's own was a daemon. */
  val foreignThreads = new util.concurrent.ConcurrentHashMap[String, java.lang.Boolean]

  /** Threads that native code attaches without a name are called so. */
  private[storage] def note(thread: Thread): Unit =
    if (thread.getName.matches("Thread-\\d+")) {
      foreignThreads.put(thread.getName, thread.isDaemon)
      ()
    }

  private[storage] def run(hook: Hook, path: Path): Unit =
    // Only what is NCF's: Spark's checkpoints may lie here, too.
    if (path.toString.contains("/table")) hook(path)

  def reset(): Unit = {
    onStatus = nothing
    onMakeDirectory = nothing
    onDelete = nothing
    onOpen = nothing
    onRead = nothing
    onCreated = nothing
    onWrite = nothing
    beforeRename = nothing
    afterRename = nothing
    shortReads = Int.MaxValue
    vectored = true
    opens.set(0)
    vectoredReads.set(0)
    bytesRead.set(0)
    foreignThreads.clear()
  }
}

private final class FakeInput(path: Path, in: FSDataInputStream)
    extends FSInputStream
    with StreamCapabilities {

  private var open = true
  FakeFileSystem.openStreams.incrementAndGet()

  override def seek(position: Long): Unit = in.seek(position)

  override def getPos: Long = in.getPos

  override def seekToNewSource(position: Long): Boolean = false

  override def read(): Int = {
    FakeFileSystem.run(FakeFileSystem.onRead, path)
    in.read()
  }

  override def read(position: Long, bytes: Array[Byte], offset: Int, length: Int): Int = {
    FakeFileSystem.run(FakeFileSystem.onRead, path)
    val count = in.read(position, bytes, offset, math.min(length, FakeFileSystem.shortReads))
    if (count > 0) FakeFileSystem.bytesRead.addAndGet(count.toLong)
    count
  }

  override def readVectored(
      ranges: util.List[_ <: FileRange],
      allocate: IntFunction[ByteBuffer]
  ): Unit = {
    FakeFileSystem.vectoredReads.incrementAndGet()
    super.readVectored(ranges, allocate)
  }

  override def hasCapability(name: String): Boolean =
    name == StreamCapabilities.VECTOREDIO && FakeFileSystem.vectored

  override def close(): Unit = if (open) {
    open = false
    FakeFileSystem.openStreams.decrementAndGet()
    in.close()
  }
}

private final class FakeOutput(path: Path, out: OutputStream) extends FilterOutputStream(out) {

  private var open = true
  FakeFileSystem.openStreams.incrementAndGet()

  override def write(bytes: Array[Byte], offset: Int, length: Int): Unit = {
    FakeFileSystem.run(FakeFileSystem.onWrite, path)
    out.write(bytes, offset, length)
  }

  override def close(): Unit = if (open) {
    open = false
    FakeFileSystem.openStreams.decrementAndGet()
    out.close()
  }
}

/** What a broken store throws. */
final class StoreFailure(message: String) extends IOException(message)
