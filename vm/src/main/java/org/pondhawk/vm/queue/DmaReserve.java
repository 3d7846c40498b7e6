package org.pondhawk.vm.queue;

import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// The frames that are kept for runs: the lowest ones, on no queue, wired from boot on
/// (`vm_low_phys_reserved`, `vm_contig_alist`).
///
/// **Contract.** A page of the reserve is FICTITIOUS and UNQUEUED. It is valid while it is in use
/// and has no content while it is free; the [Alist] says the same, and both change under one lock,
/// under which nothing else is taken. Nothing here waits for memory or for a page.
public final class DmaReserve {
  private final PageArray pages;
  private final VmStats stats;
  private final int limit;
  private final @Nullable Alist alist;
  private final ReentrantLock lock = new ReentrantLock();
  private int pageCount;

  /// Makes a reserve that has no page yet.
  ///
  /// @param memory where its account is charged
  /// @param limit the page number that it ends below; 0 for no reserve
  public DmaReserve(OwnMemory memory, PageArray pages, VmStats stats, int limit) {
    this.pages = pages;
    this.stats = stats;
    this.limit = limit;
    this.alist = limit == 0 ? null : new Alist(limit, memory);
  }

  /// Whether a page is to be added here at boot and not to the free queues.
  public boolean wants(int page) {
    return page < limit;
  }

  /// Puts a page into the reserve, at boot.
  ///
  /// @param page a page that the reserve wants
  public void addAtBoot(int page) {
    pages.setFlags(page, PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    pages.addWire(page, 1);
    stats.increment(0, PageCount.WIRED);
    open().free(page, 1);
    pageCount++;
  }

  private Alist open() {
    if (alist == null) {
      throw new VmPanic("a page of a reserve in a machine that has none");
    }
    return alist;
  }

  /// The page number that the reserve ended below at boot.
  public int limit() {
    return limit;
  }

  /// How many pages the reserve has, free or in use (`v_dma_pages`).
  public int pageCount() {
    lock.lock();
    try {
      return pageCount;
    } finally {
      lock.unlock();
    }
  }

  /// How many of its pages are free (`vm_contig_avail_pages`).
  public int freePages() {
    lock.lock();
    try {
      return alist == null ? 0 : alist.freeBlocks();
    } finally {
      lock.unlock();
    }
  }

  /// Whether the account says that a page is free.
  public boolean isFree(int page) {
    lock.lock();
    try {
      return page < limit && open().isFree(page);
    } finally {
      lock.unlock();
    }
  }

  /// Whether a page belongs to the reserve now.
  public boolean has(int page) {
    return page < limit && pages.hasFlag(page, PageFlags.FICTITIOUS);
  }

  /// Takes a run.
  ///
  /// @return its first page, or [PageArray#NONE]
  int allocate(RunLimits limits, int count, MemoryAttribute attribute) {
    if (alist == null) {
      return PageArray.NONE;
    }
    lock.lock();
    try {
      int first = alist.allocate(limits, count);
      if (first == Alist.NONE) {
        return PageArray.NONE;
      }
      for (int page = first; page < first + count; page++) {
        pages.setContentOfRun(page, attribute);
      }
      return first;
    } finally {
      lock.unlock();
    }
  }

  /// Gives pages back, all of a run or a part.
  ///
  /// @throws VmPanic if one of them is not in use; nothing is given back then
  void free(int first, int count) {
    lock.lock();
    try {
      for (int page = first; page < first + count; page++) {
        if (!has(page) || !RunScan.isInUse(pages, page)) {
          throw new VmPanic("freed, but of no run: " + pages.describe(page));
        }
      }
      open().free(first, count);
      for (int page = first; page < first + count; page++) {
        pages.clearContent(page);
      }
    } finally {
      lock.unlock();
    }
  }

  /// Takes free pages at the top end out of the reserve, as many as one step can.
  ///
  /// @param keep how many free pages the reserve is to keep
  /// @return the first page in the upper half and the count in the lower; 0 if there is no surplus
  long takeSurplus(int keep) {
    lock.lock();
    try {
      if (alist == null || alist.freeBlocks() <= keep) {
        return 0;
      }
      long last = alist.lastFree();
      int end = (int) (last >>> Integer.SIZE) + (int) last;
      int count = Integer.highestOneBit(Math.min((int) last, alist.freeBlocks() - keep));
      int first = alist.allocate(end - count, count);
      if (first != end - count) {
        throw new VmPanic("the reserve has no %d free pages at %d".formatted(count, end - count));
      }
      pageCount -= count;
      return ((long) first << Integer.SIZE) | count;
    } finally {
      lock.unlock();
    }
  }
}
