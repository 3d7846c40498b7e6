package org.pondhawk.vm.error;

import java.io.Serial;

/// A broken invariant of the machine (the reference's `panic`).
///
/// The message carries the decoded state that was found broken. A panic that reaches the edge of
/// the machine halts it: later calls throw [MachineHaltedException] with this as their cause, while
/// inspection and close still work.
public final class VmPanic extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /// Makes a panic.
  ///
  /// @param message what was expected and the decoded state that was found
  public VmPanic(String message) {
    super(message);
  }

  /// Makes a panic that an unexpected exception caused.
  ///
  /// @param message what the machine was doing
  /// @param cause the exception that nobody expected there
  public VmPanic(String message, Throwable cause) {
    super(message, cause);
  }
}
