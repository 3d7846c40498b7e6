package org.pondhawk.vm;

import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.LeaseKind;

/// What a [PageLease] is for.
public enum LeaseMode {
  /// To read: other leases for reading may be on the same pages, none for writing.
  READ(Access.READ, LeaseKind.READ),
  /// To read and write: no other lease is on the same pages.
  WRITE(Access.WRITE, LeaseKind.WRITE),
  /// To send out: the bytes stay what they are when the lease is made, while anybody goes on
  /// storing. The first store into each page gets a copy of it to store into.
  SNAPSHOT(Access.READ, LeaseKind.SNAPSHOT);

  final int access;
  final LeaseKind kind;

  LeaseMode(int access, LeaseKind kind) {
    this.access = access;
    this.kind = kind;
  }
}
