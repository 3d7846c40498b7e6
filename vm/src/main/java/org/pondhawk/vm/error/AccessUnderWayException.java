package org.pondhawk.vm.error;

import java.io.Serial;

/// What was to be unmapped, copied or frozen is being stored into by a thread that does not get on:
/// it was in the middle of one access for longer than the machine's patience, as one that is
/// suspended.
///
/// The operation had no effect, nothing is lost, and it may be tried again.
public final class AccessUnderWayException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /// Makes the exception.
  ///
  /// @param message what was wanted, and how long it was waited for
  public AccessUnderWayException(String message) {
    super(message);
  }
}
