package org.pondhawk.vm.check;

import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.EntryContent;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;

/// Checks the map of a space by itself: its entries are disjoint, in order and in the range, agree
/// with what they show, and are found by who looks for a place.
final class MapCheck {
  private final Space space;
  private final Findings findings;

  MapCheck(Space space, Findings findings) {
    this.space = space;
    this.findings = findings;
  }

  void run() {
    long end = space.map().first();
    long size = 0;
    for (MapEntry entry : space.map().all()) {
      require(entry.start() >= end, "out of order", entry);
      end = entry.end();
      size += entry.end() - entry.start();
      checkEntry(entry);
      checkChain(entry);
    }
    findings.require(end <= space.map().range(), "space %d: beyond its range", space.id());
    findings.require(
        size == space.map().size(),
        "space %d: maps %d bytes and says %d",
        space.id(),
        size,
        space.map().size());
    long misled = space.map().misleadingHint();
    findings.require(
        misled < 0, "space %d: a hint passes over the hole at 0x%x", space.id(), misled);
  }

  private void checkEntry(MapEntry entry) {
    EntryContent content = entry.content();
    require(
        content == null || (content.start() == entry.start() && content.end() == entry.end()),
        "has content with other bounds",
        entry);
    long pageMask = space.pageSize() - 1L;
    require(
        ((entry.start() | entry.end() | entry.reserve()) & pageMask) == 0
            && entry.start() < entry.end(),
        "not whole pages",
        entry);
    require(
        Access.allows(entry.maxAccess(), entry.access()), "more rights than it may have", entry);
    require(
        entry.reserve() >= 0
            && entry.foot() >= 0
            && (entry.reserve() == 0 || entry.traits().has(EntryFlags.STACK)),
        "keeps what is not below a stack",
        entry);
  }

  /// Every element has the bounds of its entry, belongs to the space and is attached to its object.
  private void checkChain(MapEntry entry) {
    for (Backing b = entry.backing(); b != null; b = b.next()) {
      require(
          b.start() == entry.start() && b.end() == entry.end() && isOfSpace(b),
          "shows an element of other bounds or of another space",
          entry);
    }
  }

  @SuppressWarnings("ReferenceEquality") // this very space
  private boolean isOfSpace(Backing element) {
    return element.space() == space;
  }

  private void require(boolean holds, String what, MapEntry entry) {
    findings.require(
        holds, "space %d: %s: %s, reserve %d", space.id(), what, entry, entry.reserve());
  }
}
