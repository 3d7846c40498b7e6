package org.pondhawk.vm.map;

import java.util.List;
import java.util.function.UnaryOperator;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.sync.VmThread;

/// What a program says of its use of ranges of an address space, and what it can ask about them
/// (`vm_map_madvise`, `mincore`).
///
/// **Contract.** As [Space]: bounds are multiples of the page size. What is not mapped in a range
/// is skipped.
public final class RangeUse {
  private final Space space;
  private final Clipper clipper;
  private final Space.Parts parts;
  private final RangeInterlock interlock;

  RangeUse(Space space, Clipper clipper, Space.Parts parts) {
    this.space = space;
    this.clipper = clipper;
    this.parts = parts;
    this.interlock = new RangeInterlock(parts.leases().ticker(), parts.leases().patienceNanos());
  }

  /// Says how a range is used (`vm_map_madvise`).
  public void setBehavior(long start, long end, Behavior behavior) {
    change(start, end, traits -> traits.withBehavior(behavior));
  }

  /// Says what a child gets of a range (`vm_map_inherit`).
  public void setInheritance(long start, long end, Inheritance inheritance) {
    change(start, end, traits -> traits.withInheritance(inheritance));
  }

  /// Sets and clears flags of [EntryFlags] of a range.
  public void setFlags(long start, long end, int set, int cleared) {
    change(start, end, traits -> traits.withFlags(set, cleared));
  }

  /// Changes what needs no change of any page.
  void change(long start, long end, UnaryOperator<EntryTraits> change) {
    space.withMapLocked(m -> {
      space.requireOpen();
      m.requireNoSubmap(start, end);
      clipper.clip(start);
      clipper.clip(end);
      for (MapEntry entry : m.overlapping(start, end)) {
        m.replace(entry, entry.with(change.apply(entry.traits())));
      }
      clipper.join(start, end);
      return true;
    });
  }

  /// Says that the resident pages of a range will be needed soon, or will not.
  public void advise(VmThread self, long start, long end, boolean needed) {
    RangeAdvice advice = new RangeAdvice(parts.leases().page(), parts.operations());
    space.withMapShared(m -> {
      space.requireOpen();
      m.requireNoSubmap(start, end);
      if (needed) {
        advice.willNeed(self, m, start, end);
      } else {
        advice.dontNeed(self, m, start, end);
      }
      return true;
    });
  }

  /// Gives up the bytes of a range (`MADV_FREE`): what nobody else can see reads as zeros when this
  /// returns, and takes neither memory nor swap; what is wired or shared, or shines through from a
  /// fork, stays as it is. Waits for the leases of the range.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void discard(VmThread self, long start, long end) {
    SpaceLeases.Stop stop = space.leases().stop(self, "discard", start, end, false);
    try {
      space.withMapLocked(m -> {
        space.requireOpen();
        m.requireNoSubmap(start, end);
        List<MapEntry> ours =
            m.overlapping(start, end).stream().filter(RangeUse::isOursAlone).toList();
        for (MapEntry e : ours) {
          space.pmap().remove(Math.max(start, e.start()), Math.min(end, e.end()));
        }
        if (!ours.isEmpty()) {
          parts.grace().synchronize("discard");
        }
        for (MapEntry e : ours) {
          discard(self, e.head(), Math.max(start, e.start()), Math.min(end, e.end()));
        }
        return true;
      });
    } finally {
      space.leases().resume(stop);
    }
  }

  /// Takes the mappings of a range's pages away and nothing else (`MADV_INVAL`): no byte changes,
  /// and the next access to each page is a fault. Wired pages, and those that no fault could map
  /// again, keep theirs. Waits while another thread does the same to a part of the range.
  public void invalidate(VmThread self, long start, long end) {
    RangeInterlock.Held range = interlock.enter(self, start, end); // first: no wait with the map
    try {
      space.withMapShared(m -> {
        space.requireOpen();
        for (MapEntry e = m.from(start); e != null && e.start() < end; e = m.after(e.start())) {
          if (e.backing() != null && !e.isWired() && !e.traits().has(EntryFlags.NO_FAULT)) {
            // No frame is freed: whoever evicts the page later waits for the stores under way.
            space.pmap().invalidate(Math.max(start, e.start()), Math.min(end, e.end()));
          }
        }
        return true;
      });
    } finally {
      interlock.leave(range);
    }
  }

  /// Looks whether a whole range allows some accesses (`vm_map_check_protection`).
  ///
  /// @param access bits of [Access]; 0 asks whether the range is mapped
  public boolean allows(long start, long end, int access) {
    return space.withMapShared(m -> {
      space.requireOpen();
      long at = start;
      for (MapEntry e = m.find(at); e != null && at < end; e = m.find(at)) {
        if (!Access.allows(e.access(), access)) {
          return false;
        }
        at = e.end();
      }
      return at >= end;
    });
  }

  private static boolean isOursAlone(MapEntry entry) {
    Backing head = entry.backing();
    return head != null
        && !head.object().kind().hasOwnPager()
        && head.next() == null
        && !entry.needsCopy()
        && !entry.isWired()
        && head.isAlone();
  }

  private void discard(VmThread self, Backing head, long from, long to) {
    long count = (to - from) >>> space.pageShift();
    parts.reaper().removePages(self, head.object(), head.pindex(from, space.pageShift()), count);
  }

  /// Looks which pages of a range are resident (`mincore`). The map stays shared all the time, so
  /// that there is no change of it to be found out by its timestamp, as where the answer is stored
  /// with the map unlocked.
  ///
  /// @param into gets the bits of [ResidencyScan] of each page
  /// @return the first address that is not mapped, or -1 if all are
  public long residency(VmThread self, long start, byte[] into) {
    ResidencyScan scan =
        new ResidencyScan(parts.leases().page().pages(), space.map(), space.pmap());
    return space.withMapShared(_ -> {
      space.requireOpen();
      for (int i = 0; i < into.length; i++) {
        long address = start + ((long) i << space.pageShift());
        int bits = scan.of(self, address);
        if (bits < 0) {
          return address;
        }
        into[i] = (byte) bits;
      }
      return -1L;
    });
  }
}
