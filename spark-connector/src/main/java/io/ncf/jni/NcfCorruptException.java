package io.ncf.jni;

/** Stored bytes are damaged or were not written by NCF. */
public final class NcfCorruptException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfCorruptException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfCorruptException(String message, Throwable cause) {
    super("Corrupt", message, cause);
  }
}
