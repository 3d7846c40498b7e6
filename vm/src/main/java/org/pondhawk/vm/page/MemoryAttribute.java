package org.pondhawk.vm.page;

/// How a processor may cache a page (`VM_MEMATTR_*`). The machine keeps it and does nothing with
/// it: its frames are memory of a process, which is always cached for writing back.
public enum MemoryAttribute {
  /// Not cached (`VM_MEMATTR_UNCACHEABLE`).
  UNCACHEABLE(0),
  /// Not cached, stores gathered (`VM_MEMATTR_WRITE_COMBINING`).
  WRITE_COMBINING(1),
  /// Cached for loads (`VM_MEMATTR_WRITE_THROUGH`).
  WRITE_THROUGH(4),
  /// Cached, not to be stored into (`VM_MEMATTR_WRITE_PROTECTED`).
  WRITE_PROTECTED(5),
  /// Cached, as memory is by default (`VM_MEMATTR_WRITE_BACK`).
  WRITE_BACK(6),
  /// Not cached unless the processor's own tables say so (`VM_MEMATTR_WEAK_UNCACHEABLE`).
  WEAK_UNCACHEABLE(7);

  private static final MemoryAttribute[] ALL = values();

  /// The reference's number.
  final int code;

  MemoryAttribute(int code) {
    this.code = code;
  }

  static MemoryAttribute of(int code) {
    for (MemoryAttribute attribute : ALL) {
      if (attribute.code == code) {
        return attribute;
      }
    }
    throw new IllegalArgumentException("no memory attribute has the number " + code);
  }
}
