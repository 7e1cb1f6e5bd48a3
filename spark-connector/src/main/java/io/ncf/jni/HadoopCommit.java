package io.ncf.jni;

import java.io.IOException;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.DistributedFileSystem;

/**
 * Put-if-absent for records of a table's log: the one operation that decides which of two writers
 * was first. A store without one that is known to be atomic is refused, for there the rows of one
 * of them would be lost.
 */
final class HadoopCommit {
  /** Setting {@code ncf.commit.<scheme>}: how commits are made on a store that NCF does not know. */
  static final String SETTING = "ncf.commit.";

  private static final String CONDITIONAL =
      CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE;

  /** How a record becomes visible. */
  enum Method {
    /** HDFS: a temporary file, then its own rename, which never overwrites. */
    HDFS,
    /** A store that creates on condition when the stream is closed, such as S3. */
    CONDITIONAL,
    /** Declared: a temporary file, then a rename that is atomic and fails where a file is. */
    RENAME,
    /** Declared: creating without overwrite is atomic and shows the file when it is closed. */
    CREATE
  }

  private final FileSystem fileSystem;
  private final Configuration settings;

  HadoopCommit(FileSystem fileSystem, Configuration settings) {
    this.fileSystem = fileSystem;
    this.settings = settings;
  }

  /** The method for this store; an error that says what to do when there is none. */
  Method method(Path path) throws IOException {
    String scheme = fileSystem.getUri().getScheme();
    String declared = settings.getTrimmed(SETTING + scheme, "");
    switch (declared) {
      case "rename":
        return Method.RENAME;
      case "create":
        return Method.CREATE;
      case "":
        break;
      default:
        throw new NcfInvalidArgumentException(
            String.format("%s%s is '%s'; it takes rename or create", SETTING, scheme, declared));
    }
    if (fileSystem instanceof DistributedFileSystem) {
      return Method.HDFS;
    }
    if (fileSystem.hasPathCapability(path, CONDITIONAL)) {
      return Method.CONDITIONAL;
    }
    throw new NcfUnsupportedException(
        String.format(
            "tables cannot be written to %s: the file system '%s' (%s) has no put-if-absent that is"
                + " known to be atomic, so two writers could lose rows; write to HDFS, S3 (Hadoop"
                + " 3.4.2 or newer) or a local disk, or, if its rename fails where a file is or its"
                + " create without overwrite is atomic, set spark.hadoop.%s%s to rename or create",
            path, scheme, fileSystem.getClass().getName(), SETTING, scheme));
  }

  /** As {@link JvmStorage#putIfAbsent}. */
  boolean putIfAbsent(Path path, byte[] bytes) throws IOException {
    Method method = method(path);
    switch (method) {
      case CONDITIONAL:
        return create(path, bytes, true);
      case CREATE:
        return create(path, bytes, false);
      default:
        return rename(path, bytes, method);
    }
  }

  private boolean create(Path path, byte[] bytes, boolean conditional) throws IOException {
    FSDataOutputStream stream = null;
    try {
      stream = conditional ? openConditional(path) : fileSystem.create(path, false);
      stream.write(bytes);
      HadoopSink.sync(stream);
      stream.close();
      return true;
    } catch (IOException failed) {
      if (stream != null) {
        abort(stream);
      }
      if (alreadyExists(failed)) {
        return false;
      }
      throw failed;
    }
  }

  private FSDataOutputStream openConditional(Path path) throws IOException {
    FSDataOutputStreamBuilder<?, ?> builder = fileSystem.createFile(path);
    builder.create();
    builder.overwrite(true);
    builder.must(CONDITIONAL, "true");
    return builder.build();
  }

  /** Keeps a stream that failed from storing anything when it is collected. */
  private static void abort(FSDataOutputStream stream) {
    try {
      stream.abort();
    } catch (RuntimeException ignored) {
      // It cannot be: the outcome is found out by reading.
    }
  }

  private static boolean alreadyExists(IOException failed) {
    // S3A's own class for a condition that did not hold; its jar need not be there.
    return failed instanceof FileAlreadyExistsException
        || failed.getClass().getSimpleName().equals("RemoteFileChangedException");
  }

  private boolean rename(Path path, byte[] bytes, Method method) throws IOException {
    Path temporary = new Path(path.getParent(), "." + UUID.randomUUID() + ".tmp");
    boolean moved = false;
    try {
      write(temporary, bytes);
      moved = move(temporary, path, method);
      return moved;
    } finally {
      if (!moved) {
        deleteQuietly(temporary);
      }
    }
  }

  private void write(Path temporary, byte[] bytes) {
    try (FSDataOutputStream stream = fileSystem.create(temporary, false)) {
      stream.write(bytes);
      HadoopSink.sync(stream);
    } catch (IOException failed) {
      throw new NcfIoException(
          String.format(
              "the commit record could not be written to %s (%s); nothing was committed",
              temporary, failed),
          failed);
    }
  }

  private boolean move(Path temporary, Path path, Method method) throws IOException {
    if (method == Method.HDFS) {
      try {
        ((DistributedFileSystem) fileSystem).rename(temporary, path, Rename.NONE);
        return true;
      } catch (FileAlreadyExistsException exists) {
        return false;
      }
    }
    if (fileSystem.rename(temporary, path)) {
      return true;
    }
    if (fileSystem.exists(path)) {
      return false;
    }
    throw new IOException(
        String.format("%s could not be renamed to %s, which does not exist", temporary, path));
  }

  private void deleteQuietly(Path temporary) {
    try {
      fileSystem.delete(temporary, false);
    } catch (IOException | RuntimeException ignored) {
      // Readers of the log ignore its name.
    }
  }
}
