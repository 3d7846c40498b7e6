package org.pondhawk.vm.map;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;

/// A mapped range of an address space and what may be done with it (`vm_map_entry`).
///
/// @param start the first address
/// @param end the address behind the last
/// @param backing what the range shows, with its bounds; null while nobody has touched it, when it
///   shows zeros
/// @param access which accesses are allowed, bits of [Access] (`protection`)
/// @param maxAccess which accesses may ever be allowed (`max_protection`)
/// @param needsCopy whether the head's object may be seen by others who must not see our stores, so
///   that the first store puts a new object above it (`MAP_ENTRY_NEEDS_COPY`)
/// @param inheritance what a forked child gets of the range
/// @param behavior how the range is said to be used
public record MapEntry(
    long start,
    long end,
    @Nullable Backing backing,
    int access,
    int maxAccess,
    boolean needsCopy,
    Inheritance inheritance,
    Behavior behavior) {
  /// An entry that nobody has touched.
  static MapEntry untouched(long start, long end, int access) {
    return new MapEntry(
        start, end, null, access, Access.ALL, false, Inheritance.COPY, Behavior.NORMAL);
  }

  /// What the range shows first.
  ///
  /// @throws VmPanic if nobody has touched it
  public Backing head() {
    if (backing == null) {
      throw new VmPanic("nobody has touched " + this);
    }
    return backing;
  }

  /// How many elements lie beneath the head.
  int depth() {
    return backing == null ? 0 : backing.depth();
  }

  boolean contains(long address) {
    return start <= address && address < end;
  }

  /// The same entry with another chain, and its bounds.
  MapEntry with(Backing other, boolean copyNeeded) {
    return new MapEntry(
        other.start(), other.end(), other, access, maxAccess, copyNeeded, inheritance, behavior);
  }

  /// The same entry with another inheritance.
  MapEntry with(Inheritance other) {
    return new MapEntry(start, end, backing, access, maxAccess, needsCopy, other, behavior);
  }

  /// The same entry with other rights.
  MapEntry with(int newAccess, int newMax) {
    return new MapEntry(start, end, backing, newAccess, newMax, needsCopy, inheritance, behavior);
  }

  /// The same entry, used in another way.
  MapEntry with(Behavior other) {
    return new MapEntry(start, end, backing, access, maxAccess, needsCopy, inheritance, other);
  }

  /// An untouched entry with other bounds.
  MapEntry withBounds(long newStart, long newEnd) {
    if (backing != null) {
      throw new VmPanic("has pages: " + this);
    }
    return new MapEntry(
        newStart, newEnd, null, access, maxAccess, needsCopy, inheritance, behavior);
  }

  /// Whether another entry differs from this one in nothing but its bounds and what it shows.
  boolean isLike(MapEntry other) {
    return access == other.access
        && maxAccess == other.maxAccess
        && needsCopy == other.needsCopy
        && inheritance == other.inheritance
        && behavior == other.behavior;
  }

  @Override
  public String toString() {
    return "0x%x-0x%x %s%s%s %s"
        .formatted(
            start,
            end,
            (access & Access.READ) != 0 ? "r" : "-",
            (access & Access.WRITE) != 0 ? "w" : "-",
            needsCopy ? "c" : "-",
            backing == null ? "untouched" : backing.object());
  }
}
