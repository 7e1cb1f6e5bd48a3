package io.ncf.jni;

import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.CalendarIntervalType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DayTimeIntervalType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimeType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.sql.types.VariantType;
import org.apache.spark.sql.types.YearMonthIntervalType;

/** How values of Spark's types lie in Arrow's buffers, the same in both directions. */
final class TypeLayout {
  /** Decimals of up to this many digits are 64-bit integers, others 128-bit. */
  static final int MAX_LONG_DIGITS = Decimal.MAX_LONG_DIGITS();

  // In the order in which Spark's ColumnVector asks for them.
  private static final DataType[] VARIANT = {DataTypes.BinaryType, DataTypes.BinaryType};
  private static final DataType[] CALENDAR_INTERVAL = {
    DataTypes.IntegerType, DataTypes.IntegerType, DataTypes.LongType
  };

  private TypeLayout() {}

  /**
   * Bytes of one value in the second buffer: 0 for bits and for structs, which have none; 4, of an
   * offset, for values of any length. {@link NcfUnsupportedException} for a type without a layout.
   */
  static int width(DataType type) {
    if (type instanceof BooleanType || type instanceof NullType || fields(type) != null) {
      return 0;
    } else if (type instanceof ByteType) {
      return 1;
    } else if (type instanceof ShortType) {
      return 2;
    } else if (type instanceof IntegerType
        || type instanceof DateType
        || type instanceof FloatType
        || type instanceof YearMonthIntervalType
        || isBytes(type)
        || isList(type)) {
      return 4;
    } else if (type instanceof LongType
        || type instanceof DoubleType
        || type instanceof TimestampType
        || type instanceof TimestampNTZType
        || type instanceof DayTimeIntervalType
        || type instanceof TimeType) {
      return 8;
    } else if (type instanceof DecimalType) {
      return ((DecimalType) type).precision() <= MAX_LONG_DIGITS ? 8 : 16;
    }
    throw new NcfUnsupportedException(
        "type " + type.catalogString() + " is not supported; cast the column to another type");
  }

  /** Whether values are bytes of any length: offsets, and a third buffer for the bytes. */
  static boolean isBytes(DataType type) {
    return type instanceof StringType || type instanceof BinaryType;
  }

  /** Whether values are elements of any number: offsets into one child. */
  static boolean isList(DataType type) {
    return type instanceof ArrayType || type instanceof MapType;
  }

  /** The types of the children of a struct, or of what is laid out as one; else null. */
  static DataType[] fields(DataType type) {
    if (type instanceof StructType) {
      StructType struct = (StructType) type;
      DataType[] types = new DataType[struct.length()];
      for (int index = 0; index < types.length; index++) {
        types[index] = struct.apply(index).dataType();
      }
      return types;
    } else if (type instanceof VariantType) {
      return VARIANT;
    } else if (type instanceof CalendarIntervalType) {
      return CALENDAR_INTERVAL;
    }
    return null;
  }
}
