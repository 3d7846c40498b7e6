package org.pondhawk.vm.error;

import java.io.Serial;

/// A lease is in the way: of an operation on its range that has waited long enough for its end, or
/// of an access by the very thread that holds it, which would wait for itself.
///
/// Nothing was changed. The call may be tried again once the lease is closed.
public final class LeaseHeldException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  private final long address;

  /// Makes the exception.
  ///
  /// @param message what was wanted, and which lease is in the way
  /// @param address the address of the lease, or the one that was accessed
  public LeaseHeldException(String message, long address) {
    super(message);
    this.address = address;
  }

  /// The address of the lease, or the one that was accessed.
  ///
  /// @return the address in its address space
  public long address() {
    return address;
  }
}
