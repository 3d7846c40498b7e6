package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntConsumer;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.SpinLock;
import org.pondhawk.vm.sync.VmThread;

/// Hands out pages and takes them back (`vm_page_alloc` without the object, `vm_page_free`).
///
/// **Contract.** [#allocate] never waits; its page is hard-busy, on no queue, belongs to nothing,
/// and its bytes are arbitrary. [#free] takes a hard-busy, unmapped, unwired page and may wait for
/// the token of the object that owns it, and for the page's grace period. A frame whose grace
/// period is not over is never handed out: if it does not end, the page waits for it in the cache.
public final class PageAllocator {
  /*
   * A cached page is not handed out itself: it is taken from its object and put on the free queue,
   * where the next round finds it. So the free count recovers by itself, and one path makes a free
   * page into an allocated one.
   *
   * I1  a page on a free queue has content 0, wire 0, hold 0, no object, no mapping, its ticket over
   *
   * Follows: vm_page_alloc, vm_page_select_free, vm_page_select_cache, vm_page_free_toq,
   * vm_page_hold, vm_page_unhold.
   */
  private static final int RETRIES = 16;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final PageMover mover;
  private final VmStats stats;
  private final FreeGate gate;
  private final Grace grace;
  private final ColorSearch search;
  private final ColorPolicy colors;
  private final PageOwner owner;
  private final FreePath freeing;
  private final PageMagazine magazine;
  private final PageZeroer zeroer;
  private final FictitiousPages fictitious;

  /// Claims a free page. Who has one busy has mistaken it for what it was, and lets go at once.
  private final PageQueues.Visitor takesFree;

  /// Claims a cached page whose frame nobody can be using any more. The lock is tried out of order.
  private final PageQueues.Visitor takesCached;

  /// Claims a page that is held no more. The lock is tried out of order.
  private final PageQueues.Visitor takesUnheld;

  private final LongAdder holds = new LongAdder();

  /// Makes the allocator of a machine.
  ///
  /// @param zeroer is told of every page that is freed
  /// @param colors how the processors share the colours
  /// @param poison whether a freed frame is filled with a pattern, so that stale use shows
  public PageAllocator(
      PageParts parts,
      Grace grace,
      PageOwner owner,
      Mappings mappings,
      PageZeroer zeroer,
      ColorPolicy colors,
      boolean poison,
      AllocTuning tuning) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.queues = parts.queues();
    this.mover = parts.mover();
    this.stats = parts.stats();
    this.gate = parts.gate();
    this.grace = grace;
    this.owner = owner;
    this.freeing = new FreePath(parts, grace, owner, mappings, poison);
    this.zeroer = zeroer;
    this.fictitious = new FictitiousPages(parts, grace, owner, mappings);
    this.magazine = new PageMagazine(stats.stripes(), tuning.magazinePages());
    this.search = new ColorSearch(queues, tuning.firstWindow(stats.stripes()));
    this.colors = colors;
    this.takesFree = busy::tryHardBusy;
    this.takesCached = page -> grace.isOver(pages.ticket(page)) && pages.tryLock(page);
    this.takesUnheld = page -> pages.holdCount(page) == 0 && pages.tryLock(page);
  }

  /// Puts a page on the free queue for the first time, at boot: its frame is as the kernel gave it.
  public void addAtBoot(int page) {
    pages.lock(page);
    pages.setFlags(page, PageFlags.ZERO | PageFlags.UNTOUCHED);
    queues.add(0, page, PageQueue.FREE, true);
    pages.unlock(page);
  }

  /// The colour to ask for.
  ///
  /// @param start where the colours of the object that the page is for begin
  public int colorFor(VmThread self, long start, long pindex) {
    return colors.choose(self.stripe(), start, pindex);
  }

  /// The colour to ask for, for a processor that the caller names (`VM_ALLOC_CPU`). As [#colorFor]
  /// otherwise.
  ///
  /// @throws IllegalArgumentException if there is no such processor
  public int colorNear(int cpu, long spread, long pindex) {
    if (cpu < 0 || cpu >= stats.stripes()) {
      throw new IllegalArgumentException(
          "cpu=%d is not from 0 to %d".formatted(cpu, stats.stripes() - 1));
    }
    return colors.choose(cpu, spread, pindex);
  }

  /// Allocates a page.
  ///
  /// @return a hard-busy page without a flag, or [PageArray#NONE]
  public int allocate(VmThread self, int color, AllocClass klass) {
    int page = allocate(self, color, klass, false);
    if (page != PageArray.NONE) {
      pages.clearFlagsOfOwn(page, pages.flags(page), ~0);
    }
    return page;
  }

  /// Allocates a page for a caller who wants zeros: one whose frame is zeroed where there is one
  /// (`VM_ALLOC_ZERO`).
  ///
  /// @return a hard-busy page, or [PageArray#NONE]. If it is flagged [PageFlags#ZERO] its bytes are
  ///   zero; the caller takes the flags of the frame's state away
  public int allocateForZeros(VmThread self, int color, AllocClass klass) {
    if (magazine.isOn()) {
      int page = fromMagazine(self, color);
      if (page != PageArray.NONE) {
        return page;
      }
    }
    return allocate(self, color, klass, true);
  }

  /// Takes a page from the magazine of the caller's processor (`VM_ALLOC_USE_GD`), which is filled
  /// up first where it is nearly empty and there is plenty.
  private int fromMagazine(VmThread self, int color) {
    int stripe = self.stripe();
    if (magazine.count(stripe) < magazine.low()) {
      fillMagazine(self, color);
    }
    return magazine.take(stripe);
  }

  private void fillMagazine(VmThread self, int color) {
    Pressure pressure = gate.pressure();
    for (int n = magazine.count(self.stripe());
        n < magazine.size() && pressure.isPlenty(self.stripe());
        n++) {
      int page = allocate(self, color + n, AllocClass.QUICK, true);
      if (page == PageArray.NONE) {
        return;
      }
      if (!pages.hasFlag(page, PageFlags.ZERO)) {
        pages.frames().zero(page);
      }
      pages.clearFlagsOfOwn(page, pages.flags(page), ~0);
      pages.setFlags(page, PageFlags.ZERO);
      if (!magazine.put(self.stripe(), page)) {
        freeZeroed(self, page); // somebody else is at it
        return;
      }
    }
  }

  /// Gives all pages of the magazines to the free queues.
  ///
  /// @return whether there were any
  public boolean drainMagazines(VmThread self) {
    return magazine.isOn() && magazine.drain(page -> freeZeroed(self, page));
  }

  /// The same if memory is below its minimum, as the daemon does at the begin of a pass.
  public void drainMagazinesIfShort(VmThread self) {
    if (gate.pressure().min(self.stripe(), 0)) {
      drainMagazines(self);
    }
  }

  /// Shows the pages that are set aside in magazines: for inspection at rest.
  public void forEachInMagazines(IntConsumer viewer) {
    magazine.forEach(viewer);
  }

  private int allocate(VmThread self, int color, AllocClass klass, boolean wantsZero) {
    int page = tryAllocate(self, color, klass, wantsZero);
    return page != PageArray.NONE ? page : afterShortage(self, color, klass, wantsZero);
  }

  /// What was set aside is for everybody now.
  private int afterShortage(VmThread self, int color, AllocClass klass, boolean wantsZero) {
    int page = drainMagazines(self) ? tryAllocate(self, color, klass, wantsZero) : PageArray.NONE;
    if (page == PageArray.NONE) {
      gate.noteShortage(self);
    }
    return page;
  }

  private int tryAllocate(VmThread self, int color, AllocClass klass, boolean wantsZero) {
    for (int round = 0; round < RETRIES; round++) {
      boolean plenty = gate.pressure().isPlenty(self.stripe());
      if (plenty || mayUseFree(self, klass)) {
        int page = search.takeFree(self.stripe(), color, wantsZero, busy, takesFree);
        if (page != PageArray.NONE) {
          requireUnused(page);
          if (!plenty) {
            gate.requestPaging(self);
            drainMagazinesIfShort(self);
          }
          return page;
        }
      }
      if (!klass.usesCache || !freeOneCached(self, color, false)) {
        stats.rollup(); // the counts promised a page that was not there, or are old
        if (!mayUseFree(self, klass)) {
          break;
        }
        SpinLock.pause(round + 1); // or somebody has it for a moment
      }
    }
    return PageArray.NONE;
  }

  private boolean mayUseFree(VmThread self, AllocClass klass) {
    long free = stats.view(self.stripe(), PageCount.FREE);
    long cached = stats.view(self.stripe(), PageCount.CACHE);
    return klass.mayTakeFree(gate.pressure().levels(), free, cached, self.isSystem());
  }

  /// Panics if a page that came from a free queue is in use. Who made it hard-busy for that has
  /// proved that it had no soft holder.
  void requireUnused(int page) {
    if (pages.wireCount(page) != 0
        || pages.dirty(page) != 0
        || pages.object(page) != PageArray.NO_OBJECT
        || !grace.isOver(pages.ticket(page))) {
      throw new VmPanic("a free page is in use: " + pages.describe(page));
    }
  }

  /// Turns one cached page into a free one, for a daemon that goes through the colours.
  ///
  /// @return false if there is none of this very colour to be had
  public boolean freeOneCachedOf(VmThread self, int color) {
    return freeOneCached(self, color, true);
  }

  /// Turns one cached page near a colour into a free one.
  ///
  /// @param exactly whether it must be of that colour, and counts as freed by the daemon
  /// @return false if there is none to be had
  private boolean freeOneCached(VmThread self, int color, boolean exactly) {
    for (; ; ) {
      int page = takeCached(self, color, exactly);
      if (page == PageArray.NONE) {
        return false;
      }
      if (pages.object(page) == PageArray.NO_OBJECT || owner.tryOwn(self, page)) {
        if (pages.object(page) != PageArray.NO_OBJECT) {
          owner.removeAndDisown(self, page);
        }
        free(self, page);
        if (exactly) {
          stats.count(self.stripe(), Event.DAEMON_FREED, 1);
        }
        return true;
      }
      mover.deactivate(self, page);
      busy.unbusy(page);
    }
  }

  private int takeCached(VmThread self, int color, boolean exactly) {
    for (; ; ) {
      int page =
          exactly
              ? search.takeExactly(self.stripe(), PageQueue.CACHE, color, takesCached)
              : search.take(self.stripe(), PageQueue.CACHE, color, false, takesCached);
      if (page == PageArray.NONE) {
        return page;
      }
      boolean taken = busy.tryHardBusy(page);
      boolean usable = taken && isClean(page);
      if (!usable) {
        mover.deactivateLocked(self, page, false);
      }
      pages.unlock(page);
      if (usable) {
        return page;
      }
      if (taken) {
        busy.unbusy(page);
      }
    }
  }

  /// Whether a cached page, hard-busy, may become a free one.
  boolean isClean(int page) {
    return !pages.hasFlag(page, PageFlags.MAPPED | PageFlags.UNQUEUED | PageFlags.NEED_COMMIT)
        && pages.holdCount(page) == 0
        && pages.wireCount(page) == 0
        && pages.dirty(page) == 0;
  }

  /// Frees a page (`vm_page_free`). May wait for the token of its object.
  ///
  /// @param page a hard-busy page, which the caller must not touch any more
  public void free(VmThread self, int page) {
    if (page >= pages.frameCount()) {
      fictitious.free(self, page);
      return;
    }
    freeing.free(self, page);
    zeroer.pageFreed();
  }

  /// Frees a page whose bytes are all zero (`vm_page_free_zero`): who wants zeros next gets it as
  /// it is. As [#free] otherwise.
  ///
  /// @throws VmPanic if it is not zero, on a machine that poisons freed frames
  public void freeZeroed(VmThread self, int page) {
    freeing.freeZeroed(self, page);
  }

  /// The pages for memory that is not the machine's.
  public FictitiousPages fictitious() {
    return fictitious;
  }

  /// Holds a page against reuse of its frame (`vm_page_hold`). It may become free at the same time:
  /// the caller looks afterwards whether the page is still what it was taken for, and if not gives
  /// the hold back at once. A hold of a stranger does no harm until then.
  public void hold(int page) {
    pages.addHold(page, 1);
    holds.increment();
  }

  /// Whether any page is held. A hold that is being taken may be missed, unless its taker is inside
  /// a guard that the caller has waited for.
  public boolean holdsAny() {
    return holds.sum() != 0;
  }

  /// Gives a hold back; the last one lets a freed frame be used again (`vm_page_unhold`).
  public void unhold(VmThread self, int page) {
    int was = pages.addHold(page, -1);
    if (was <= 0) {
      throw new VmPanic("not held: " + pages.describe(page));
    }
    holds.decrement();
    if (was == 1 && PageQueue.HOLD.isKindOf(pages.queue(page))) {
      freeing.settleHeld(self, page);
    }
  }

  /// Frees what a race of free and unhold left on a hold queue of a colour
  /// (`vm_pageout_scan_hold`).
  public void sweepHeld(VmThread self, int color) {
    if (queues.head(PageQueue.HOLD.index(color)) == PageArray.NONE) {
      return;
    }
    int page = search.takeExactly(self.stripe(), PageQueue.HOLD, color, takesUnheld);
    if (page != PageArray.NONE) {
      freeing.addUnheld(self, page);
      pages.unlock(page);
      gate.pageFreed(self.stripe());
    }
  }
}
