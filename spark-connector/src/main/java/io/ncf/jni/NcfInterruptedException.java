package io.ncf.jni;

/** The caller wants the result no more: its task was killed. */
public final class NcfInterruptedException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfInterruptedException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfInterruptedException(String message, Throwable cause) {
    super("Interrupted", message, cause);
  }
}
