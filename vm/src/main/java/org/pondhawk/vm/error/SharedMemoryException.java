package org.pondhawk.vm.error;

import java.io.Serial;

/// A call on shared memory was refused; nothing has changed.
public final class SharedMemoryException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /// Why, with the reference's name for it.
  public enum Reason {
    /// There is no segment of the key (`ENOENT`).
    NO_SUCH_KEY,
    /// There is a segment of the key, and it was to be new (`EEXIST`).
    KEY_IN_USE,
    /// There is no segment of the id or at the address, or the size or the address won't do
    /// (`EINVAL`).
    INVALID,
    /// The mode of the segment does not allow it to the caller (`EACCES`).
    NOT_ALLOWED,
    /// The caller is no owner of the segment (`EPERM`).
    NOT_OWNER,
    /// There are as many segments as there may be (`ENOSPC`).
    TOO_MANY_SEGMENTS,
    /// The space has as many segments attached as it may (`EMFILE`).
    TOO_MANY_ATTACHED,
    /// There is no room in the space, or as much is shared as may be (`ENOMEM`).
    NO_ROOM
  }

  private final Reason reason;

  /// Makes the exception.
  ///
  /// @param message what was asked for, and what is in its way
  public SharedMemoryException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /// Why.
  public Reason reason() {
    return reason;
  }
}
