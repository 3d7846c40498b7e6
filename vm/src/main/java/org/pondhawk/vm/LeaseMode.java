package org.pondhawk.vm;

import org.pondhawk.vm.map.Access;

/// What a [PageLease] is for.
public enum LeaseMode {
  /// To read: other leases for reading may be on the same pages, none for writing.
  READ(Access.READ),
  /// To read and write: no other lease is on the same pages.
  WRITE(Access.WRITE);

  final int access;

  LeaseMode(int access) {
    this.access = access;
  }
}
