package org.pondhawk.vm.shm;

import org.pondhawk.vm.error.SharedMemoryException;
import org.pondhawk.vm.error.SharedMemoryException.Reason;

/// Words the refusals.
final class Refusals {
  private Refusals() {}

  @SuppressWarnings("AnnotateFormatMethod") // the annotation would be a dependency
  static SharedMemoryException of(Reason reason, String format, Object... what) {
    return new SharedMemoryException(reason, format.formatted(what));
  }

  static SharedMemoryException notAllowed(Caller who, Segment segment) {
    return of(
        Reason.NOT_ALLOWED,
        "user %d may not do that with %s, mode 0%o",
        who.user(),
        segment,
        segment.permission.mode());
  }
}
