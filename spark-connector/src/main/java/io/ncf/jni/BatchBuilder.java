package io.ncf.jni;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;

/**
 * Rows for a {@link NativeWriter}: column builders and the tree of {@code ArrowArray} structs that
 * hands them over, all off-heap.
 *
 * <p>Append one value to every column, call {@link #rowDone()}, and when it answers true give the
 * batch to {@link NativeWriter#write(BatchBuilder)}, which empties it. Freed by {@link #close()}.
 */
public final class BatchBuilder implements AutoCloseable {
  /** Rows after which a batch is full. */
  public static final int MAX_ROWS = 16384;

  /** Bytes after which a batch is full. */
  public static final long MAX_BYTES = 8L << 20;

  /** Bytes of an address. */
  private static final int POINTER = 8;

  private final ColumnBuilder[] columns;
  private final ColumnBuilder.ByteCount count = new ColumnBuilder.ByteCount();
  private final long rowBytes;
  private long structs;
  private int rows;

  /** An empty batch of the columns of {@code schema}. */
  public BatchBuilder(StructType schema) {
    columns = new ColumnBuilder[schema.length()];
    long fixed = 0;
    try {
      for (int index = 0; index < columns.length; index++) {
        DataType type = schema.apply(index).dataType();
        columns[index] = ColumnBuilder.of(type, count);
        fixed += NcfColumnVector.width(type);
      }
      structs = Platform.allocateMemory(structBytes());
      Platform.setMemory(structs, (byte) 0, structBytes());
    } catch (Throwable error) {
      close();
      throw error;
    }
    rowBytes = fixed;
  }

  /** The builder of a column. */
  public ColumnBuilder column(int index) {
    return columns[index];
  }

  /** Rows so far. */
  public int rows() {
    return rows;
  }

  /** Bytes of the rows so far, without bits. */
  public long bytes() {
    return rows * rowBytes + count.bytes;
  }

  /** Ends a row; true when the batch is full. */
  public boolean rowDone() {
    rows++;
    return rows >= MAX_ROWS || bytes() >= MAX_BYTES;
  }

  /**
   * Ends the batch.
   *
   * @return the address of the root {@code ArrowArray}, valid until {@link #reset()} or {@link
   *     #close()}; this object stays the owner
   */
  public long finish() {
    long release = Native.noopRelease();
    long children = structs + (long) ArrowLayout.SIZE * (columns.length + 1);
    long buffers = children + (long) POINTER * columns.length;
    // The root has one buffer, the validity of a struct, which is absent.
    putStruct(structs, rows, 0, 1, columns.length, buffers, children, release);
    buffers += POINTER;
    for (int index = 0; index < columns.length; index++) {
      ColumnBuilder column = columns[index];
      if (column.rows() != rows) {
        throw new IllegalStateException(
            "column " + index + " has " + column.rows() + " values for " + rows + " rows");
      }
      long child = structs + (long) ArrowLayout.SIZE * (index + 1);
      Platform.putLong(null, children + (long) POINTER * index, child);
      putStruct(
          child, rows, column.nulls(), 1 + column.bufferCount(), 0, buffers, 0L, release);
      Platform.putLong(null, buffers, column.validityAddress());
      for (int buffer = 0; buffer < column.bufferCount(); buffer++) {
        Platform.putLong(null, buffers + (long) POINTER * (buffer + 1), column.buffer(buffer));
      }
      buffers += (long) POINTER * (1 + column.bufferCount());
    }
    return structs;
  }

  private long structBytes() {
    long buffers = 1;
    for (ColumnBuilder column : columns) {
      buffers += 1 + column.bufferCount();
    }
    return (long) ArrowLayout.SIZE * (columns.length + 1) + POINTER * (columns.length + buffers);
  }

  private static void putStruct(
      long at,
      long rows,
      long nulls,
      long bufferCount,
      long childCount,
      long buffers,
      long children,
      long release) {
    Platform.putLong(null, at + ArrowLayout.LENGTH, rows);
    Platform.putLong(null, at + ArrowLayout.NULL_COUNT, nulls);
    Platform.putLong(null, at + ArrowLayout.N_BUFFERS, bufferCount);
    Platform.putLong(null, at + ArrowLayout.N_CHILDREN, childCount);
    Platform.putLong(null, at + ArrowLayout.BUFFERS, buffers);
    Platform.putLong(null, at + ArrowLayout.CHILDREN, children);
    Platform.putLong(null, at + ArrowLayout.RELEASE, release);
  }

  /** Forgets the rows and keeps the memory for the next ones. */
  public void reset() {
    rows = 0;
    count.bytes = 0;
    for (ColumnBuilder column : columns) {
      column.reset();
    }
  }

  /** Frees all memory; does nothing the second time. */
  @Override
  public void close() {
    for (ColumnBuilder column : columns) {
      if (column != null) {
        column.free();
      }
    }
    if (structs != 0L) {
      Platform.freeMemory(structs);
      structs = 0L;
    }
  }
}
