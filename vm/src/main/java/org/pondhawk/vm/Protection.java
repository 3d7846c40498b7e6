package org.pondhawk.vm;

import org.pondhawk.vm.map.Access;

/// What may be done with a mapped range.
public enum Protection {
  /// Nothing: every access is a violation.
  NONE(0),
  /// Loads only.
  READ(Access.READ),
  /// Loads and stores.
  READ_WRITE(Access.READ | Access.WRITE);

  final int access;

  Protection(int access) {
    this.access = access;
  }
}
