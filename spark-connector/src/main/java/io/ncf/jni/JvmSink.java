package io.ncf.jni;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A new file that native code writes, from one thread at a time. */
public interface JvmSink {
  /** Appends {@code bytes}, native memory that is valid during this call only. */
  void append(ByteBuffer bytes) throws IOException;

  /** Makes the file durable and closes it. */
  void finish() throws IOException;

  /** Closes and removes the file, best effort; also after {@link #finish()} has failed. */
  void discard();
}
