package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Finds runs of neighbouring frames outside the reserve, and empties them (`vm_contig_pg_alloc`,
/// `vm_contig_pg_clean`).
///
/// **Contract.** One scan at a time. The caller holds nothing; a scan may wait for tokens, grace
/// periods and transfers to backing store, but never for memory or for a page that somebody has
/// busy: such a page ends the attempt at that place, and the scan goes on behind it. Each pass
/// looks at each place once, so a scan ends.
final class RunScan {
  /*
   * Three passes over the array, each time from the low end. A place will do if all its pages are
   *
   *   pass 0   free or cached
   *   pass 1   or inactive: clean ones are unmapped and cached, dirty ones written out first
   *   pass 2   or active
   *
   * and, in every pass, neither wired nor held nor busy. Then the pages are taken one by one, and
   * stay hard-busy until all are. One that was used again meanwhile, or could not be written, ends the
   * attempt; what was taken is freed. The last one is taken first: the scan goes on behind whichever
   * can't be had, so that none is emptied twice in a pass.
   *
   * A run is only taken while what is left free or cached reaches the reserve of NORMAL allocations.
   *
   * Differs from DragonFly: only what lies in the way is cleaned, not all that is inactive; the scan
   * covers the whole array.
   */
  private static final int PASSES = 3;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final PageMover mover;
  private final VmStats stats;
  private final FreeGate gate;
  private final PageAllocator allocator;
  private final Grace grace;
  private final PageOwner owner;
  private final Mappings mappings;
  private final Launderer launderer;
  private final ReentrantLock scanning = new ReentrantLock();
  private final AtomicInteger inUse = new AtomicInteger();

  /// The record of whichever thread scans; guarded by `scanning`.
  private final VmThread self;

  /// Makes the scan of a machine.
  ///
  /// @param self a record of a system thread, for the scan's own use
  RunScan(
      PageParts parts,
      PageAllocator allocator,
      Grace grace,
      PageOwner owner,
      Mappings mappings,
      Launderer launderer,
      VmThread self) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.queues = parts.queues();
    this.mover = parts.mover();
    this.stats = parts.stats();
    this.gate = parts.gate();
    this.allocator = allocator;
    this.grace = grace;
    this.owner = owner;
    this.mappings = mappings;
    this.launderer = launderer;
    this.self = self;
  }

  /// Whether a page is in use as part of a run: valid and wired, but of no object.
  static boolean isInUse(PageArray pages, int page) {
    return pages.wireCount(page) == 1
        && pages.isFullyValid(page)
        && pages.object(page) == PageArray.NO_OBJECT
        && pages.queue(page) == PageQueue.NONE
        && !pages.hasFlag(page, PageFlags.ALONE);
  }

  /// How many pages from here are in use.
  int pagesInUse() {
    return inUse.get();
  }

  /// Takes a run; its pages are wired, and busy for nobody.
  ///
  /// @return its first page, or [PageArray#NONE]
  int allocate(RunLimits limits, int count, MemoryAttribute attribute) {
    scanning.lock();
    try {
      for (int pass = 0; pass < PASSES; pass++) {
        stats.rollup();
        int first = search(limits, count, pass);
        if (first != PageArray.NONE) {
          putToUse(first, count, attribute);
          return first;
        }
      }
      return PageArray.NONE;
    } finally {
      scanning.unlock();
    }
  }

  private void putToUse(int first, int count, MemoryAttribute attribute) {
    for (int page = first; page < first + count; page++) {
      pages.setContentOfRun(page, attribute);
      mover.wire(self, page);
      busy.unbusy(page);
    }
    inUse.addAndGet(count);
    gate.requestPaging(self);
  }

  /// Gives a page back.
  ///
  /// @param thread the calling thread
  /// @throws VmPanic if it is not in use
  void free(VmThread thread, int page) {
    while (!busy.tryHardBusy(page)) {
      busy.sleepWhileBusy(thread, page); // who has it has mistaken it for what it was once
    }
    if (!isInUse(pages, page) || pages.hasFlag(page, PageFlags.FICTITIOUS)) {
      throw new VmPanic("freed, but of no run: " + pages.describe(page));
    }
    mover.unwireToFree(thread, page);
    inUse.decrementAndGet();
    allocator.free(thread, page);
  }

  private int search(RunLimits limits, int count, int pass) {
    if (pass == 0 && !leavesEnough(count)) {
      return PageArray.NONE;
    }
    int first = limits.next(0, count);
    while (first != RunLimits.NONE && (long) first + count <= pages.frameCount()) {
      int obstacle = lastObstacle(first, count, pass);
      if (obstacle == PageArray.NONE) {
        obstacle = tryRun(first, count);
        if (obstacle == PageArray.NONE) {
          return first;
        }
      }
      first = limits.next(obstacle + 1L, count);
    }
    return PageArray.NONE;
  }

  /// The last page of a place that will not do; found from the end, to go as far as can be.
  private int lastObstacle(int first, int count, int pass) {
    for (int page = first + count - 1; page >= first; page--) {
      if (!mayDo(page, pass)) {
        return page;
      }
    }
    return PageArray.NONE;
  }

  /// A hint: every condition is looked at again with the page busy.
  private boolean mayDo(int page, int pass) {
    int queue = pages.queue(page);
    boolean kind =
        isReady(queue)
            || (pass > 0 && PageQueue.INACTIVE.isKindOf(queue))
            || (pass > 1 && PageQueue.ACTIVE.isKindOf(queue));
    return kind && pages.wireCount(page) == 0 && pages.holdCount(page) == 0 && busy.isIdle(page);
  }

  private static boolean isReady(int queue) {
    return PageQueue.FREE.isKindOf(queue) || PageQueue.CACHE.isKindOf(queue);
  }

  /// Empties a place and takes its pages, which are hard-busy afterwards.
  ///
  /// @return [PageArray#NONE], or the page that could not be had: then none is taken
  private int tryRun(int first, int count) {
    int emptied = 0;
    for (int page = first; page < first + count; page++) {
      emptied += isReady(pages.queue(page)) ? 0 : 1;
    }
    if (!leavesEnough(count - emptied)) {
      return first;
    }
    if (emptied > 0) {
      clean(first, count);
    }
    for (int page = first + count - 1; page >= first; page--) {
      if (!take(page)) {
        for (int taken = page + 1; taken < first + count; taken++) {
          allocator.free(self, taken);
        }
        return page;
      }
    }
    return PageArray.NONE;
  }

  private boolean leavesEnough(int ready) {
    long left =
        stats.view(self.stripe(), PageCount.FREE) + stats.view(self.stripe(), PageCount.CACHE);
    return left - ready >= gate.pressure().levels().reserved();
  }

  // ---- emptying

  private void clean(int first, int count) {
    boolean cached = false;
    for (int page = first; page < first + count; page++) {
      if (!isReady(pages.queue(page)) && busy.tryHardBusy(page)) {
        if (isMovable(page)) {
          cached |= clean(page);
        } else {
          busy.unbusy(page);
        }
      }
    }
    launderer.finish(self);
    if (cached) {
      grace.begin(); // what is not taken now is of use to others only once this is over
    }
  }

  private boolean isMovable(int page) {
    int queue = pages.queue(page);
    return (PageQueue.INACTIVE.isKindOf(queue) || PageQueue.ACTIVE.isKindOf(queue))
        && pages.object(page) != PageArray.NO_OBJECT
        && pages.isFullyValid(page)
        && !pages.hasFlag(page, PageFlags.NEED_COMMIT)
        && pages.wireCount(page) == 0
        && pages.holdCount(page) == 0
        && busy.softHolders(page) == 0;
  }

  /// Has a hard-busy page cached, or written out first. It is not busy afterwards.
  ///
  /// @return whether it was cached at once
  private boolean clean(int page) {
    mappings.removeAll(page); // collects: from here on it is known whether the page is dirty
    if (pages.dirty(page) != 0) {
      mover.deactivate(self, page);
      launderer.add(self, page);
      return false;
    }
    pages.setTicket(page, grace.next());
    return mover.toCache(self, page);
  }

  // ---- taking

  /// Takes one page off its queue, if it is free or cached.
  private boolean take(int page) {
    return PageQueue.FREE.isKindOf(pages.queue(page)) ? takeFree(page) : takeCached(page);
  }

  /// A free page is taken by who has it busy, as by any other search; nobody moves it then.
  private boolean takeFree(int page) {
    if (!busy.tryHardBusy(page)) {
      return false;
    }
    if (!PageQueue.FREE.isKindOf(pages.queue(page))) {
      busy.unbusy(page);
      return false;
    }
    queues.remove(self.stripe(), page);
    allocator.requireUnused(page);
    pages.clearFlags(page, ~0); // what is known of the frame too: it will be stored into
    return true;
  }

  private boolean takeCached(int page) {
    if (!busy.tryHardBusy(page)) {
      return false;
    }
    if (!PageQueue.CACHE.isKindOf(pages.queue(page)) || !allocator.isClean(page)) {
      busy.unbusy(page);
      return false;
    }
    owner.remove(self, page);
    if (!grace.beginAndAwait(pages.ticket(page)) || pages.holdCount(page) != 0) {
      allocator.free(self, page); // to wait for the end of the grace period, or of the hold
      return false;
    }
    pages.lock(page);
    queues.remove(self.stripe(), page); // an allocation may have put it on the inactive queue
    pages.clearContent(page);
    pages.clearFlags(page, ~0);
    pages.unlock(page);
    return true;
  }
}
