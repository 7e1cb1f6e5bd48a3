package io.ncf.jni;

/** A commit may or may not have been stored; nothing may be deleted. */
public final class NcfCommitStateUnknownException extends NcfException {
  private static final long serialVersionUID = 1L;

  /** Called by the native library, which looks this constructor up by its signature. */
  public NcfCommitStateUnknownException(String message) {
    this(message, null);
  }

  /** With the exception that caused this one, or null. */
  public NcfCommitStateUnknownException(String message, Throwable cause) {
    super("CommitStateUnknown", message, cause);
  }
}
