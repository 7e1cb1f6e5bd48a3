package io.ncf.jni;

import org.apache.spark.sql.types.Decimal;
import org.apache.spark.unsafe.Platform;

/**
 * One column of a {@link BatchBuilder}, or a part of a nested one: values appended off-heap, in the
 * layout of Arrow, without an object per value.
 *
 * <p>Each subclass takes the values of one layout; the other append methods throw {@link
 * UnsupportedOperationException}. Every row is appended once: by one call, or, when it has parts, by
 * appending the parts to the children and then calling {@link #endStruct()} or {@link #endArray()}.
 */
public abstract class ColumnBuilder {
  private final OffHeapBuffer validity;
  private int rows;
  private int nulls;

  ColumnBuilder(BatchMemory memory) {
    validity = new OffHeapBuffer(memory);
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

  /** Stores the value of a null row: zero, no bytes, no elements, or a null of every child. */
  abstract void fill();

  /** Bytes that every row takes, whatever its value. */
  abstract long fixedBytes();

  /** Number of buffers after the validity. */
  abstract int bufferCount();

  /** Address of a buffer after the validity. */
  abstract long buffer(int index);

  /** Number of children: one of an array or map, one a field of a struct. */
  public int childCount() {
    return 0;
  }

  /**
   * A child: the elements of an array, the entries of a map, which are structs of key and value, or
   * a field of a struct; of a variant value and metadata, of a calendar interval months, days and
   * microseconds.
   */
  public ColumnBuilder child(int index) {
    throw new IndexOutOfBoundsException(index);
  }

  /** Fails with {@link IllegalStateException} unless all children have the values they should. */
  void check() {}

  /** Fails unless {@code child} has as many rows as its parent says. */
  static void requireRows(ColumnBuilder child, int wanted, String what) {
    if (child.rows() != wanted) {
      throw new IllegalStateException(
          "a column has " + child.rows() + " values for " + wanted + " " + what);
    }
  }

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

  /** Appends to an int, date or year-month interval column. */
  public void appendInt(int value) {
    throw wrongType("int");
  }

  /**
   * Appends to a bigint, timestamp, time or day-time interval column, or the unscaled value of a
   * decimal of ≤ 18 digits.
   */
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

  /**
   * Says that an array or map of {@code length} elements follows, whose elements are then appended
   * to the child; {@link #endArray()} ends it.
   *
   * @throws NcfLimitExceededException when the batch cannot take so many
   */
  public void startArray(int length) {
    throw wrongType("array or map");
  }

  /** Appends an array or map of the elements that the child has got since the row before. */
  public void endArray() {
    throw wrongType("array or map");
  }

  /** Appends a struct of the values that the children have got, one each. */
  public void endStruct() {
    throw wrongType("struct");
  }

  private UnsupportedOperationException wrongType(String type) {
    return new UnsupportedOperationException(
        getClass().getSimpleName() + " takes no value of type " + type);
  }
}
