package org.pondhawk.vm.queue;

/// How deep an allocation may drain memory (`VM_ALLOC_*` request classes). Every combination of the
/// reference's four classes is one of these ([#with]).
///
/// | class            | takes a free page while                                   | frees a cached one |
/// |------------------|-----------------------------------------------------------|-----|
/// | [#QUICK]         | free ≥ reserved                                           | no  |
/// | [#NORMAL]        | free ≥ reserved                                           | yes |
/// | [#SYSTEM_ONLY]   | as above, or nothing is cached and free > interruptMin    | no  |
/// | [#SYSTEM]        | as above, or nothing is cached and free > interruptMin    | yes |
/// | [#INTERRUPT_ONLY] | free > 0                                                 | no  |
/// | [#INTERRUPT]     | free > 0                                                  | yes |
///
/// A system thread is of the system class as well, whatever it asks for.
public enum AllocClass {
  /// May turn cached pages into free ones; stops at the reserve (`VM_ALLOC_NORMAL`).
  NORMAL(true, false, false),
  /// Stops at the reserve and leaves the cache alone (`VM_ALLOC_QUICK`).
  QUICK(false, false, false),
  /// May go below the reserve when nothing is cached (`VM_ALLOC_NORMAL|VM_ALLOC_SYSTEM`).
  SYSTEM(true, true, false),
  /// May take the last page (`VM_ALLOC_NORMAL|VM_ALLOC_SYSTEM|VM_ALLOC_INTERRUPT`).
  INTERRUPT(true, true, true),
  /// May go below the reserve when nothing is cached, and frees nothing cached itself: it fails
  /// while there is some (`VM_ALLOC_SYSTEM` alone).
  SYSTEM_ONLY(false, true, false),
  /// May take the last page and leaves the cache alone (`VM_ALLOC_INTERRUPT` alone).
  INTERRUPT_ONLY(false, true, true);

  final boolean usesCache;
  final boolean system;
  final boolean interrupt;

  AllocClass(boolean usesCache, boolean system, boolean interrupt) {
    this.usesCache = usesCache;
    this.system = system;
    this.interrupt = interrupt;
  }

  /// Whether it may turn cached pages into free ones.
  public boolean usesCache() {
    return usesCache;
  }

  /// The class that may do what this one may and what another one may.
  public AllocClass with(AllocClass other) {
    boolean cache = usesCache || other.usesCache;
    if (interrupt || other.interrupt) {
      return cache ? INTERRUPT : INTERRUPT_ONLY;
    }
    if (system || other.system) {
      return cache ? SYSTEM : SYSTEM_ONLY;
    }
    return cache ? NORMAL : QUICK;
  }

  /// Whether a free page may be taken.
  ///
  /// @param free how many there are, as the caller sees it
  /// @param cached how many cached ones
  /// @param forSystem whether a system thread asks
  boolean mayTakeFree(FreeLevels levels, long free, long cached, boolean forSystem) {
    if (free >= levels.reserved() || (interrupt && free > 0)) {
      return true;
    }
    return (system || forSystem) && cached == 0 && free > levels.interruptMin();
  }
}
