package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// Wired pages that belong to no object but to whoever asked for them (`vm_page_alloczwq`,
/// `vm_page_freezwq`).
///
/// **Contract.** Such a page is wired once, busy for nobody and on no queue; nobody reclaims or
/// moves it until it is given back. [#allocate] may wait for memory, [#free] for who has mistaken
/// the page for what it was once.
///
/// **Failure.** Giving back what is not such a page is a [VmPanic].
public final class WiredPages {
  private final PageArray pages;
  private final PageBusy busy;
  private final PageMover mover;
  private final FreeGate gate;
  private final PageAllocator allocator;
  private final LongAdder inUse = new LongAdder();

  /// Makes it for a machine.
  public WiredPages(PageParts parts, PageAllocator allocator) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.mover = parts.mover();
    this.gate = parts.gate();
    this.allocator = allocator;
  }

  /// Takes a page.
  ///
  /// @param pindex steers the colour and nothing else
  /// @param zeroed whether its bytes must be zero (`VM_ALLOC_ZERO`, `VM_ALLOC_FORCE_ZERO`); then it
  ///   is valid, else its bytes are arbitrary and it is not
  /// @param retry whether to go on after a wait until there is one (`VM_ALLOC_RETRY`)
  /// @return the page; [PageArray#NONE], after one wait, only if the caller is not ready to retry
  /// @throws org.pondhawk.vm.error.OutOfPagesException if a wait comes to nothing
  public int allocate(VmThread self, long pindex, AllocClass klass, boolean zeroed, boolean retry) {
    Patience patience = null;
    for (; ; ) {
      int page = tryAllocate(self, pindex, klass, zeroed);
      if (page != PageArray.NONE) {
        return page;
      }
      patience = await(self, patience);
      if (!retry) {
        return PageArray.NONE;
      }
    }
  }

  private Patience await(VmThread self, @Nullable Patience before) {
    Patience patience = before == null ? gate.patience() : before;
    gate.await(self, patience);
    return patience;
  }

  /// As [#allocate], without a wait.
  ///
  /// @return the page, or [PageArray#NONE] if memory is short for this class
  public int tryAllocate(VmThread self, long pindex, AllocClass klass, boolean zeroed) {
    int color = allocator.colorFor(self, 0, pindex);
    int page =
        zeroed
            ? allocator.allocateForZeros(self, color, klass)
            : allocator.allocate(self, color, klass);
    if (page == PageArray.NONE) {
      return page;
    }
    if (zeroed) {
      if (!pages.hasFlag(page, PageFlags.ZERO)) {
        pages.frames().zero(page);
      }
      pages.setValid(page);
    }
    pages.clearFlagsOfOwn(page, pages.flags(page), ~0);
    pages.setFlags(page, PageFlags.ALONE);
    mover.wire(self, page);
    inUse.increment();
    busy.unbusy(page);
    return page;
  }

  /// Gives a page back.
  public void free(VmThread self, int page) {
    busy.hardBusyBesideSoft(self, page);
    if (!isInUse(page)) {
      throw new VmPanic("given back, but not taken alone: " + pages.describe(page));
    }
    pages.clearFlags(page, PageFlags.ALONE);
    mover.unwireToFree(self, page);
    inUse.decrement();
    allocator.free(self, page);
  }

  /// Whether a page is in use as one of these.
  public boolean isInUse(int page) {
    return pages.hasFlag(page, PageFlags.ALONE);
  }

  /// How many are in use: exact at rest.
  public long inUse() {
    return inUse.sum();
  }
}
