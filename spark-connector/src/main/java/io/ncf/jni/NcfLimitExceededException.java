package io.ncf.jni;

/** A size is over a limit. */
public final class NcfLimitExceededException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfLimitExceededException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfLimitExceededException(String message, Throwable cause) {
    super("LimitExceeded", message, cause);
  }
}
