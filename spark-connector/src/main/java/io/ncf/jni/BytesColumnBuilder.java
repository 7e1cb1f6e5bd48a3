package io.ncf.jni;

import org.apache.spark.unsafe.Platform;

/** Strings and binaries: 32-bit offsets and bytes. */
final class BytesColumnBuilder extends ColumnBuilder {
  private final OffHeapBuffer offsets;
  private final OffHeapBuffer data;
  private final BatchMemory memory;
  private long end;

  BytesColumnBuilder(BatchMemory memory) {
    super(memory);
    this.memory = memory;
    offsets = new OffHeapBuffer(memory);
    data = new OffHeapBuffer(memory);
    putOffset(0);
  }

  /** Stores the offset where the value of row {@code row - 1} ends. */
  private void putOffset(int row) {
    offsets.reserve(4L * row, 4);
    Platform.putInt(null, offsets.address() + 4L * row, (int) end);
  }

  @Override
  public void appendBytes(Object base, long offset, int length) {
    if (end + length > Integer.MAX_VALUE) {
      throw new NcfLimitExceededException(
          "the values of one column in one batch are over 2 GiB; write smaller values");
    }
    data.reserve(end, length);
    Platform.copyMemory(base, offset, null, data.address() + end, length);
    end += length;
    memory.valueBytes += length;
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
    return 2;
  }

  @Override
  long buffer(int index) {
    return index == 0 ? offsets.address() : data.address();
  }

  @Override
  void reset() {
    super.reset();
    end = 0;
  }

  @Override
  void free() {
    super.free();
    offsets.free();
    data.free();
  }
}
