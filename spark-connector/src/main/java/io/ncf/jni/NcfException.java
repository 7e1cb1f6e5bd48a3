package io.ncf.jni;

/**
 * What NCF throws: one subclass per kind of error, so that callers can catch by who is at fault.
 *
 * <p>The message says what to do and where it happened (file, block, column).
 */
public abstract class NcfException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String kind;

  NcfException(String kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /** The kind's name in the specification: {@code Io}, {@code Corrupt}, {@code Conflict} … */
  public final String kind() {
    return kind;
  }
}
