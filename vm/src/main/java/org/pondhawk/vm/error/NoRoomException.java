package org.pondhawk.vm.error;

import java.io.Serial;

/// There is no room in an address space for what was to be mapped: no such place is free, or a
/// limit of the space would be passed (`KERN_NO_SPACE`, `ENOMEM` of the reference's `mmap`).
///
/// Nothing was changed. The call may succeed after something was unmapped, or with another limit.
public final class NoRoomException extends IllegalArgumentException {
  @Serial private static final long serialVersionUID = 1L;

  /// Makes the exception.
  ///
  /// @param message what was to be mapped, and what it does not fit into
  public NoRoomException(String message) {
    super(message);
  }
}
