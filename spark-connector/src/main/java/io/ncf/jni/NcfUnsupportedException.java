package io.ncf.jni;

/** Valid, but unknown to this build: a newer feature, a type, an encoding, a platform. */
public final class NcfUnsupportedException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfUnsupportedException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfUnsupportedException(String message, Throwable cause) {
    super("Unsupported", message, cause);
  }
}
