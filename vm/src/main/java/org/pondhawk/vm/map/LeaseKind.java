package org.pondhawk.vm.map;

/// How a lease has its pages.
public enum LeaseKind {
  /// Soft-busy: nobody replaces them.
  READ,
  /// Hard-busy: nobody else has them.
  WRITE,
  /// Sent: who stores gets another page, and nobody waits.
  SNAPSHOT
}
