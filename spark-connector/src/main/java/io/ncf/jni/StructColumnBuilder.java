package io.ncf.jni;

/** Structs: a value of each child for each row, null children below a null struct. */
final class StructColumnBuilder extends ColumnBuilder {
  private final ColumnBuilder[] children;

  /** Becomes the owner of {@code children}. */
  StructColumnBuilder(BatchMemory memory, ColumnBuilder... children) {
    super(memory);
    this.children = children;
  }

  @Override
  public void endStruct() {
    valid();
  }

  @Override
  void fill() {
    for (ColumnBuilder child : children) {
      child.appendNull();
    }
  }

  @Override
  long fixedBytes() {
    long bytes = 0;
    for (ColumnBuilder child : children) {
      bytes += child.fixedBytes();
    }
    return bytes;
  }

  @Override
  int bufferCount() {
    return 0;
  }

  @Override
  long buffer(int index) {
    throw new IndexOutOfBoundsException(index);
  }

  @Override
  public int childCount() {
    return children.length;
  }

  @Override
  public ColumnBuilder child(int index) {
    return children[index];
  }

  @Override
  void check() {
    for (int index = 0; index < children.length; index++) {
      requireRows(children[index], rows(), "rows");
      children[index].check();
    }
  }

  @Override
  void reset() {
    super.reset();
    for (ColumnBuilder child : children) {
      child.reset();
    }
  }

  @Override
  void free() {
    super.free();
    for (ColumnBuilder child : children) {
      child.free();
    }
  }
}
