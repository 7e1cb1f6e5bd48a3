package io.ncf.jni;

import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.unsafe.Platform;

/**
 * One column of a {@link BatchBuilder}: values appended off-heap, in the layout of Arrow, without an
 * object per value.
 *
 * <p>Each subclass takes the values of one layout; the other append methods throw {@link
 * UnsupportedOperationException}. Every row is appended once, by one call.
 */
public abstract class ColumnBuilder {
  private final OffHeapBuffer validity = new OffHeapBuffer();
  private int rows;
  private int nulls;

  ColumnBuilder() {}

  /** Bytes in the values of any length of all columns of a batch, so that a batch knows its size. */
  static final class ByteCount {
    long bytes;
  }

  /** A builder for {@code type}, or {@link NcfUnsupportedException}; values of any length are counted. */
  static ColumnBuilder of(DataType type, ByteCount count) {
    int width = NcfColumnVector.width(type);
    if (type instanceof BooleanType) {
      return new BitColumnBuilder();
    }
    return NcfColumnVector.isBytes(type)
        ? new BytesColumnBuilder(count)
        : new FixedColumnBuilder(width);
  }

  /** Rows so far. */
  public final int rows() {
    return rows;
  }

  /** Null rows so far. */
  public final int nulls() {
    return nulls;
  }

  /** Appends a null. */
  public final void appendNull() {
    if (nulls == 0) {
      // Earlier rows had no bitmap: all of them are valid.
      validity.reserve(0, (rows >>> 3) + 1L);
      Platform.setMemory(validity.address(), (byte) -1, (rows >>> 3) + 1L);
    }
    nulls++;
    validity.setBit(rows++, false);
    fill();
  }

  /** Counts a row whose value the subclass has stored. */
  final void valid() {
    if (nulls != 0) {
      validity.setBit(rows, true);
    }
    rows++;
  }

  /** Stores the value of a null row: zero, or no bytes. */
  abstract void fill();

  /** Number of buffers after the validity. */
  abstract int bufferCount();

  /** Address of a buffer after the validity. */
  abstract long buffer(int index);

  /** Address of the validity bitmap, 0 when no row is null. */
  final long validityAddress() {
    return nulls == 0 ? 0L : validity.address();
  }

  /** Forgets the rows and keeps the memory. */
  void reset() {
    rows = 0;
    nulls = 0;
  }

  /** Frees the memory; the builder cannot be used afterwards. */
  void free() {
    validity.free();
  }

  /** Appends to a boolean column. */
  public void appendBoolean(boolean value) {
    throw wrongType("boolean");
  }

  /** Appends to a tinyint column. */
  public void appendByte(byte value) {
    throw wrongType("tinyint");
  }

  /** Appends to a smallint column. */
  public void appendShort(short value) {
    throw wrongType("smallint");
  }

  /** Appends to an int or date column. */
  public void appendInt(int value) {
    throw wrongType("int");
  }

  /** Appends to a bigint or timestamp column, or the unscaled value of a decimal of ≤ 18 digits. */
  public void appendLong(long value) {
    throw wrongType("bigint");
  }

  /** Appends to a float column. */
  public void appendFloat(float value) {
    throw wrongType("float");
  }

  /** Appends to a double column. */
  public void appendDouble(double value) {
    throw wrongType("double");
  }

  /** Appends to a decimal column; the value has the column's scale. */
  public void appendDecimal(Decimal value) {
    throw wrongType("decimal");
  }

  /**
   * Appends to a column of decimals of more than 18 digits.
   *
   * @param base the object that holds the bytes of the unscaled value, as {@link
   *     java.math.BigInteger#toByteArray} makes them, at most 16
   * @param offset where in {@code base} the bytes start
   */
  public void appendDecimal(Object base, long offset, int length) {
    throw wrongType("decimal");
  }

  /**
   * Appends to a string or binary column.
   *
   * @param base the object that holds the bytes, null for an address, as in {@link Platform}
   * @param offset where in {@code base} the bytes start
   */
  public void appendBytes(Object base, long offset, int length) {
    throw wrongType("string or binary");
  }

  private UnsupportedOperationException wrongType(String type) {
    return new UnsupportedOperationException(
        getClass().getSimpleName() + " takes no value of type " + type);
  }
}
