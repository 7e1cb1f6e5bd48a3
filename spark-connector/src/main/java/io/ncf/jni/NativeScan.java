package io.ncf.jni;

import java.lang.ref.Reference;

/** A scan of one split. The current batch belongs to the scan. */
public final class NativeScan extends NativeHandle {
  private NativeScan(long handle) {
    super(handle, Native::closeScan);
  }

  /** Opens a scan; the arguments are those of {@link Native#openScan}. */
  public static NativeScan open(
      String request, JvmStorage storage, JvmMemory memory, JvmTask task) {
    NativeLibrary.load();
    return new NativeScan(Native.openScan(request, storage, memory, task));
  }

  /** The same for nobody's task, and without anybody who grants memory. */
  public static NativeScan open(String request, JvmStorage storage) {
    return open(request, storage, null, null);
  }

  /**
   * Decodes the next batch and drops the one before.
   *
   * @return address of an {@code ArrowArray} with one child per column, valid until the next call or
   *     {@link #close()}; 0 at the end. A batch of 0 rows is not the end: call again
   */
  public long nextBatch() {
    try {
      return Native.nextBatch(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Ends the scan, and frees all of it but the current batch. */
  public void keepBatch() {
    try {
      Native.keepBatch(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The counters so far, as JSON. */
  public String metrics() {
    try {
      return Native.scanMetrics(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
