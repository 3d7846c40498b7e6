package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Ranges whose pages stay in memory (`vm_map_user_wiring`, `vm_map_kernel_wiring`).
///
/// **Contract.** A range is marked first and its pages are brought in afterwards, with the map
/// unlocked: each page is wired once for each mapping of it in a marked range, by the fault that
/// maps it, now or later (`vm_fault_wire`). A user's wiring does not nest; the machine's own do.
/// Operations on one space come one after the other; unmapping does not wait for them: a range that
/// goes while it is being wired ends the wiring of all of it.
///
/// **Failure.** What a failed operation had marked is as before. The exceptions are those of a
/// fault.
public final class Wiring {
  /*
   * W1  an entry of the page table is wired  =>  its map entry is, or is about to give it back
   * W2  a page's wirings >= the wired entries that map it
   *
   * The lock comes before the map's, and is held while pages come in: they may take as long as I/O does.
   */
  private final Space space;
  private final AddressMap map;
  private final Clipper clipper;
  private final PageParts page;
  private final SpaceLeases leases;
  private final RangeWirer wirer;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile boolean future;

  /// Who keeps a range in memory.
  private enum Owner {
    USER,
    MACHINE
  }

  /// A marked range, and what is brought in of it.
  private record Marked(long start, long end, int access) {}

  Wiring(Space space, Clipper clipper, Space.Parts parts) {
    this.space = space;
    this.map = space.map();
    this.clipper = clipper;
    this.page = parts.leases().page();
    this.leases = space.leases();
    this.wirer = parts.wirer();
  }

  /// Wires a range for its user, if it is not yet (`mlock`). Every page of it is resident, and the
  /// space's own where it may be stored into, when this returns.
  ///
  /// @throws AccessViolationException if a part of the range is not mapped, or allows no access;
  ///   nothing has changed
  /// @throws org.pondhawk.vm.error.OutOfPagesException if too much is wired, or there is no memory
  public void wire(VmThread self, long start, long end) {
    wirer.requireRoom((end - start) >>> space.pageShift());
    alone(() -> {
      requireAll("wire", start, end, e -> e.access() != 0, "no access is allowed");
      bringInOrUndo(self, mark(start, end, Owner.USER), Owner.USER);
    });
  }

  /// Ends [#wire] (`munlock`). The pages may be reclaimed as any.
  ///
  /// @throws AccessViolationException if a part of the range is not mapped, or not wired by its
  ///   user; nothing has changed
  public void unwire(VmThread self, long start, long end) {
    alone(() -> {
      requireAll("unwire", start, end, e -> e.traits().has(EntryFlags.USER_WIRED), "not wired");
      unmark(self, List.of(new Marked(start, end, 0)), Owner.USER);
    });
  }

  /// Wires all that is mapped and allows an access (`mlockall` with `MCL_CURRENT`).
  public void wireAll(VmThread self) {
    wirer.requireRoom(map.size() >>> space.pageShift());
    alone(() -> bringInOrUndo(self, mark(0, map.range(), Owner.USER), Owner.USER));
  }

  /// Ends every user's wiring of the space, and of what will be mapped (`munlockall`).
  public void unwireAll(VmThread self) {
    space.withMapShared(_ -> {
      space.requireOpen();
      return true;
    });
    future = false;
    alone(() -> unmark(self, List.of(new Marked(0, map.range(), 0)), Owner.USER));
  }

  /// Whether what is mapped from now on is wired (`MAP_WIREFUTURE`).
  public boolean wiresFuture() {
    return future;
  }

  /// Says whether what is mapped from now on is wired.
  public void setFuture(boolean wired) {
    future = wired;
  }

  /// Wires a range once more for the machine itself (`vm_map_kernel_wiring`, `vslock`).
  public void wireForMachine(VmThread self, long start, long end) {
    alone(() -> {
      requireAll("wire", start, end, e -> e.access() != 0, "no access is allowed");
      bringInOrUndo(self, mark(start, end, Owner.MACHINE), Owner.MACHINE);
    });
  }

  /// Ends one [#wireForMachine] (`vsunlock`).
  ///
  /// @throws AccessViolationException if a part of the range is not wired so; nothing has changed
  public void unwireForMachine(VmThread self, long start, long end) {
    alone(() -> {
      requireAll("unwire", start, end, e -> machineWirings(e) > 0, "not wired");
      unmark(self, List.of(new Marked(start, end, 0)), Owner.MACHINE);
    });
  }

  /// Gives the space pages of its own for what it has wired and may store into, after a fork made
  /// them the child's as well (`vm_fault_copy_entry`; there the child gets the copies).
  public void keepOwn(VmThread self) {
    List<Marked> shared = new ArrayList<>();
    space.withMapShared(m -> {
      for (MapEntry e : m.all()) {
        if (e.isWired() && e.needsCopy() && Access.allows(e.access(), Access.WRITE)) {
          shared.add(new Marked(e.start(), e.end(), Access.WRITE));
        }
      }
      return true;
    });
    bringInWhatIsLeft(self, shared);
  }

  /// Brings the pages of wired ranges in again, after they were given rights that they had lost.
  public void restore(VmThread self, long start, long end) {
    List<Marked> wired = new ArrayList<>();
    space.withMapShared(m -> {
      for (MapEntry e : m.overlapping(start, end)) {
        if (e.isWired() && e.access() != 0) {
          wired.add(part(e, start, end));
        }
      }
      return true;
    });
    bringInWhatIsLeft(self, wired);
  }

  /// Takes the wirings of the mappings of a range away, before they go. The map is locked
  /// exclusively, so that none comes back. May wait for a page that is busy elsewhere.
  void forget(VmThread self, long start, long end) {
    int busy = giveBack(self, start, end);
    while (busy != PageArray.NONE) {
      page.busy().sleepWhileBusy(self, busy);
      busy = giveBack(self, start, end);
    }
  }

  private void alone(Runnable change) {
    lock.lock();
    try {
      change.run();
    } finally {
      lock.unlock();
    }
  }

  // ---- marks

  private void requireAll(
      String what, long start, long end, Predicate<MapEntry> fit, String otherwise) {
    space.withMapShared(m -> {
      space.requireOpen();
      long at = start;
      while (at < end) {
        MapEntry entry = m.find(at);
        if (entry == null || !fit.test(entry)) {
          throw new AccessViolationException(
              at, what, entry == null ? "not mapped" : otherwise + ": " + entry);
        }
        at = entry.end();
      }
      return true;
    });
  }

  /// Marks what is mapped of a range.
  ///
  /// @return what is wired only now
  private List<Marked> mark(long start, long end, Owner owner) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      clipper.clip(start);
      clipper.clip(end);
      List<Marked> marked = new ArrayList<>();
      for (MapEntry entry : map.overlapping(start, end)) {
        if (owner == Owner.MACHINE || isForUser(entry)) {
          map.replace(entry, entry.with(marked(entry.traits(), owner)));
          marked.add(part(entry, start, end));
        }
      }
      return marked;
    });
  }

  private static boolean isForUser(MapEntry entry) {
    return !entry.traits().has(EntryFlags.USER_WIRED) && entry.access() != 0;
  }

  private static EntryTraits marked(EntryTraits traits, Owner owner) {
    int flag = owner == Owner.USER ? EntryFlags.USER_WIRED : 0;
    return traits.withWirings(traits.wirings() + 1).withFlags(flag, 0);
  }

  private static Marked part(MapEntry entry, long start, long end) {
    int access = entry.access() & Access.WRITE;
    return new Marked(
        Math.max(start, entry.start()),
        Math.min(end, entry.end()),
        access == 0 ? Access.READ : access);
  }

  /// Takes a mark away from what still has it, and from the pages that nobody else keeps.
  private void unmark(VmThread self, List<Marked> ranges, Owner owner) {
    for (Marked range : ranges) {
      SpaceLeases.Stop stop = leases.stop(self, "unwire", range.start(), range.end(), true);
      try {
        space.withMapLocked(_ -> {
          unmarkLocked(range, owner);
          return true;
        });
        giveBackUnmarked(self, range);
      } finally {
        leases.resume(stop);
      }
    }
  }

  private void unmarkLocked(Marked range, Owner owner) {
    clipper.clip(range.start());
    clipper.clip(range.end());
    for (MapEntry entry : map.overlapping(range.start(), range.end())) {
      EntryTraits traits = entry.traits();
      if (owner == Owner.USER ? traits.has(EntryFlags.USER_WIRED) : machineWirings(entry) > 0) {
        int flag = owner == Owner.USER ? EntryFlags.USER_WIRED : 0;
        map.replace(entry, entry.with(traits.withWirings(traits.wirings() - 1).withFlags(0, flag)));
      }
    }
    clipper.join(range.start(), range.end());
  }

  /// Gives the wirings of mappings back whose range is not marked any more. Where a page is busy
  /// elsewhere, perhaps for as long as a lease of another space, it is waited for with the map
  /// unlocked.
  private void giveBackUnmarked(VmThread self, Marked range) {
    int busy = giveBackUnmarkedLocked(self, range);
    while (busy != PageArray.NONE) {
      page.busy().sleepWhileBusy(self, busy);
      busy = giveBackUnmarkedLocked(self, range);
    }
  }

  private int giveBackUnmarkedLocked(VmThread self, Marked range) {
    return space.withMapLocked(m -> {
      int busy = PageArray.NONE;
      for (MapEntry e : m.overlapping(range.start(), range.end())) {
        if (!e.isWired()) {
          long from = Math.max(e.start(), range.start());
          int one = giveBack(self, from, Math.min(e.end(), range.end()));
          busy = one == PageArray.NONE ? busy : one;
        }
      }
      return busy;
    });
  }

  private static int machineWirings(MapEntry entry) {
    return entry.traits().wirings() - (entry.traits().has(EntryFlags.USER_WIRED) ? 1 : 0);
  }

  // ---- pages

  private void bringInOrUndo(VmThread self, List<Marked> marked, Owner owner) {
    boolean done = false;
    try {
      bringIn(self, marked);
      done = true;
    } finally {
      if (!done) {
        unmark(self, marked, owner);
      }
    }
  }

  /// Brings ranges in that were wired before, as far as others have not unmapped them, or taken
  /// their rights, since they were looked up.
  private void bringInWhatIsLeft(VmThread self, List<Marked> ranges) {
    long step = 1L << space.pageShift();
    for (Marked range : ranges) {
      for (long at = range.start(); at < range.end(); at += step) {
        try {
          wirer.wire(self, space, at, at + step, range.access());
        } catch (AccessViolationException _) {
          // then nobody needs the page
        }
      }
    }
  }

  private void bringIn(VmThread self, List<Marked> ranges) {
    for (Marked range : ranges) {
      wirer.wire(self, space, range.start(), range.end(), range.access());
    }
  }

  /// Gives the wirings of the mappings of a range back. The map is locked exclusively.
  ///
  /// @return a page that could not be had, with its mapping still wired, or NONE
  private int giveBack(VmThread self, long start, long end) {
    Pmap pmap = space.pmap();
    PageArray pages = page.pages();
    int busy = PageArray.NONE;
    long step = 1L << space.pageShift();
    for (long a = pmap.nextWired(start, end); a >= 0; a = pmap.nextWired(a + step, end)) {
      int shown = pages.pageAt(Pte.frame(pmap.entry(a)));
      if (shown == PageArray.NONE || !page.busy().tryHardBusyBesideSoft(shown)) {
        busy = shown;
        continue;
      }
      if (pmap.unwire(a) == shown) { // or who had it busy took the mapping away, with its wiring
        page.mover().unwire(self, shown, true);
      }
      page.busy().unbusy(shown);
    }
    return busy;
  }
}
