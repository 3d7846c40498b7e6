package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.object.VmObject;

/// Cuts entries of a map where a change begins or ends, and joins what is alike again
/// (`vm_map_clip_start`, `vm_map_clip_end`, `vm_map_simplify_entry`).
///
/// **Contract.** The map is locked exclusively. A reverse scan finds the mappings of a page at
/// every moment: in each object the new parts take the place of the old ones in one step.
final class Clipper {
  private final AddressMap map;
  private final int pageShift;

  Clipper(AddressMap map, int pageShift) {
    this.map = map;
    this.pageShift = pageShift;
  }

  /// Splits the entry that an address lies inside of, so that one starts there.
  void clip(long address) {
    MapEntry entry = map.find(address);
    if (entry == null || entry.start() == address) {
      return;
    }
    split(entry, address, address);
    for (Backing element = entry.backing(); element != null; element = element.next()) {
      element.object().dereferenceShared();
    }
  }

  /// Replaces an entry by what lies before `from` and behind `to` in it. The references of the
  /// whole are still held.
  void split(MapEntry entry, long from, long to) {
    switch (entry.content()) {
      case null -> splitUntouched(entry, from, to);
      case Backing _ -> splitShown(entry, from, to);
      case SuppliedRange whole -> splitSupplied(entry, whole, from, to);
      case Submap _ -> removeSubmap(entry, from, to);
    }
  }

  private void splitShown(MapEntry entry, long from, long to) {
    List<MapEntry> kept = new ArrayList<>();
    if (from > entry.start()) {
      kept.add(part(entry, entry.start(), from));
    }
    if (to < entry.end()) {
      kept.add(part(entry, to, entry.end()));
    }
    List<@Nullable Backing> parts = new ArrayList<>();
    kept.forEach(part -> parts.add(part.backing()));
    for (Backing element = entry.backing(); element != null; element = element.next()) {
      VmObject object = element.object();
      parts.forEach(_ -> object.reference());
      object.replace(element, parts.toArray(Backing[]::new));
      parts.replaceAll(part -> part == null ? null : part.next());
    }
    map.remove(entry);
    kept.forEach(map::insert);
  }

  private void splitUntouched(MapEntry entry, long from, long to) {
    map.remove(entry);
    if (from > entry.start()) {
      map.insert(entry.withBounds(entry.start(), from));
    }
    if (to < entry.end()) {
      map.insert(entry.withBounds(to, entry.end()));
    }
  }

  /// Each part has a range of its own, whose first page is the one it showed before.
  private void splitSupplied(MapEntry entry, SuppliedRange whole, long from, long to) {
    List<SuppliedRange> parts = new ArrayList<>();
    if (from > entry.start()) {
      parts.add(whole.part(entry.start(), from));
    }
    if (to < entry.end()) {
      parts.add(whole.part(to, entry.end()));
    }
    addAll(whole.supplier(), parts);
    map.remove(entry);
    parts.forEach(part -> map.insert(entry.with(part, false)));
    whole.supplier().removed(whole);
  }

  /// Adds all ranges, or none.
  private static void addAll(PageSupplier supplier, List<SuppliedRange> ranges) {
    int added = 0;
    try {
      for (SuppliedRange range : ranges) {
        supplier.added(range);
        added++;
      }
    } catch (RuntimeException | Error refused) {
      ranges.subList(0, added).forEach(supplier::removed);
      throw refused;
    }
  }

  /// A range with a map of its own goes as a whole, when all of the space does.
  private void removeSubmap(MapEntry entry, long from, long to) {
    if (from != entry.start() || to != entry.end()) {
      throw new VmPanic("a part of what has a map of its own: " + entry);
    }
    map.remove(entry);
  }

  private MapEntry part(MapEntry entry, long start, long end) {
    return entry.with(entry.head().part(start, end, pageShift), entry.needsCopy());
  }

  /// Joins the entries of a range, and those that touch it, where they are alike.
  void join(long start, long end) {
    MapEntry entry = map.find(Math.max(0, start - 1));
    if (entry == null) {
      entry = map.after(start - 1);
    }
    while (entry != null && entry.start() <= end) {
      MapEntry next = map.after(entry.start());
      entry = next == null ? null : joinOrPass(entry, next);
    }
  }

  /// Joins two neighbours if they are alike.
  ///
  /// @return what they became, or the second
  private MapEntry joinOrPass(MapEntry entry, MapEntry next) {
    MapEntry joined = joined(entry, next);
    if (joined == null) {
      return next;
    }
    map.remove(next);
    map.remove(entry);
    map.insert(joined);
    return joined;
  }

  /// One entry for two that follow each other, or null if they do not make one. Chains are not
  /// joined.
  private @Nullable MapEntry joined(MapEntry left, MapEntry right) {
    if (left.end() != right.start() || !left.isLike(right)) {
      return null;
    }
    Backing a = left.backing();
    Backing b = right.backing();
    if (left.isUntouched() && right.isUntouched()) {
      return left.withBounds(left.start(), right.end());
    }
    if (a == null || b == null || !follows(a, b)) {
      return null;
    }
    VmObject object = a.object();
    Backing both = new Backing(a.start(), b.end(), object, a.firstPindex(), a.space(), null);
    object.replace(a, both);
    object.replace(b);
    object.dereferenceShared();
    return left.with(both, left.needsCopy());
  }

  @SuppressWarnings("ReferenceEquality") // the same object, not one that looks the same
  private static boolean follows(Backing a, Backing b) {
    return a.object() == b.object()
        && a.next() == null
        && b.next() == null
        && a.endPindex() == b.firstPindex();
  }
}
