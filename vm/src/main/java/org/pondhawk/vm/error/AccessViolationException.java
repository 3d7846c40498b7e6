package org.pondhawk.vm.error;

import java.io.Serial;

/// An access to an address that is not mapped, or not for this kind of access.
public final class AccessViolationException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final long address;

  /// Makes the exception.
  ///
  /// @param address the address of the first byte that could not be accessed
  /// @param access what was tried, as "read" or "write"
  /// @param why the reason, as "not mapped"
  public AccessViolationException(long address, String access, String why) {
    super(access + " at 0x" + Long.toHexString(address) + ": " + why);
    this.address = address;
  }

  /// The address of the first byte that could not be accessed.
  ///
  /// @return the address in its address space
  public long address() {
    return address;
  }
}
