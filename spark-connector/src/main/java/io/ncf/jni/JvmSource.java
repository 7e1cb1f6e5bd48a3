package io.ncf.jni;

import java.io.IOException;
import java.nio.ByteBuffer;

/** An open file that native code reads by position, from one thread at a time. */
public interface JvmSource {
  /** Bytes of the file. */
  long length();

  /**
   * Reads ranges that lie inside the file.
   *
   * @param ranges offset and length of each, one after the other
   * @param into native memory, valid during this call only: the bytes of all ranges, one after the
   *     other
   */
  void read(long[] ranges, ByteBuffer into) throws IOException;

  /** Frees the stream; called once, last. */
  void close() throws IOException;
}
