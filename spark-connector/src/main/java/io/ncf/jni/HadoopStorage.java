package io.ncf.jni;

import java.io.FileNotFoundException;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What native code reads and writes through Hadoop's {@link FileSystem}: whatever Spark can reach,
 * with Spark's own settings and credentials, which never leave the JVM.
 *
 * <p>The file system is found once, on the caller's thread: threads of the native library have
 * neither the user nor the class loader to find it by.
 */
public final class HadoopStorage implements JvmStorage {
  private final FileSystem fileSystem;
  private final HadoopCommit commit;

  /**
   * @param fileSystem the one that all paths belong to
   * @param settings says how commits are made, see {@link HadoopCommit}
   */
  public HadoopStorage(FileSystem fileSystem, Configuration settings) {
    this.fileSystem = fileSystem;
    this.commit = new HadoopCommit(fileSystem, settings);
  }

  /**
   * Checks that tables can be written here.
   *
   * @throws NcfUnsupportedException when the store has no put-if-absent that is known to be atomic
   */
  public void checkCommits(String table) throws IOException {
    commit.method(new Path(table));
  }

  @Override
  public long stat(String path) throws IOException {
    try {
      return length(fileSystem.getFileStatus(new Path(path)));
    } catch (FileNotFoundException absent) {
      return ABSENT;
    }
  }

  @Override
  public String list(String directory) throws IOException {
    StringBuilder entries = new StringBuilder();
    try {
      for (FileStatus status : fileSystem.listStatus(new Path(directory))) {
        entries.append(status.getPath().getName()).append('\0').append(length(status)).append('\0');
      }
    } catch (FileNotFoundException absent) {
      return null;
    }
    return entries.toString();
  }

  private static long length(FileStatus status) {
    return status.isDirectory() ? DIRECTORY : status.getLen();
  }

  @Override
  public JvmSource open(String path) throws IOException {
    return HadoopSource.open(fileSystem, new Path(path));
  }

  @Override
  public JvmSink create(String path) throws IOException {
    return HadoopSink.create(fileSystem, new Path(path));
  }

  @Override
  public byte[] read(String path, long limit) throws IOException {
    Path file = new Path(path);
    long length = stat(path);
    if (length == ABSENT) {
      return null;
    }
    if (length > Math.min(limit, Integer.MAX_VALUE)) {
      throw new NcfLimitExceededException(
          String.format("%s has %d bytes, over the limit of %d", path, length, limit));
    }
    if (length == DIRECTORY) {
      throw new IOException(path + " is a directory where a file must be");
    }
    byte[] bytes = new byte[(int) length];
    try (FSDataInputStream in = fileSystem.open(file)) {
      in.readFully(0, bytes, 0, bytes.length);
    } catch (FileNotFoundException gone) {
      return null;
    }
    return bytes;
  }

  @Override
  public boolean putIfAbsent(String path, byte[] bytes) throws IOException {
    return commit.putIfAbsent(new Path(path), bytes);
  }

  /** Makes a directory and those above it, if they are not there. */
  public void makeDirectory(String path) throws IOException {
    if (!fileSystem.mkdirs(new Path(path))) {
      throw new IOException("the file system made no directory " + path);
    }
  }

  @Override
  public void delete(String path) throws IOException {
    // What is deleted was written by a task that may have been killed.
    Uninterrupted.run(() -> fileSystem.delete(new Path(path), false));
  }
}
