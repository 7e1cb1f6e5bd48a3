package io.ncf.jni;

/**
 * Who grants the native memory of one scan or writer. Native code asks in steps of a megabyte, on
 * the thread that calls {@link NativeScan} or {@link NativeWriter}, and gives back when the scan or
 * writer is closed, which may be on another thread. The Rust side is {@code memory.rs}.
 */
public interface JvmMemory {
  /**
   * Asks for memory.
   *
   * @return how many of the {@code bytes} were granted, all or fewer; these are the caller's until
   *     {@link #release}
   */
  long acquire(long bytes);

  /** Gives back what was granted. */
  void release(long bytes);
}
