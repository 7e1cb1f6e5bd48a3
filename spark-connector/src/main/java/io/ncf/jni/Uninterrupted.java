package io.ncf.jni;

import java.io.IOException;

/**
 * Clears up after a task that was killed. Its thread is interrupted, and Hadoop's clients give up
 * when theirs is.
 */
final class Uninterrupted {
  /** Something that may fail. */
  interface CleanUp {
    void run() throws IOException;
  }

  private Uninterrupted() {}

  /** Runs {@code cleanUp} without the thread's interruption, and restores that. */
  static void run(CleanUp cleanUp) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      cleanUp.run();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** As {@link #run}; what fails leaves a file that no table knows. */
  static void quietly(CleanUp cleanUp) {
    try {
      run(cleanUp);
    } catch (IOException | RuntimeException ignored) {
      // See above.
    }
  }
}
