package io.ncf.jni;

import org.apache.spark.TaskContext;
import org.apache.spark.memory.MemoryConsumer;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.memory.TaskMemoryManager;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Native memory of one scan or writer as Spark's memory manager knows it: part of {@code
 * spark.memory.offHeap.size}, like that of Spark's own operators.
 *
 * <p>It cannot be spilled: a scan needs its pages, and a writer ends a block early by itself when it
 * gets no more.
 */
public final class TaskMemory extends MemoryConsumer
    implements JvmMemory, TaskCompletionListener {
  private boolean ended;

  private TaskMemory(TaskMemoryManager manager) {
    super(manager, MemoryMode.OFF_HEAP);
  }

  /**
   * Memory of the task that this thread runs; null outside of tasks, and where {@code
   * spark.memory.offHeap.enabled} is false. Spark carries out what a task shall do at its end in
   * reverse order: call this before the listener is added that frees the memory.
   */
  public static TaskMemory ofTask() {
    TaskContext context = TaskContext.get();
    if (context == null
        || context.taskMemoryManager().getTungstenMemoryMode() != MemoryMode.OFF_HEAP) {
      return null;
    }
    TaskMemory memory = new TaskMemory(context.taskMemoryManager());
    context.addTaskCompletionListener(memory);
    return memory;
  }

  /** A thread that outlives the task, which must not fail for that, is granted everything. */
  @Override
  public synchronized long acquire(long bytes) {
    return ended ? bytes : acquireMemory(bytes);
  }

  /** Does nothing after the task: Spark has taken back all of it. */
  @Override
  public synchronized void release(long bytes) {
    if (!ended) {
      freeMemory(bytes);
    }
  }

  /** What is still held, by a thread that has outlived the task, is Spark's no more. */
  @Override
  public synchronized void onTaskCompletion(TaskContext context) {
    ended = true;
    freeMemory(getUsed());
  }

  @Override
  public long spill(long size, MemoryConsumer trigger) {
    return 0;
  }
}
