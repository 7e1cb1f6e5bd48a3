package io.ncf.jni;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.unsafe.Platform;

/** A growing piece of memory outside the heap. {@link #free()} gives it back; nothing else does. */
final class OffHeapBuffer {
  private static final long FIRST = 64;

  private static final AtomicLong LIVE = new AtomicLong();

  private final BatchMemory memory;
  private long address;
  private long capacity;

  /** No memory yet; {@code memory} is asked for it. */
  OffHeapBuffer(BatchMemory memory) {
    this.memory = memory;
  }

  /** Bytes of all buffers that have not been freed, since the class was loaded. */
  static long liveBytes() {
    return LIVE.get();
  }

  /** Where the memory starts; 0 before the first reservation. Changes when it grows. */
  long address() {
    return address;
  }

  /** Makes room for {@code more} bytes after the first {@code used}, which are kept. */
  void reserve(long used, long more) {
    if (used + more > capacity) {
      grow(used, used + more);
    }
  }

  private void grow(long used, long needed) {
    long wanted = Math.max(FIRST, Math.max(needed, capacity * 2));
    memory.acquire(wanted - capacity);
    try {
      address =
          address == 0L
              ? Platform.allocateMemory(wanted)
              : Platform.reallocateMemory(address, used, wanted);
    } catch (Throwable error) {
      memory.release(wanted - capacity);
      throw error;
    }
    LIVE.addAndGet(wanted - capacity);
    capacity = wanted;
  }

  /** Sets bit {@code index}; bits are appended in order, so its byte is cleared with the first. */
  void setBit(int index, boolean value) {
    int at = index >>> 3;
    if ((index & 7) == 0) {
      reserve(at, 1);
      Platform.putByte(null, address + at, (byte) 0);
    }
    int mask = 1 << (index & 7);
    int old = Platform.getByte(null, address + at);
    Platform.putByte(null, address + at, (byte) (value ? old | mask : old & ~mask));
  }

  void free() {
    if (address != 0L) {
      Platform.freeMemory(address);
      memory.release(capacity);
      LIVE.addAndGet(-capacity);
      address = 0L;
      capacity = 0L;
    }
  }
}
