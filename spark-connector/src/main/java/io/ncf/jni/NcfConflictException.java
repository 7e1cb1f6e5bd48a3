package io.ncf.jni;

/** Another transaction won; nothing was changed. */
public final class NcfConflictException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfConflictException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfConflictException(String message, Throwable cause) {
    super("Conflict", message, cause);
  }
}
