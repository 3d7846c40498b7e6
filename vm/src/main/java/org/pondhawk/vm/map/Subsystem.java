package org.pondhawk.vm.map;

/// Who asked for a mapping: shown in listings, and a reason not to join it with its neighbours
/// (`vm_subsys_t`).
public enum Subsystem {
  /// Nobody said.
  UNKNOWN,
  /// A caller's mapping (`VM_SUBSYS_MMAP`).
  MMAP,
  /// What a grown break maps (`VM_SUBSYS_BRK`).
  BRK,
  /// A stack (`VM_SUBSYS_STACK`).
  STACK,
  /// A segment of shared memory (`VM_SUBSYS_SHMEM`).
  SHMEM,
  /// A page table shown to its user, or another device's memory (`VM_SUBSYS_MAPDEV`).
  MAPDEV,
  /// Memory of the machine's own (`VM_SUBSYS_KMALLOC`).
  KMALLOC,
  /// A part of the machine's own memory with a map of its own (`VM_SUBSYS_SYSMAP`).
  SYSMAP,
  /// Items of one size (`VM_SUBSYS_ZALLOC`).
  ZALLOC,
  /// Adjacent frames (`VM_SUBSYS_CONTIG`).
  CONTIG,
  /// What must not be used by anybody (`VM_SUBSYS_RESERVED`).
  RESERVED
}
