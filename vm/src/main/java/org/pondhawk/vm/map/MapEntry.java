package org.pondhawk.vm.map;

/// A mapped range of an address space and what may be done with it (`vm_map_entry`).
///
/// @param backing what the range shows; it carries the range's bounds
/// @param access which accesses are allowed, bits of [Access]
/// @param needsCopy whether the head's object may be seen by others who must not see our stores, so
///   that the first store puts a new object above it (`NEEDS_COPY`)
/// @param inheritance what a forked child gets of the range
public record MapEntry(Backing backing, int access, boolean needsCopy, Inheritance inheritance) {
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

  /// The same entry with another chain.
  MapEntry with(Backing other, boolean copyNeeded) {
    return new MapEntry(other, access, copyNeeded, inheritance);
  }

  /// The same entry with another inheritance.
  MapEntry with(Inheritance other) {
    return new MapEntry(backing, access, needsCopy, other);
  }

  @Override
  public String toString() {
    return "0x%x-0x%x %s%s%s %s"
        .formatted(
            start(),
            end(),
            (access & Access.READ) != 0 ? "r" : "-",
            (access & Access.WRITE) != 0 ? "w" : "-",
            needsCopy ? "c" : "-",
            backing.object());
  }
}
