package io.ncf.jni;

import java.lang.ref.Reference;

/** Writes one file. Closing a writer that was not finished deletes the file. */
public final class NativeWriter extends NativeHandle {
  private NativeWriter(long handle) {
    super(handle, Native::abortWriter);
  }

  /** Creates the file; the arguments are those of {@link Native#openWriter}. */
  public static NativeWriter open(
      String request, JvmStorage storage, JvmMemory memory, JvmTask task) {
    NativeLibrary.load();
    return new NativeWriter(Native.openWriter(request, storage, memory, task));
  }

  /** The same for nobody's task, and without anybody who grants memory. */
  public static NativeWriter open(String request, JvmStorage storage) {
    return open(request, storage, null, null);
  }

  /** Writes the rows of {@code batch} and empties it. */
  public void write(BatchBuilder batch) {
    if (batch.rows() > 0) {
      write(batch.finish());
      batch.reset();
    }
    Reference.reachabilityFence(batch);
  }

  /** Writes the rows of the {@code ArrowArray} at {@code array}, which is copied. */
  public void write(long array) {
    try {
      Native.writeBatch(handle(), array);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Makes the file durable and checks it. The writer is closed afterwards, also when this fails; a
   * file that failed is deleted.
   *
   * @return the summary that {@link Native#commit} takes
   */
  public String finish() {
    long handle = handle();
    try {
      return Native.finishWriter(handle);
    } finally {
      // A failure before the handle was consumed leaves it open.
      Native.abortWriter(handle);
      consumed();
      Reference.reachabilityFence(this);
    }
  }
}
