package io.ncf.jni;

/**
 * What the builders of one batch share: how much they hold off-heap, and how many bytes their values
 * of any length have, so that the batch knows its size.
 */
final class BatchMemory {
  /** Memory is asked for in multiples of this, so that Spark is asked seldom. */
  private static final long STEP = 1 << 20;

  private final JvmMemory memory;
  private long held;
  private long acquired;

  /** Bytes in the values of any length of all columns. */
  long valueBytes;

  /** Asks {@code memory}, or nobody when it is null. */
  BatchMemory(JvmMemory memory) {
    this.memory = memory;
  }

  /** Holds {@code bytes} more, or fails with {@link NcfLimitExceededException}. */
  void acquire(long bytes) {
    long missing = held + bytes - acquired;
    if (memory != null && missing > 0) {
      long granted = memory.acquire((missing + STEP - 1) / STEP * STEP);
      if (granted < missing) {
        memory.release(granted);
        throw new NcfLimitExceededException(
            String.format(
                "a batch of rows to write holds %d bytes of native memory and asked for %d more,"
                    + " of which %d were granted; raise spark.memory.offHeap.size, or run fewer"
                    + " tasks at a time on an executor",
                held, bytes, acquired - held + granted));
      }
      acquired += granted;
    }
    held += bytes;
  }

  /** Holds {@code bytes} less; what was granted goes back when nothing is held. */
  void release(long bytes) {
    held -= bytes;
    if (memory != null && held == 0) {
      memory.release(acquired);
      acquired = 0;
    }
  }
}
