package org.pondhawk.vm.queue;

/// How deep an allocation may drain memory (`VM_ALLOC_*` request classes).
public enum AllocClass {
  /// May turn cached pages into free ones; stops at the reserve (`VM_ALLOC_NORMAL`).
  NORMAL(true, false, false),
  /// Stops at the reserve and leaves the cache alone (`VM_ALLOC_QUICK`).
  QUICK(false, false, false),
  /// May go below the reserve when nothing is cached (`VM_ALLOC_NORMAL|VM_ALLOC_SYSTEM`).
  SYSTEM(true, true, false),
  /// May take the last page (`VM_ALLOC_NORMAL|VM_ALLOC_SYSTEM|VM_ALLOC_INTERRUPT`).
  INTERRUPT(true, true, true);

  final boolean usesCache;
  final boolean system;
  final boolean interrupt;

  AllocClass(boolean usesCache, boolean system, boolean interrupt) {
    this.usesCache = usesCache;
    this.system = system;
    this.interrupt = interrupt;
  }
}
