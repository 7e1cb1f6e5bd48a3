package io.ncf.jni;

import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;

/** Makes the builders of a type, those of its parts included. */
final class ColumnBuilders {
  private ColumnBuilders() {}

  /** A builder for {@code type}, or {@link NcfUnsupportedException}. */
  static ColumnBuilder of(DataType type, BatchMemory memory) {
    if (type instanceof ArrayType) {
      return new ListColumnBuilder(of(((ArrayType) type).elementType(), memory), memory);
    } else if (type instanceof MapType) {
      return map((MapType) type, memory);
    }
    DataType[] fields = TypeLayout.fields(type);
    if (fields != null) {
      return new StructColumnBuilder(memory, all(fields, memory));
    } else if (type instanceof BooleanType || type instanceof NullType) {
      return new BitColumnBuilder(memory);
    } else if (TypeLayout.isBytes(type)) {
      return new BytesColumnBuilder(memory);
    }
    return new FixedColumnBuilder(TypeLayout.width(type), memory);
  }

  /** Builders of several types; when one type is unsupported, the memory of the others is freed. */
  static ColumnBuilder[] all(DataType[] types, BatchMemory memory) {
    ColumnBuilder[] builders = new ColumnBuilder[types.length];
    try {
      for (int index = 0; index < types.length; index++) {
        builders[index] = of(types[index], memory);
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
  private static ColumnBuilder map(MapType type, BatchMemory memory) {
    DataType[] entry = {type.keyType(), type.valueType()};
    return new ListColumnBuilder(new StructColumnBuilder(memory, all(entry, memory)), memory);
  }
}
