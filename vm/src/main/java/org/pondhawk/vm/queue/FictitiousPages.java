package org.pondhawk.vm.queue;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.ForeignFrames;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Pages for memory that is not the machine's own: a device's, a segment's that lives as long as
/// the process, or the machine's own structures (`vm_page_initfake`). A pager inserts them into
/// objects and they are mapped like others; but they are on no queue, are never cached, reclaimed
/// or written to swap, and wiring them says nothing.
///
/// **Contract.** There are as many as the machine was booted with, charged to its budget. The
/// memory that one stands for stays accessible until the machine is closed: a load through a view
/// may touch it until then, and forgets what it read. [#make] never waits for memory; [#free] may
/// wait for the token of the object that owns the page, and for a grace period.
///
/// **Failure.** No page left is [PageArray#NONE]; a wrong address is an `IllegalArgumentException`;
/// a page that may not be freed as it is, is a [VmPanic].
public final class FictitiousPages {
  /*
   *            make                      free
   *   unused ───────▶ wired, hard-busy ───────▶ unused, once its grace period is over and no hold left
   *
   * I1  wire 1  <=>  it stands for an address, and the address leads to it
   * I2  FICTITIOUS and UNQUEUED, always; so it is on no queue
   *
   * Follows: vm_page_initfake, vm_page_free_toq. Differs from DragonFly: a page is taken from a fixed
   * number instead of from the kernel's allocator, and an address has one page at most.
   */
  private static final int ALWAYS = PageFlags.FICTITIOUS | PageFlags.UNQUEUED;

  /// What the addresses of page table entries are below.
  private static final long ADDRESSES = 1L << 48;

  private final PageArray pages;
  private final ForeignFrames foreign;
  private final PageBusy busy;
  private final VmStats stats;
  private final Grace grace;
  private final PageOwner owner;
  private final Mappings mappings;

  /// Guards the choice of a page, and changes of addresses.
  private final ReentrantLock lock = new ReentrantLock();

  /// Where the search for an unused page goes on; guarded by `lock`.
  private int rover;

  /// Makes them over the parts of a machine.
  FictitiousPages(PageParts parts, Grace grace, PageOwner owner, Mappings mappings) {
    this.pages = parts.pages();
    this.foreign = pages.foreign();
    this.busy = parts.busy();
    this.stats = parts.stats();
    this.grace = grace;
    this.owner = owner;
    this.mappings = mappings;
  }

  /// Makes a page stand for memory (`vm_page_initfake`). It has no content and no object yet, and
  /// is wired once.
  ///
  /// @param address where the memory begins: a multiple of the page size below 2^48, of which a
  ///   whole page can be accessed
  /// @return a hard-busy page, or [PageArray#NONE] if all are in use
  /// @throws IllegalArgumentException if the address is none of these, or has a page already
  public int make(long address, MemoryAttribute attribute) {
    requireForeign(address);
    lock.lock();
    try {
      if (foreign.find(address) != PageArray.NONE) {
        throw new IllegalArgumentException("0x%x has a page already".formatted(address));
      }
      int page = takeUnused();
      if (page != PageArray.NONE) {
        foreign.stand(page, address);
        pages.setAttribute(page, attribute);
        pages.addWire(page, 1);
      }
      return page;
    } finally {
      lock.unlock();
    }
  }

  private void requireForeign(long address) {
    int size = pages.frames().pageSize();
    boolean fits = address > 0 && address <= ADDRESSES - size && (address & (size - 1)) == 0;
    if (!fits || !RawMemory.reaches(address, size)) {
      throw new IllegalArgumentException(
          "no page of %d bytes can be at 0x%x".formatted(size, address));
    }
    if (pages.frames().contains(address)) {
      throw new IllegalArgumentException("0x%x is a frame's".formatted(address));
    }
  }

  /// An unused page, hard-busy. Who has a page busy that stands for nothing has mistaken it for
  /// what it was once.
  private int takeUnused() {
    for (int n = 0; n < foreign.count(); n++) {
      int page = foreign.page(rover);
      rover = rover + 1 == foreign.count() ? 0 : rover + 1;
      if (pages.wireCount(page) == 0 && busy.tryHardBusy(page)) {
        if (isUnused(page)) {
          return page;
        }
        busy.unbusy(page);
      }
    }
    return PageArray.NONE;
  }

  private boolean isUnused(int page) {
    return pages.wireCount(page) == 0
        && pages.holdCount(page) == 0
        && grace.isOver(pages.ticket(page));
  }

  /// Says anew how a processor may cache a page (`vm_page_initfake` of a page that was made
  /// before).
  ///
  /// @param page a hard-busy page that stands for memory
  public void setAttribute(int page, MemoryAttribute attribute) {
    requireMade(page);
    pages.setAttribute(page, attribute);
  }

  /// How many pages stand for memory now.
  public int inUse() {
    int count = 0;
    for (int n = 0; n < foreign.count(); n++) {
      count += pages.wireCount(foreign.page(n)) != 0 ? 1 : 0;
    }
    return count;
  }

  /// Takes a page out of its object and all page tables, and makes it stand for nothing
  /// (`vm_page_free` of a fictitious page). [PageAllocator#free] leads here.
  ///
  /// @param page a hard-busy page that stands for memory; the caller must not touch it any more
  /// @return whether no store through a view can reach the memory any more; if not, one has been
  ///   under way for the machine's patience, or somebody holds the page
  public boolean free(VmThread self, int page) {
    requireMade(page);
    if (busy.softHolders(page) != 0 || pages.queue(page) != PageQueue.NONE) {
      throw new VmPanic("freeing a fictitious page in use: " + pages.describe(page));
    }
    if (pages.hasFlag(page, PageFlags.MAPPED | PageFlags.WRITABLE)) {
      mappings.removeAll(page);
      pages.setTicket(page, grace.next());
    }
    owner.remove(self, page);
    boolean over = grace.beginAndAwait(pages.ticket(page));
    lock.lock();
    try {
      foreign.stand(page, 0);
      pages.clearContent(page);
      pages.clearFlags(page, ~ALWAYS);
      pages.addWire(page, -1);
    } finally {
      lock.unlock();
    }
    stats.count(self.stripe(), Event.FREED, 1);
    boolean held = pages.holdCount(page) != 0;
    busy.unbusy(page);
    return over && !held;
  }

  private void requireMade(int page) {
    busy.requireHardBusy(page);
    if (!foreign.has(page) || pages.wireCount(page) != 1) {
      throw new VmPanic("stands for no memory of others: " + pages.describe(page));
    }
  }
}
