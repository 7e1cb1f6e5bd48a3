package io.ncf.jni;

import org.apache.spark.unsafe.Platform;

/** Arrays, and maps as arrays of entries: 32-bit offsets into the one child. */
final class ListColumnBuilder extends ColumnBuilder {
  private final OffHeapBuffer offsets;
  private final ColumnBuilder elements;
  private final BatchMemory memory;
  // An element without bytes of its own still takes some: its validity, its row in other columns.
  private final long elementBytes;
  private int end;

  ListColumnBuilder(ColumnBuilder elements, BatchMemory memory) {
    super(memory);
    this.elements = elements;
    this.memory = memory;
    offsets = new OffHeapBuffer(memory);
    elementBytes = Math.max(1, elements.fixedBytes());
    try {
      putOffset(0);
    } catch (Throwable error) {
      elements.free();
      throw error;
    }
  }

  /** Stores the offset where the elements of row {@code row - 1} end. */
  private void putOffset(int row) {
    offsets.reserve(4L * row, 4);
    Platform.putInt(null, offsets.address() + 4L * row, end);
  }

  @Override
  public void startArray(int length) {
    if ((long) end + length > Integer.MAX_VALUE) {
      throw new NcfLimitExceededException(
          "the arrays or maps of one column in one batch have over 2^31 elements; write smaller ones");
    }
  }

  @Override
  public void endArray() {
    int before = end;
    end = elements.rows();
    memory.valueBytes += (end - before) * elementBytes;
    putOffset(rows() + 1);
    valid();
  }

  @Override
  void fill() {
    putOffset(rows());
  }

  @Override
  long fixedBytes() {
    return 4;
  }

  @Override
  int bufferCount() {
    return 1;
  }

  @Override
  long buffer(int index) {
    return offsets.address();
  }

  @Override
  public int childCount() {
    return 1;
  }

  @Override
  public ColumnBuilder child(int index) {
    return elements;
  }

  @Override
  void check() {
    requireRows(elements, end, "elements");
    elements.check();
  }

  @Override
  void reset() {
    super.reset();
    end = 0;
    elements.reset();
  }

  @Override
  void free() {
    super.free();
    offsets.free();
    elements.free();
  }
}
