package io.ncf.jni;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Arrays;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.sql.vectorized.ColumnarMap;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * A column of the current batch of a {@link NativeScan}, read by address.
 *
 * <p>One object serves all batches: {@link #reset} points it at the next one. It owns nothing, so
 * {@link #close()} does nothing; values, strings included, are valid as long as the batch is. Rust
 * has checked offsets, UTF-8 and lengths before the batch crosses, and Spark asks only for rows of
 * the batch, so nothing is checked here.
 *
 * <p>One final class for every type: a getter knows its own layout, so it needs no branch on the
 * type, and call sites stay monomorphic.
 */
public final class NcfColumnVector extends ColumnVector {
  private static final long MAX_LONG_DECIMAL = 999_999_999_999_999_999L;

  private static final NcfColumnVector[] NO_CHILDREN = {};

  // Strings of a dictionary of at most this many are made once a batch, not once a row.
  private static final int MAX_REUSED = 1024;

  private final int width;
  private final boolean isBytes;
  private final boolean isStruct;
  private final boolean isMap;
  // The element of an array, key and value of a map, the fields of a struct.
  private final NcfColumnVector[] children;
  private int nulls;
  private int offset;
  // 0 when no row is null.
  private long validity;
  // Values, or offsets of values of any length; with the array's offset added unless they are bits.
  private long values;
  private long bytes;
  // Where rows of strings are codes into a dictionary, whose strings `values` and `bytes` then are.
  private long codes;
  private UTF8String[] reused = {};

  /** A vector of {@code type} without a batch; {@link NcfUnsupportedException} for other types. */
  public NcfColumnVector(DataType type) {
    super(type);
    width = TypeLayout.width(type);
    isBytes = TypeLayout.isBytes(type);
    isStruct = TypeLayout.fields(type) != null;
    isMap = type instanceof MapType;
    children = children(type);
  }

  private static NcfColumnVector[] children(DataType type) {
    if (type instanceof ArrayType) {
      return of(((ArrayType) type).elementType());
    } else if (type instanceof MapType) {
      return of(((MapType) type).keyType(), ((MapType) type).valueType());
    }
    DataType[] fields = TypeLayout.fields(type);
    return fields == null ? NO_CHILDREN : of(fields);
  }

  private static NcfColumnVector[] of(DataType... types) {
    NcfColumnVector[] vectors = new NcfColumnVector[types.length];
    for (int index = 0; index < types.length; index++) {
      vectors[index] = new NcfColumnVector(types[index]);
    }
    return vectors;
  }

  /**
   * Points this vector at a column of a batch.
   *
   * @param array address of the {@code ArrowArray} of the column, see {@link ArrowLayout#child}
   */
  public void reset(long array) {
    reset(array, 0);
  }

  /**
   * Points this vector, and all below it, at an array.
   *
   * @param start row of the array that is row 0 here, before the array's own offset
   */
  private void reset(long array, int start) {
    nulls = (int) Platform.getLong(null, array + ArrowLayout.NULL_COUNT);
    offset = start + (int) Platform.getLong(null, array + ArrowLayout.OFFSET);
    validity = nulls == 0 ? 0L : ArrowLayout.buffer(array, 0);
    if (isStruct) {
      // The offset of a struct holds for its children too: Spark asks them for the struct's row.
      resetChildren(array, offset);
      return;
    }
    if (isBytes) {
      resetBytes(array);
      return;
    }
    values = ArrowLayout.buffer(array, 1) + (long) offset * width;
    if (isMap) {
      long entries = ArrowLayout.child(array, 0);
      resetChildren(entries, (int) Platform.getLong(null, entries + ArrowLayout.OFFSET));
    } else {
      // Those of an array: its offsets count from the first element of the child.
      resetChildren(array, 0);
    }
  }

  private void resetBytes(long array) {
    long dictionary = Platform.getLong(null, array + ArrowLayout.DICTIONARY);
    long strings = dictionary == 0L ? array : dictionary;
    long start = dictionary == 0L ? offset : Platform.getLong(null, strings + ArrowLayout.OFFSET);
    values = ArrowLayout.buffer(strings, 1) + start * width;
    bytes = ArrowLayout.buffer(strings, 2);
    codes = dictionary == 0L ? 0L : ArrowLayout.buffer(array, 1) + (long) offset * Integer.BYTES;
    int count = dictionary == 0L ? 0 : ArrowLayout.length(dictionary);
    int size = count <= MAX_REUSED ? count : 0;
    if (reused.length < size) {
      reused = new UTF8String[size];
    } else {
      Arrays.fill(reused, null);
    }
  }

  private void resetChildren(long array, int start) {
    for (int index = 0; index < children.length; index++) {
      children[index].reset(ArrowLayout.child(array, index), start);
    }
  }

  @Override
  public void close() {}

  @Override
  public boolean hasNull() {
    return nulls != 0;
  }

  @Override
  public int numNulls() {
    return nulls;
  }

  @Override
  public boolean isNullAt(int row) {
    return validity != 0L && !bit(validity, offset + row);
  }

  private static boolean bit(long bitmap, int index) {
    return (Platform.getByte(null, bitmap + (index >>> 3)) >>> (index & 7) & 1) != 0;
  }

  @Override
  public boolean getBoolean(int row) {
    return bit(values, offset + row);
  }

  @Override
  public byte getByte(int row) {
    return Platform.getByte(null, values + row);
  }

  @Override
  public byte[] getBytes(int row, int count) {
    byte[] copy = new byte[count];
    Platform.copyMemory(null, values + row, copy, Platform.BYTE_ARRAY_OFFSET, count);
    return copy;
  }

  @Override
  public short getShort(int row) {
    return Platform.getShort(null, values + 2L * row);
  }

  @Override
  public short[] getShorts(int row, int count) {
    short[] copy = new short[count];
    Platform.copyMemory(null, values + 2L * row, copy, Platform.SHORT_ARRAY_OFFSET, 2L * count);
    return copy;
  }

  @Override
  public int getInt(int row) {
    return Platform.getInt(null, values + 4L * row);
  }

  @Override
  public int[] getInts(int row, int count) {
    int[] copy = new int[count];
    Platform.copyMemory(null, values + 4L * row, copy, Platform.INT_ARRAY_OFFSET, 4L * count);
    return copy;
  }

  @Override
  public long getLong(int row) {
    return Platform.getLong(null, values + 8L * row);
  }

  @Override
  public long[] getLongs(int row, int count) {
    long[] copy = new long[count];
    Platform.copyMemory(null, values + 8L * row, copy, Platform.LONG_ARRAY_OFFSET, 8L * count);
    return copy;
  }

  @Override
  public float getFloat(int row) {
    return Platform.getFloat(null, values + 4L * row);
  }

  @Override
  public float[] getFloats(int row, int count) {
    float[] copy = new float[count];
    Platform.copyMemory(null, values + 4L * row, copy, Platform.FLOAT_ARRAY_OFFSET, 4L * count);
    return copy;
  }

  @Override
  public double getDouble(int row) {
    return Platform.getDouble(null, values + 8L * row);
  }

  @Override
  public double[] getDoubles(int row, int count) {
    double[] copy = new double[count];
    Platform.copyMemory(null, values + 8L * row, copy, Platform.DOUBLE_ARRAY_OFFSET, 8L * count);
    return copy;
  }

  @Override
  public Decimal getDecimal(int row, int precision, int scale) {
    if (isNullAt(row)) {
      return null;
    }
    if (width == 8) {
      return Decimal.createUnsafe(getLong(row), precision, scale);
    }
    long low = Platform.getLong(null, values + 16L * row);
    long high = Platform.getLong(null, values + 16L * row + 8);
    // Spark itself keeps an unscaled value of up to 18 digits as a long, whatever the precision.
    if (high == low >> 63 && low >= -MAX_LONG_DECIMAL && low <= MAX_LONG_DECIMAL) {
      return Decimal.createUnsafe(low, precision, scale);
    }
    byte[] bigEndian = new byte[16];
    for (int index = 0; index < 8; index++) {
      bigEndian[7 - index] = (byte) (high >>> 8 * index);
      bigEndian[15 - index] = (byte) (low >>> 8 * index);
    }
    return Decimal.apply(new BigDecimal(new BigInteger(bigEndian), scale), precision, scale);
  }

  @Override
  public UTF8String getUTF8String(int row) {
    if (isNullAt(row)) {
      return null;
    }
    return codes == 0L ? string(row) : stringOfCode(Platform.getInt(null, codes + 4L * row));
  }

  private UTF8String string(int index) {
    int start = getInt(index);
    return UTF8String.fromAddress(null, bytes + start, getInt(index + 1) - start);
  }

  private UTF8String stringOfCode(int code) {
    if (code >= reused.length) {
      return string(code);
    }
    UTF8String known = reused[code];
    if (known == null) {
      known = string(code);
      reused[code] = known;
    }
    return known;
  }

  @Override
  public byte[] getBinary(int row) {
    if (isNullAt(row)) {
      return null;
    }
    int index = codes == 0L ? row : Platform.getInt(null, codes + 4L * row);
    int start = getInt(index);
    int length = getInt(index + 1) - start;
    byte[] copy = new byte[length];
    Platform.copyMemory(null, bytes + start, copy, Platform.BYTE_ARRAY_OFFSET, length);
    return copy;
  }

  @Override
  public ColumnarArray getArray(int row) {
    if (isNullAt(row)) {
      return null;
    }
    int start = getInt(row);
    return new ColumnarArray(children[0], start, getInt(row + 1) - start);
  }

  @Override
  public ColumnarMap getMap(int row) {
    if (isNullAt(row)) {
      return null;
    }
    int start = getInt(row);
    return new ColumnarMap(children[0], children[1], start, getInt(row + 1) - start);
  }

  /**
   * A field of a struct, the element of an array, key or value of a map, a part of a variant (0
   * value, 1 metadata) or of a calendar interval (0 months, 1 days, 2 microseconds).
   */
  @Override
  public ColumnVector getChild(int ordinal) {
    return children[ordinal];
  }
}
