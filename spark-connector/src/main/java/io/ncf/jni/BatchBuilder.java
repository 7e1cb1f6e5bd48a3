package io.ncf.jni;

import org.apache.spark.sql.types.StructType;

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

  private final BatchMemory memory;
  // As in Arrow, a batch is a struct whose fields are the columns.
  private final StructColumnBuilder root;
  private final long rowBytes;
  private final ArrayTree tree;
  private boolean freed;

  /** An empty batch of the columns of {@code schema}, whose memory nobody accounts for. */
  public BatchBuilder(StructType schema) {
    this(schema, null);
  }

  /** The same with memory that {@code granted} is asked for, unless it is null. */
  public BatchBuilder(StructType schema, JvmMemory granted) {
    memory = new BatchMemory(granted);
    root = new StructColumnBuilder(memory, ColumnBuilders.all(TypeLayout.fields(schema), memory));
    rowBytes = root.fixedBytes();
    try {
      tree = new ArrayTree(root);
    } catch (Throwable error) {
      root.free();
      throw error;
    }
  }

  /** Bytes that the values of all batches hold, which closing them frees; for tests. */
  public static long liveBytes() {
    return OffHeapBuffer.liveBytes();
  }

  /** The builder of a column. */
  public ColumnBuilder column(int index) {
    return root.child(index);
  }

  /** Rows so far. */
  public int rows() {
    return root.rows();
  }

  /** Bytes of the rows so far, about: nulls are not counted, and a bit counts as a byte. */
  public long bytes() {
    return root.rows() * rowBytes + memory.valueBytes;
  }

  /** Ends a row; true when the batch is full. */
  public boolean rowDone() {
    root.endStruct();
    return root.rows() >= MAX_ROWS || bytes() >= MAX_BYTES;
  }

  /**
   * Ends the batch.
   *
   * @return the address of the root {@code ArrowArray}, valid until {@link #reset()} or {@link
   *     #close()}; this object stays the owner
   */
  public long finish() {
    root.check();
    return tree.point(root);
  }

  /** Forgets the rows and keeps the memory for the next ones. */
  public void reset() {
    memory.valueBytes = 0;
    root.reset();
  }

  /** Frees all memory; does nothing the second time. */
  @Override
  public void close() {
    if (!freed) {
      freed = true;
      root.free();
      tree.free();
    }
  }
}
