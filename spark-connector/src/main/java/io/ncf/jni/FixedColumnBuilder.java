package io.ncf.jni;

import java.math.BigInteger;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.unsafe.Platform;

/** Values of one fixed width: 1, 2, 4, 8 or 16 bytes, little-endian. */
final class FixedColumnBuilder extends ColumnBuilder {
  private final OffHeapBuffer values;
  private final int width;
  // Where the next value goes, in bytes from the start.
  private long end;

  FixedColumnBuilder(int width, BatchMemory memory) {
    super(memory);
    this.width = width;
    values = new OffHeapBuffer(memory);
  }

  /** Address of a new value of {@code bytes} bytes, which must be the column's width. */
  private long next(int bytes) {
    if (bytes != width) {
      throw new UnsupportedOperationException(
          "a value of " + bytes + " bytes does not fit a column of " + width + " bytes a value");
    }
    values.reserve(end, width);
    long address = values.address() + end;
    end += width;
    return address;
  }

  @Override
  public void appendByte(byte value) {
    Platform.putByte(null, next(1), value);
    valid();
  }

  @Override
  public void appendShort(short value) {
    Platform.putShort(null, next(2), value);
    valid();
  }

  @Override
  public void appendInt(int value) {
    Platform.putInt(null, next(4), value);
    valid();
  }

  @Override
  public void appendLong(long value) {
    Platform.putLong(null, next(8), value);
    valid();
  }

  @Override
  public void appendFloat(float value) {
    Platform.putFloat(null, next(4), value);
    valid();
  }

  @Override
  public void appendDouble(double value) {
    Platform.putDouble(null, next(8), value);
    valid();
  }

  @Override
  public void appendDecimal(Decimal value) {
    if (width == 8) {
      appendLong(value.toUnscaledLong());
      return;
    }
    BigInteger unscaled = value.toJavaBigDecimal().unscaledValue();
    long address = next(16);
    Platform.putLong(null, address, unscaled.longValue());
    Platform.putLong(null, address + 8, unscaled.shiftRight(64).longValue());
    valid();
  }

  @Override
  public void appendDecimal(Object base, long offset, int length) {
    if (length < 1 || length > 16) {
      throw new NcfInvalidArgumentException(
          "a decimal of " + length + " bytes; at most 38 digits can be stored");
    }
    // Big-endian bytes shifted into two words that start as the sign.
    long low = Platform.getByte(base, offset) >> 7;
    long high = low;
    for (int index = 0; index < length; index++) {
      high = high << 8 | low >>> 56;
      low = low << 8 | Platform.getByte(base, offset + index) & 0xffL;
    }
    long address = next(16);
    Platform.putLong(null, address, low);
    Platform.putLong(null, address + 8, high);
    valid();
  }

  @Override
  void fill() {
    Platform.setMemory(next(width), (byte) 0, width);
  }

  @Override
  long fixedBytes() {
    return width;
  }

  @Override
  int bufferCount() {
    return 1;
  }

  @Override
  long buffer(int index) {
    return values.address();
  }

  @Override
  void reset() {
    super.reset();
    end = 0;
  }

  @Override
  void free() {
    super.free();
    values.free();
  }
}
