package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.LongAdder;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
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

  /// The flags that a page loses when it is freed.
  private static final int FORGOTTEN =
      PageFlags.UNQUEUED
          | PageFlags.NEED_COMMIT
          | PageFlags.SWAPPED
          | PageFlags.REFERENCED
          | PageFlags.FRAME_STATE;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final PageMover mover;
  private final VmStats stats;
  private final FreeGate gate;
  private final Grace grace;
  private final ColorSearch search;
  private final ColorPolicy colors;
  private final boolean poison;
  private final PageOwner owner;
  private final Mappings mappings;
  private final PageZeroer zeroer;

  /// Claims a free page. Who has one busy has mistaken it for what it was, and lets go at once.
  private final PageQueues.Visitor takesFree;

  /// Claims a cached page whose frame nobody can be using any more. The lock is tried out of order.
  private final PageQueues.Visitor takesCached;

  /// Claims a page that is held no more. The lock is tried out of order.
  private final PageQueues.Visitor takesUnheld;

  private final LongAdder holds = new LongAdder();

  /// Makes the allocator of a machine.
  ///
  /// @param cpus how many processors share the colours
  /// @param poison whether a freed frame is filled with a pattern, so that stale use shows
  /// @param zeroer is told of every page that is freed
  public PageAllocator(
      PageParts parts,
      Grace grace,
      PageOwner owner,
      Mappings mappings,
      PageZeroer zeroer,
      int cpus,
      boolean poison) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.queues = parts.queues();
    this.mover = parts.mover();
    this.stats = parts.stats();
    this.gate = parts.gate();
    this.grace = grace;
    this.owner = owner;
    this.mappings = mappings;
    this.zeroer = zeroer;
    this.search = new ColorSearch(queues);
    this.colors = new ColorPolicy(cpus);
    this.poison = poison;
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
  /// @param spread a number of the object that the page is for
  public int colorFor(VmThread self, long spread, long pindex) {
    return colors.choose(self.stripe(), spread, pindex);
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
    return allocate(self, color, klass, true);
  }

  private int allocate(VmThread self, int color, AllocClass klass, boolean wantsZero) {
    for (int round = 0; round < RETRIES; round++) {
      boolean plenty = gate.pressure().isPlenty(self.stripe());
      if (plenty || mayUseFree(self, klass)) {
        int page = search.takeFree(self.stripe(), color, wantsZero, busy, takesFree);
        if (page != PageArray.NONE) {
          requireUnused(page);
          if (!plenty) {
            gate.requestPaging(self);
          }
          return page;
        }
      }
      if (!klass.usesCache || !freeOneCached(self, color, false)) {
        if (!mayUseFree(self, klass)) {
          break;
        }
        stats.rollup(); // the counts promised a page that was not there
      }
    }
    gate.noteShortage(self);
    return PageArray.NONE;
  }

  private boolean mayUseFree(VmThread self, AllocClass klass) {
    FreeLevels levels = gate.pressure().levels();
    long free = stats.view(self.stripe(), PageCount.FREE);
    if (free >= levels.reserved() || (klass.interrupt && free > 0)) {
      return true;
    }
    return (klass.system || self.isSystem())
        && stats.view(self.stripe(), PageCount.CACHE) == 0
        && free > levels.interruptMin();
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
    if (!freeLoose(self, page)) {
      freeAny(self, page);
    }
    gate.pageFreed(self.stripe());
    zeroer.pageFreed();
  }

  /// Frees a page of which nobody knows any more, as one that was just allocated or taken out of
  /// its object: nothing has to be undone, and nobody else can move it.
  ///
  /// @return false if it is not such a page, or must not be freed
  private boolean freeLoose(VmThread self, int page) {
    int flags = pages.flags(page);
    if ((flags & ~FORGOTTEN) != 0
        || !busy.isOnlyHardBusy(page)
        || !pages.isUnpinned(page)
        || !pages.isLoose(page)
        || !grace.isOver(pages.ticket(page))) {
      return false;
    }
    if (poison) {
      pages.frames().poison(page);
    }
    pages.clearContent(page);
    pages.clearFlagsOfOwn(page, flags, FORGOTTEN);
    queues.pushFreed(self.stripe(), page);
    busy.unbusy(page);
    return true;
  }

  private void freeAny(VmThread self, int page) {
    requireFreeable(page);
    owner.remove(self, page);
    // Over already, unless the daemon has just cached it.
    boolean over = grace.beginAndAwait(pages.ticket(page));
    if (over && poison) {
      pages.frames().poison(page);
    }
    pages.lock(page);
    queues.remove(self.stripe(), page);
    pages.clearContent(page);
    pages.clearFlagsOfOwn(page, pages.flags(page), FORGOTTEN);
    boolean held = pages.holdCount(page) != 0;
    if (over && !held) {
      queues.addFreed(self.stripe(), page);
    } else {
      queues.add(self.stripe(), page, over ? PageQueue.HOLD : PageQueue.CACHE, false);
      stats.count(self.stripe(), Event.FREED, 1);
    }
    boolean wanted = busy.release(page);
    pages.unlock(page);
    if (wanted) {
      busy.wake(page);
    }
    if (held && pages.holdCount(page) == 0) {
      settleHeld(self, page); // the last hold went before the page was where unhold looks for it
    }
  }

  private void requireFreeable(int page) {
    busy.requireHardBusy(page);
    if (busy.softHolders(page) != 0) {
      throw new VmPanic("freeing a page that others have busy: " + pages.describe(page));
    }
    if (PageQueue.FREE.isKindOf(pages.queue(page)) || PageQueue.HOLD.isKindOf(pages.queue(page))) {
      throw new VmPanic("freeing a free page: " + pages.describe(page));
    }
    if (pages.wireCount(page) != 0) {
      throw new VmPanic("freeing a wired page: " + pages.describe(page));
    }
    if (pages.hasFlag(page, PageFlags.MAPPED | PageFlags.WRITABLE)) {
      mappings.removeAll(page); // flags may be stale; mappings may not be left
      if (pages.hasFlag(page, PageFlags.MAPPED)) {
        throw new VmPanic("freeing a mapped page: " + pages.describe(page));
      }
    }
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
      settleHeld(self, page);
    }
  }

  /// Moves a page whose last hold is gone from the hold to the free queue.
  private void settleHeld(VmThread self, int page) {
    pages.lock(page);
    boolean free = pages.holdCount(page) == 0 && PageQueue.HOLD.isKindOf(pages.queue(page));
    if (free) {
      queues.remove(self.stripe(), page);
      queues.add(self.stripe(), page, PageQueue.FREE, false);
    }
    pages.unlock(page);
    if (free) {
      gate.pageFreed(self.stripe());
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
      queues.add(self.stripe(), page, PageQueue.FREE, false);
      pages.unlock(page);
      gate.pageFreed(self.stripe());
    }
  }
}
