package org.pondhawk.vm.error;

import java.io.Serial;

/// The machine stopped after a [VmPanic], or was closed; the cause says which.
public final class MachineHaltedException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /// Makes the exception for a machine that a panic halted.
  ///
  /// @param cause the panic that halted the machine
  public MachineHaltedException(Throwable cause) {
    super("the machine is halted: " + cause.getMessage(), cause);
  }
}
