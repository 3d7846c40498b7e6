package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// The way of a page back to a free queue (`vm_page_free_toq`), which [PageAllocator] shows: out of
/// its object, past its grace period, and aside while somebody holds its frame.
final class FreePath {
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
  private final VmStats stats;
  private final FreeGate gate;
  private final Grace grace;
  private final PageOwner owner;
  private final Mappings mappings;
  private final boolean poison;

  FreePath(PageParts parts, Grace grace, PageOwner owner, Mappings mappings, boolean poison) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.queues = parts.queues();
    this.stats = parts.stats();
    this.gate = parts.gate();
    this.grace = grace;
    this.owner = owner;
    this.mappings = mappings;
    this.poison = poison;
  }

  /// Frees a page.
  ///
  /// @param page a hard-busy page
  void free(VmThread self, int page) {
    if (!freeLoose(self, page)) {
      freeAny(self, page, 0);
    }
    gate.pageFreed(self.stripe());
  }

  /// Frees a page whose bytes are all zero.
  ///
  /// @param page a hard-busy page
  void freeZeroed(VmThread self, int page) {
    if (poison && !isZero(page)) {
      throw new VmPanic("freed as zero, but it is not: " + pages.describe(page));
    }
    freeAny(self, page, PageFlags.ZERO);
    gate.pageFreed(self.stripe());
  }

  private boolean isZero(int page) {
    return RawMemory.allBytesAre(pages.address(page), pages.frames().pageSize(), (byte) 0);
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

  /// Frees a page whatever is known of it.
  ///
  /// @param state what may be said of its frame, of [PageFlags#FRAME_STATE]
  private void freeAny(VmThread self, int page, int state) {
    requireFreeable(page);
    owner.remove(self, page);
    // Over already, unless the daemon has just cached it. A frame that is sent waits without us.
    boolean over = pages.cowCount(page) == 0 && grace.beginAndAwait(pages.ticket(page));
    boolean poisons = poison && state == 0;
    if (over && poisons && pages.holdCount(page) == 0) { // a holder goes on using the frame
      pages.frames().poison(page);
      poisons = false;
    }
    pages.lock(page);
    queues.remove(self.stripe(), page);
    pages.clearContent(page);
    pages.clearFlagsOfOwn(page, pages.flags(page), FORGOTTEN);
    boolean held = pages.holdCount(page) != 0;
    if (over && !held) {
      if (poisons) {
        pages.frames().poison(page); // the last hold has just gone
      }
      pages.setFlags(page, state);
      queues.addFreed(self.stripe(), page);
    } else {
      queues.add(self.stripe(), page, held ? PageQueue.HOLD : PageQueue.CACHE, false);
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

  /// Moves a page whose last hold is gone off the hold queue.
  void settleHeld(VmThread self, int page) {
    pages.lock(page);
    boolean free = pages.holdCount(page) == 0 && PageQueue.HOLD.isKindOf(pages.queue(page));
    if (free) {
      queues.remove(self.stripe(), page);
      addUnheld(self, page);
    }
    pages.unlock(page);
    if (free) {
      gate.pageFreed(self.stripe());
    }
  }

  /// Puts a page that was held on the free queue, or on the cache queue to wait for the end of its
  /// grace period, as a page that is freed.
  ///
  /// @param page a page on no queue whose spin lock is held
  void addUnheld(VmThread self, int page) {
    boolean over = grace.isOver(pages.ticket(page));
    if (over && poison) {
      pages.frames().poison(page);
    }
    queues.add(self.stripe(), page, over ? PageQueue.FREE : PageQueue.CACHE, false);
  }
}
