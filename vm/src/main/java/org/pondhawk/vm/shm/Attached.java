package org.pondhawk.vm.shm;

/// A segment in an address space (`shmmap_state`). Two of the same segment are two.
final class Attached {
  final Segment segment;
  final long address;

  /// Whether it is being detached: nobody else may then. Guarded by the lock of the [Segments].
  boolean leaving;

  Attached(Segment segment, long address) {
    this.segment = segment;
    this.address = address;
  }
}
