package io.ncf.jni;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileRange;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.OpenFileOptions;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;
import org.apache.hadoop.util.functional.FutureIO;

/** A file behind Hadoop's positional and vectored reads. */
final class HadoopSource implements JvmSource {
  private final FSDataInputStream stream;
  private final long length;

  private HadoopSource(FSDataInputStream stream, long length) {
    this.stream = stream;
    this.length = length;
  }

  static HadoopSource open(FileSystem fileSystem, Path path) throws IOException {
    FileStatus status = fileSystem.getFileStatus(path);
    if (status.isDirectory()) {
      throw new FileNotFoundException(path + " is a directory where a file must be");
    }
    // The length saves object stores a request; the policies are tried from left to right.
    FSDataInputStream stream =
        FutureIO.awaitFuture(
            fileSystem
                .openFile(path)
                .opt(OpenFileOptions.FS_OPTION_OPENFILE_READ_POLICY, "vector, random")
                .opt(
                    OpenFileOptions.FS_OPTION_OPENFILE_LENGTH, Long.toString(status.getLen()))
                .build());
    return new HadoopSource(stream, status.getLen());
  }

  @Override
  public long length() {
    return length;
  }

  @Override
  public void read(long[] ranges, ByteBuffer into) throws IOException {
    if (ranges.length > 2
        && ascending(ranges)
        && stream.hasCapability(StreamCapabilities.VECTOREDIO)) {
      readVectored(ranges, into);
      return;
    }
    for (int i = 0; i < ranges.length; i += 2) {
      // Through the heap: few streams read into native memory, and none may keep it.
      byte[] bytes = new byte[(int) ranges[i + 1]];
      stream.readFully(ranges[i], bytes, 0, bytes.length);
      into.put(bytes);
    }
  }

  /** Whether no range begins before the one before it ends: streams refuse others. */
  private static boolean ascending(long[] ranges) {
    long end = 0;
    for (int i = 0; i < ranges.length; i += 2) {
      if (ranges[i] < end) {
        return false;
      }
      end = ranges[i] + ranges[i + 1];
    }
    return true;
  }

  /**
   * Reads all ranges at once. Streams fill buffers of their own, perhaps on other threads and even
   * after a failure; native memory is filled here, on the caller's thread, when all are there.
   */
  private void readVectored(long[] ranges, ByteBuffer into) throws IOException {
    List<FileRange> wanted = new ArrayList<>(ranges.length / 2);
    for (int i = 0; i < ranges.length; i += 2) {
      if (ranges[i + 1] > 0) {
        wanted.add(FileRange.createFileRange(ranges[i], (int) ranges[i + 1]));
      }
    }
    stream.readVectored(wanted, ByteBuffer::allocate);
    for (FileRange range : wanted) {
      ByteBuffer bytes = await(range);
      if (bytes.remaining() != range.getLength()) {
        throw new IOException(
            String.format(
                "a vectored read of %d bytes at %d gave %d",
                range.getLength(), range.getOffset(), bytes.remaining()));
      }
      into.put(bytes);
    }
  }

  private static ByteBuffer await(FileRange range) throws IOException {
    try {
      return range.getData().get();
    } catch (InterruptedException interruption) {
      Thread.currentThread().interrupt();
      throw (IOException)
          new InterruptedIOException("the read was interrupted").initCause(interruption);
    } catch (ExecutionException failed) {
      Throwable cause = failed.getCause();
      throw cause instanceof IOException io ? io : new IOException(cause);
    }
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }
}
