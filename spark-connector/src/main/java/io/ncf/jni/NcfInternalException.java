package io.ncf.jni;

/** A broken promise inside NCF, a panic included: please report it. */
public final class NcfInternalException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfInternalException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfInternalException(String message, Throwable cause) {
    super("Internal", message, cause);
  }
}
