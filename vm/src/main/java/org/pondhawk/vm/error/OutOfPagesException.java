package org.pondhawk.vm.error;

import java.io.Serial;

/// No page could be had: swap is full, or nothing was freed within the caller's deadline.
///
/// The operation that needed the page had no effect. Nothing is lost: memory that is resident or
/// swapped stays readable, and the call may be tried again once memory was given back.
public final class OutOfPagesException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /// Makes the exception.
  ///
  /// @param message what was wanted, and the memory and swap counts that could not give it
  public OutOfPagesException(String message) {
    super(message);
  }
}
