package org.pondhawk.vm.map;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;

/// A mapped range of an address space and what may be done with it (`vm_map_entry`).
///
/// Never changed: another entry takes its place.
///
/// @param start the first address
/// @param end the address behind the last
/// @param backing what the range shows, with its bounds; null while nobody has touched it, when it
///   shows zeros
/// @param traits what is true of all its pages
/// @param reserve how many bytes below a stack are kept for it to grow into (`avail_ssize`)
public record MapEntry(
    long start, long end, @Nullable Backing backing, EntryTraits traits, long reserve) {
  /// An entry that nobody has touched.
  static MapEntry untouched(long start, long end, EntryTraits traits) {
    return new MapEntry(start, end, null, traits, 0);
  }

  /// An entry that shows something.
  static MapEntry showing(Backing backing, EntryTraits traits) {
    return new MapEntry(backing.start(), backing.end(), backing, traits, 0);
  }

  /// Which accesses are allowed.
  public int access() {
    return traits.access();
  }

  /// Which accesses may ever be allowed.
  public int maxAccess() {
    return traits.maxAccess();
  }

  /// Whether the first store puts a new object above the head.
  public boolean needsCopy() {
    return traits.needsCopy();
  }

  /// What a forked child gets of the range.
  public Inheritance inheritance() {
    return traits.inheritance();
  }

  /// How the range is said to be used.
  public Behavior behavior() {
    return traits.behavior();
  }

  /// Whether its pages are to stay resident.
  public boolean isWired() {
    return traits.wirings() != 0;
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
  public int depth() {
    return backing == null ? 0 : backing.depth();
  }

  /// The lowest address that is kept for it: of a stack the end of what it may grow into, of others
  /// the first address.
  public long foot() {
    return start - reserve;
  }

  boolean contains(long address) {
    return start <= address && address < end;
  }

  /// The same entry with another chain, and its bounds.
  MapEntry with(Backing other, boolean copyNeeded) {
    return new MapEntry(
        other.start(),
        other.end(),
        other,
        traits.withNeedsCopy(copyNeeded),
        other.start() == start ? reserve : 0);
  }

  /// The same entry with other traits.
  MapEntry with(EntryTraits other) {
    return new MapEntry(start, end, backing, other, reserve);
  }

  /// The same entry with another reserve below it.
  MapEntry withReserve(long bytes) {
    return new MapEntry(start, end, backing, traits, bytes);
  }

  /// An untouched entry with other bounds; the lowest part keeps the reserve.
  MapEntry withBounds(long newStart, long newEnd) {
    if (backing != null) {
      throw new VmPanic("has pages: " + this);
    }
    return new MapEntry(newStart, newEnd, null, traits, newStart == start ? reserve : 0);
  }

  /// Whether another entry differs from this one in nothing but its bounds and what it shows, so
  /// that the two may be joined where they meet.
  boolean isLike(MapEntry higher) {
    return traits.equals(higher.traits) && higher.reserve == 0;
  }

  @Override
  public String toString() {
    return "0x%x-0x%x %s%s%s %s"
        .formatted(
            start,
            end,
            Access.describe(access()),
            needsCopy() ? "c" : "-",
            isWired() ? "!" : "",
            backing == null ? "untouched" : backing.object());
  }
}
