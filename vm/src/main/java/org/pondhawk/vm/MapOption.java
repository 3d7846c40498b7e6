package org.pondhawk.vm;

/// What a [MapRequest] may ask for beside a length, rights and a place (`MAP_*`).
public enum MapOption {
  /// A fork shares the memory: each side sees what the other stores (`MAP_SHARED`). Without it a
  /// fork gets a copy (`MAP_PRIVATE`).
  SHARED,
  /// All of it lies below 4 GiB, if a place is to be found for it (`MAP_32BIT`).
  BELOW_4_GIB,
  /// It lies at a multiple of its length, which is a power of two, if a place is to be found for it
  /// (`MAP_SIZEALIGN`).
  SIZE_ALIGNED,
  /// A stack: its highest part is mapped, and the rest when somebody accesses what lies just below
  /// (`MAP_STACK`, `vm_map_stack`). The length is the most that it may grow to, and is kept free
  /// for it. It can be loaded from and stored into.
  STACK,
  /// It is not written back by the clock, where there is something to write to (`MAP_NOSYNC`).
  NO_SYNC,
  /// It is left out of dumps (`MAP_NOCORE`).
  NO_DUMP
}
