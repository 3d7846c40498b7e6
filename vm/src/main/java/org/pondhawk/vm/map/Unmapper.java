package org.pondhawk.vm.map;

import java.util.List;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.sync.VmThread;

/// Takes ranges out of the map of a space (`vm_map_delete`, `vm_map_remove`).
///
/// **Contract.** As [Space]. What is not mapped in a range is skipped. When an operation returns,
/// no thread can reach the old pages any more.
public final class Unmapper {
  private final Space space;
  private final AddressMap map;
  private final Clipper clipper;
  private final Space.Parts parts;

  Unmapper(Space space, Clipper clipper, Space.Parts parts) {
    this.space = space;
    this.map = space.map();
    this.clipper = clipper;
    this.parts = parts;
  }

  /// Unmaps a range. Waits for its leases.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  void unmap(VmThread self, long start, long end) {
    if (!unmapUntouched(start, end)) {
      replace(self, start, end, () -> {});
    }
  }

  /// Unmaps a range and does what is to be done in the same step.
  ///
  /// @param then runs with the map locked exclusively
  /// @throws IllegalArgumentException if a part of the range has a map of its own
  void replace(VmThread self, long start, long end, Runnable then) {
    replace(self, start, end, () -> {}, then);
  }

  /// The same, if something is so.
  ///
  /// @param required runs with the map locked exclusively before anything is changed, and throws if
  ///   it is not so
  void replace(VmThread self, long start, long end, Runnable required, Runnable then) {
    SpaceLeases.Stop stop = space.leases().stop(self, "unmap", start, end, false);
    try {
      space.withMapLocked(m -> {
        m.requireNoSubmap(start, end);
        required.run();
        removeRange(self, start, end);
        then.run();
        return true;
      });
    } finally {
      space.leases().resume(stop);
    }
  }

  /// Unmaps a range that nobody has touched: it has no page, no page table and no lease that has
  /// got one, so that there is nothing to wait for.
  ///
  /// @return false if somebody has; nothing is changed then
  private boolean unmapUntouched(long start, long end) {
    long stamp = map.lockExclusive();
    try {
      MapEntry first = map.from(start);
      for (MapEntry e = first; e != null && e.start() < end; e = map.after(e.start())) {
        if (!e.isUntouched()) {
          return false;
        }
      }
      for (MapEntry e = first; e != null && e.start() < end; e = map.after(e.start())) {
        clipper.split(e, Math.max(start, e.start()), Math.min(end, e.end()));
      }
      map.unmapped(start, end);
      return true;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Unmaps a range. The map is locked exclusively, and the leases of the range are stopped.
  void removeRange(VmThread self, long start, long end) {
    removeHidden(self, hide(self, start, end), start, end);
  }

  /// Takes the pages of a range out of reach, and nothing else: the next access would map them
  /// again. The map is locked exclusively, and the leases of the range are stopped.
  ///
  /// @return the entries of the range
  /// @throws AccessUnderWayException if a store under way does not end
  List<MapEntry> hide(VmThread self, long start, long end) {
    List<MapEntry> affected = map.overlapping(start, end);
    boolean touched = false;
    for (MapEntry entry : affected) {
      if (!entry.isUntouched()) { // else no page of it was ever mapped
        space.wiring().forget(self, Math.max(start, entry.start()), Math.min(end, entry.end()));
        space.pmap().remove(Math.max(start, entry.start()), Math.min(end, entry.end()));
        touched = true;
      }
    }
    if (touched) {
      // Once a call: a guarded store may be under way, also into a page that was mapped until an
      // earlier call gave up. If it does not end, nothing has happened yet but that pages are not
      // mapped, and the next access maps them again.
      parts.grace().synchronize("unmap");
    }
    return affected;
  }

  /// Unmaps a range whose pages are out of reach since the map was locked.
  ///
  /// @param affected the entries of the range
  void removeHidden(VmThread self, List<MapEntry> affected, long start, long end) {
    if (affected.isEmpty()) {
      return;
    }
    for (MapEntry entry : affected) {
      cut(self, entry, Math.max(start, entry.start()), Math.min(end, entry.end()));
    }
    map.unmapped(start, end);
    space.pmap().uncharge(self, start, end);
  }

  /// Takes [from, to) out of an entry, keeping what lies before and behind.
  private void cut(VmThread self, MapEntry entry, long from, long to) {
    Backing whole = entry.backing();
    clipper.split(entry, from, to);
    long count = (to - from) >>> parts.pageShift();
    for (Backing element = whole; element != null; element = element.next()) {
      long first = element.pindex(from, parts.pageShift());
      if (!element.object().kind().hasOwnPager()) {
        parts.reaper().removeUnshown(self, element.object(), first, count);
      }
      leave(self, element);
    }
  }

  /// Gives back the reference of an element that was detached.
  void leave(VmThread self, Backing element) {
    parts.reaper().release(self, element.object());
    parts.collapser().detached(element.object());
  }
}
