package org.pondhawk.vm.map;

/// A mapped range of an address space and what may be done with it (`vm_map_entry`).
///
/// @param backing what the range shows; it carries the range's bounds
/// @param access which accesses are allowed, bits of [Access]
public record MapEntry(Backing backing, int access) {
  /// The first address.
  public long start() {
    return backing.start();
  }

  /// The address behind the last.
  public long end() {
    return backing.end();
  }

  boolean contains(long address) {
    return start() <= address && address < end();
  }

  @Override
  public String toString() {
    return "0x%x-0x%x %s%s %s"
        .formatted(
            start(),
            end(),
            (access & Access.READ) != 0 ? "r" : "-",
            (access & Access.WRITE) != 0 ? "w" : "-",
            backing.object());
  }
}
