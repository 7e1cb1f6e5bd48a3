package io.ncf.jni;

import org.apache.spark.unsafe.Platform;

/**
 * Layout of the struct {@code ArrowArray} of the Arrow C Data Interface on 64-bit platforms: offsets
 * in bytes. Pointers and counts are 8 bytes each.
 */
public final class ArrowLayout {
  /** Rows. */
  public static final int LENGTH = 0;

  /** Null rows. */
  public static final int NULL_COUNT = 8;

  /** Rows to skip at the start of every buffer. */
  public static final int OFFSET = 16;

  /** Number of buffers. */
  public static final int N_BUFFERS = 24;

  /** Number of children. */
  public static final int N_CHILDREN = 32;

  /** Address of an array of buffer addresses; the first is the validity bitmap or 0. */
  public static final int BUFFERS = 40;

  /** Address of an array of addresses of children. */
  public static final int CHILDREN = 48;

  /** Address of the dictionary, or 0. */
  public static final int DICTIONARY = 56;

  /** Address of the C function that frees the struct. */
  public static final int RELEASE = 64;

  /** Whatever the producer needs. */
  public static final int PRIVATE_DATA = 72;

  /** Bytes of the struct. */
  public static final int SIZE = 80;

  private ArrowLayout() {}

  /** Rows of the array at {@code array}. */
  public static int length(long array) {
    return Math.toIntExact(Platform.getLong(null, array + LENGTH));
  }

  /** Number of children of the array at {@code array}. */
  public static int childCount(long array) {
    return Math.toIntExact(Platform.getLong(null, array + N_CHILDREN));
  }

  /** Address of a child of the array at {@code array}; {@code index} is below {@link #childCount}. */
  public static long child(long array, int index) {
    return Platform.getLong(null, Platform.getLong(null, array + CHILDREN) + 8L * index);
  }

  /** Address of a buffer of the array at {@code array}; {@code index} is below its buffer count. */
  static long buffer(long array, int index) {
    return Platform.getLong(null, Platform.getLong(null, array + BUFFERS) + 8L * index);
  }
}
