package io.ncf.jni;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;

/** A new file behind Hadoop's output stream. */
final class HadoopSink implements JvmSink {
  private static final int CHUNK = 128 * 1024;

  private final FileSystem fileSystem;
  private final Path path;
  private final FSDataOutputStream stream;
  private final byte[] chunk = new byte[CHUNK];

  private HadoopSink(FileSystem fileSystem, Path path, FSDataOutputStream stream) {
    this.fileSystem = fileSystem;
    this.path = path;
    this.stream = stream;
  }

  static HadoopSink create(FileSystem fileSystem, Path path) throws IOException {
    try {
      return new HadoopSink(fileSystem, path, fileSystem.create(path, false));
    } catch (IOException failed) {
      // The interruption of a killed task may come when the file is made already. Names are
      // unique, so it is nobody else's.
      if (failed instanceof InterruptedIOException
          || failed instanceof ClosedByInterruptException
          || Thread.currentThread().isInterrupted()) {
        Uninterrupted.quietly(() -> fileSystem.delete(path, false));
      }
      throw failed;
    }
  }

  @Override
  public void append(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      int length = Math.min(bytes.remaining(), chunk.length);
      bytes.get(chunk, 0, length);
      stream.write(chunk, 0, length);
    }
  }

  @Override
  public void finish() throws IOException {
    sync(stream);
    stream.close();
  }

  /** Closing a file of HDFS does not make it durable; object stores are durable when it is closed. */
  static void sync(FSDataOutputStream stream) throws IOException {
    if (stream.hasCapability(StreamCapabilities.HSYNC)) {
      stream.hsync();
    }
  }

  @Override
  public void discard() {
    Uninterrupted.quietly(
        () -> {
          end();
          fileSystem.delete(path, false);
        });
  }

  /** Ends the stream, where it can be without storing anything. */
  private void end() {
    try {
      if (stream.hasCapability(StreamCapabilities.ABORTABLE_STREAM)) {
        stream.abort();
      }
      stream.close();
    } catch (IOException | RuntimeException ignored) {
      // The file is deleted next.
    }
  }
}
