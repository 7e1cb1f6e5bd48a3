package io.ncf.jni;

import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;

/** Makes the builders of a type, those of its parts included. */
final class ColumnBuilders {
  private ColumnBuilders() {}

  /**
   * A builder for {@code type}, or {@link NcfUnsupportedException}; values of any length are counted.
   */
  static ColumnBuilder of(DataType type, ColumnBuilder.ByteCount count) {
    if (type instanceof ArrayType) {
      return new ListColumnBuilder(of(((ArrayType) type).elementType(), count), count);
    } else if (type instanceof MapType) {
      return map((MapType) type, count);
    }
    DataType[] fields = TypeLayout.fields(type);
    if (fields != null) {
      return new StructColumnBuilder(all(fields, count));
    } else if (type instanceof BooleanType || type instanceof NullType) {
      return new BitColumnBuilder();
    } else if (TypeLayout.isBytes(type)) {
      return new BytesColumnBuilder(count);
    }
    return new FixedColumnBuilder(TypeLayout.width(type));
  }

  /** Builders of several types; when one type is unsupported, the memory of the others is freed. */
  static ColumnBuilder[] all(DataType[] types, ColumnBuilder.ByteCount count) {
    ColumnBuilder[] builders = new ColumnBuilder[types.length];
    try {
      for (int index = 0; index < types.length; index++) {
        builders[index] = of(types[index], count);
      }
      return builders;
    } catch (Throwable error) {
      for (ColumnBuilder builder : builders) {
        if (builder != null) {
          builder.free();
        }
      }
      throw error;
    }
  }

  /** As in Arrow: an array of entries, which are structs of key and value and never null. */
  private static ColumnBuilder map(MapType type, ColumnBuilder.ByteCount count) {
    DataType[] entry = {type.keyType(), type.valueType()};
    return new ListColumnBuilder(new StructColumnBuilder(all(entry, count)), count);
  }
}
