package io.ncf.jni;

/**
 * The task that a scan or a writer works for. Native code does not see the interruption by which
 * Spark kills a task, so it asks.
 */
public interface JvmTask {
  /**
   * Whether the task was killed. Asked before every page that is decoded or encoded, on the thread
   * that does so.
   */
  boolean isInterrupted();
}
