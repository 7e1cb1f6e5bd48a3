package io.ncf.jni;

import java.io.IOException;

/**
 * A file system that native code calls up to, for every path that is not local. Native code holds a
 * global reference to it while an object that it opened there is alive.
 *
 * <p>Paths are those that the connector hands to {@link Native}, and what native code appends to
 * them with {@code /}. Methods may be called from several threads at once, some of which the native
 * library has attached. Whatever they throw becomes an {@link NcfIoException} that names the class
 * and the message; an {@link NcfException} keeps its kind. The Rust side is {@code upcall.rs}, which
 * finds these methods by name and signature when the library is loaded.
 */
public interface JvmStorage {
  /** Answer of {@link #stat} where nothing is. */
  long ABSENT = -1;

  /** Answer of {@link #stat} for a directory. */
  long DIRECTORY = -2;

  /** The length of the file at {@code path}, {@link #ABSENT} or {@link #DIRECTORY}. */
  long stat(String path) throws IOException;

  /**
   * What lies directly below {@code directory}.
   *
   * @return for each entry its name, NUL, its length or {@link #DIRECTORY}, NUL; null when there is
   *     no such directory
   */
  String list(String directory) throws IOException;

  /** Opens a file for reading. */
  JvmSource open(String path) throws IOException;

  /** Creates a file that must not exist yet, with its parent directories. */
  JvmSink create(String path) throws IOException;

  /**
   * A small file as a whole.
   *
   * @return null when it is absent
   * @throws NcfLimitExceededException when it is longer than {@code limit} bytes
   */
  byte[] read(String path, long limit) throws IOException;

  /**
   * Creates a file with {@code bytes}, whole or not at all, only if it is absent, durable on return.
   *
   * @return false when {@code path} exists
   * @throws NcfException when provably nothing became visible
   * @throws IOException when the file may be there now, or later
   */
  boolean putIfAbsent(String path, byte[] bytes) throws IOException;

  /** Removes a file; no error when it is absent. */
  void delete(String path) throws IOException;
}
