package io.ncf.jni;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Owns a native handle. {@link #close()} frees it, any number of times; an owner that was forgotten
 * is freed by a {@link Cleaner} and counted by {@link #leakedHandles()}.
 *
 * <p>Not for use by several threads at once. Subclasses fence themselves ({@link
 * java.lang.ref.Reference#reachabilityFence}) around native calls, or the cleaner could free the
 * handle during the last one.
 */
public abstract class NativeHandle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicLong LEAKED = new AtomicLong();

  private final Owned owned;
  private final Cleaner.Cleanable cleanable;

  NativeHandle(long handle, LongConsumer free) {
    owned = new Owned(handle, free);
    cleanable = CLEANER.register(this, owned);
  }

  /** Handles that were garbage collected without having been closed, since the class was loaded. */
  public static long leakedHandles() {
    return LEAKED.get();
  }

  /** The handle, or an error when this object was closed. */
  final long handle() {
    if (owned.gone.get()) {
      throw new NcfInvalidArgumentException(
          getClass().getSimpleName() + " is closed; open a new one");
    }
    return owned.handle;
  }

  /** Whether the handle is gone. */
  public final boolean isClosed() {
    return owned.gone.get();
  }

  /** Forgets the handle, which native code has consumed. */
  final void consumed() {
    owned.gone.set(true);
    cleanable.clean();
  }

  @Override
  public final void close() {
    try {
      owned.free();
    } finally {
      cleanable.clean();
    }
  }

  /** The part that the cleaner keeps: it must not refer to the owner. */
  private static final class Owned implements Runnable {
    final long handle;
    final LongConsumer free;
    final AtomicBoolean gone = new AtomicBoolean();

    Owned(long handle, LongConsumer free) {
      this.handle = handle;
      this.free = free;
    }

    boolean free() {
      boolean first = gone.compareAndSet(false, true);
      if (first) {
        free.accept(handle);
      }
      return first;
    }

    /** Called by the cleaner, and by {@code clean()} when nothing is left to do. */
    @Override
    public void run() {
      if (free()) {
        LEAKED.incrementAndGet();
      }
    }
  }
}
