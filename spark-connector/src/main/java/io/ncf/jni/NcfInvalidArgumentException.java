package io.ncf.jni;

/** The caller asked for something that cannot be: an unknown column, option or path, or a
 * closed handle. */
public final class NcfInvalidArgumentException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfInvalidArgumentException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfInvalidArgumentException(String message, Throwable cause) {
    super("InvalidArgument", message, cause);
  }
}
