package io.ncf.jni;

/** The operating system or the store failed: disk full, no permission, not found. */
public final class NcfIoException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfIoException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfIoException(String message, Throwable cause) {
    super("Io", message, cause);
  }
}
