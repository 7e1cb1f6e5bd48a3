package io.ncf.jni;

/** Booleans, one bit each. */
final class BitColumnBuilder extends ColumnBuilder {
  private final OffHeapBuffer bits;

  BitColumnBuilder(BatchMemory memory) {
    super(memory);
    bits = new OffHeapBuffer(memory);
  }

  @Override
  public void appendBoolean(boolean value) {
    bits.setBit(rows(), value);
    valid();
  }

  @Override
  void fill() {
    bits.setBit(rows() - 1, false);
  }

  @Override
  long fixedBytes() {
    return 1;
  }

  @Override
  int bufferCount() {
    return 1;
  }

  @Override
  long buffer(int index) {
    return bits.address();
  }

  @Override
  void free() {
    super.free();
    bits.free();
  }
}
