package org.pondhawk.vm.map;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;

/// A mapped range of an address space and what may be done with it (`vm_map_entry`).
///
/// Never changed: another entry takes its place.
///
/// @param start the first address
/// @param end the address behind the last
/// @param content what the range shows, with its bounds; null while nobody has touched it, when it
///   shows zeros
/// @param traits what is true of all its pages
/// @param reserve how many bytes below a stack are kept for it to grow into (`avail_ssize`)
public record MapEntry(
    long start, long end, @Nullable EntryContent content, EntryTraits traits, long reserve) {
  /// An entry that nobody has touched.
  static MapEntry untouched(long start, long end, EntryTraits traits) {
    return new MapEntry(start, end, null, traits, 0);
  }

  /// An entry that shows something.
  static MapEntry showing(EntryContent content, EntryTraits traits) {
    return new MapEntry(content.start(), content.end(), content, traits, 0);
  }

  /// Whether nobody has touched it: then no page of it was ever mapped.
  public boolean isUntouched() {
    return content == null;
  }

  /// The chain of objects that the range shows; null if nobody has touched it, or its content is
  /// none of objects.
  public @Nullable Backing backing() {
    return content instanceof Backing chain ? chain : null;
  }

  /// Whether the range has a map of its own.
  boolean isSubmap() {
    return content instanceof Submap;
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
  /// @throws VmPanic if nobody has touched it, or it shows no object
  public Backing head() {
    if (content instanceof Backing chain) {
      return chain;
    }
    throw new VmPanic("shows no object: " + this);
  }

  /// How many elements lie beneath the head.
  public int depth() {
    return content instanceof Backing chain ? chain.depth() : 0;
  }

  /// The lowest address that is kept for it: of a stack the end of what it may grow into, of others
  /// the first address.
  public long foot() {
    return start - reserve;
  }

  boolean contains(long address) {
    return start <= address && address < end;
  }

  /// The same entry with other content, and its bounds.
  MapEntry with(EntryContent other, boolean copyNeeded) {
    return new MapEntry(
        other.start(),
        other.end(),
        other,
        traitsFrom(other.start()).withNeedsCopy(copyNeeded),
        other.start() == start ? reserve : 0);
  }

  /// The same entry with other traits.
  MapEntry with(EntryTraits other) {
    return new MapEntry(start, end, content, other, reserve);
  }

  /// The same entry with another reserve below it.
  MapEntry withReserve(long bytes) {
    return new MapEntry(start, end, content, traits, bytes);
  }

  /// An untouched entry with other bounds; the lowest part keeps the reserve.
  MapEntry withBounds(long newStart, long newEnd) {
    if (content != null) {
      throw new VmPanic("has pages: " + this);
    }
    long kept = newStart == start ? reserve : 0;
    return new MapEntry(newStart, newEnd, null, traitsFrom(newStart), kept);
  }

  /// The traits of a part that starts at an address: the guard belongs to the lowest part.
  private EntryTraits traitsFrom(long newStart) {
    return newStart == start ? traits : traits.withFlags(0, EntryFlags.GUARDED);
  }

  /// Whether another entry differs from this one in nothing but its bounds and what it shows, so
  /// that the two may be joined where they meet.
  boolean isLike(MapEntry higher) {
    return traits.equals(higher.traits)
        && higher.reserve == 0
        && !higher.traits.has(EntryFlags.GUARDED);
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
            shows());
  }

  private String shows() {
    return switch (content) {
      case null -> "untouched";
      case Backing chain -> chain.object().toString();
      case SuppliedRange supplied -> supplied.toString();
      case Submap submap -> submap.toString();
    };
  }
}
