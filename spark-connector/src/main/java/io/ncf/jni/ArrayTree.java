package io.ncf.jni;

import org.apache.spark.unsafe.Platform;

/**
 * The {@code ArrowArray} structs that hand a tree of builders over, off-heap: one struct for each
 * builder, then the tables of addresses of buffers and children.
 */
final class ArrayTree {
  /** Bytes of an address. */
  private static final int POINTER = 8;

  private final long arrays;
  private final long pointers;
  private long memory;
  private long nextArray;
  private long nextPointer;

  /** Room for the structs of {@code root} and of all builders below it. */
  ArrayTree(ColumnBuilder root) {
    arrays = arrays(root);
    pointers = pointers(root);
    long bytes = ArrowLayout.SIZE * arrays + POINTER * pointers;
    memory = Platform.allocateMemory(bytes);
    Platform.setMemory(memory, (byte) 0, bytes);
  }

  private static long arrays(ColumnBuilder builder) {
    long count = 1;
    for (int index = 0; index < builder.childCount(); index++) {
      count += arrays(builder.child(index));
    }
    return count;
  }

  private static long pointers(ColumnBuilder builder) {
    long count = 1L + builder.bufferCount() + builder.childCount();
    for (int index = 0; index < builder.childCount(); index++) {
      count += pointers(builder.child(index));
    }
    return count;
  }

  /** Points the structs at what the builders hold now; answers the address of the root. */
  long point(ColumnBuilder root) {
    nextArray = memory;
    nextPointer = memory + ArrowLayout.SIZE * arrays;
    return add(root, Native.noopRelease());
  }

  private long add(ColumnBuilder builder, long release) {
    long array = nextArray;
    nextArray += ArrowLayout.SIZE;
    int buffers = 1 + builder.bufferCount();
    int children = builder.childCount();
    long bufferTable = nextPointer;
    long childTable = bufferTable + (long) POINTER * buffers;
    nextPointer = childTable + (long) POINTER * children;
    Platform.putLong(null, array + ArrowLayout.LENGTH, builder.rows());
    Platform.putLong(null, array + ArrowLayout.NULL_COUNT, builder.nulls());
    Platform.putLong(null, array + ArrowLayout.N_BUFFERS, buffers);
    Platform.putLong(null, array + ArrowLayout.N_CHILDREN, children);
    Platform.putLong(null, array + ArrowLayout.BUFFERS, bufferTable);
    Platform.putLong(null, array + ArrowLayout.CHILDREN, children == 0 ? 0L : childTable);
    Platform.putLong(null, array + ArrowLayout.RELEASE, release);
    Platform.putLong(null, bufferTable, builder.validityAddress());
    for (int index = 1; index < buffers; index++) {
      Platform.putLong(null, bufferTable + (long) POINTER * index, builder.buffer(index - 1));
    }
    for (int index = 0; index < children; index++) {
      long child = add(builder.child(index), release);
      Platform.putLong(null, childTable + (long) POINTER * index, child);
    }
    return array;
  }

  /** Frees the structs; does nothing the second time. */
  void free() {
    if (memory != 0L) {
      Platform.freeMemory(memory);
      memory = 0L;
    }
  }
}
