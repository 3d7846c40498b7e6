package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Hands out runs of neighbouring frames, wired (`vm_page_alloc_contig`, `contigmalloc`,
/// `vm_page_free_contig`): from the reserve while it lasts, else from anywhere.
///
/// **Contract.** The pages of a run are wired once, busy for nobody, valid, on no queue and of no
/// object, and their bytes are arbitrary. Numbers of pages stand for physical addresses. Runs may
/// be given back whole or in parts. [#allocate] may wait for transfers, tokens and grace periods,
/// never for memory; its caller holds nothing.
///
/// **Failure.** No run is [PageArray#NONE]; giving back what is not in use is a [VmPanic].
public final class ContigAllocator {
  private final PageArray pages;
  private final PageParts parts;
  private final PageAllocator allocator;
  private final DmaReserve reserve;
  private final RunScan scan;

  /// Makes the allocator of a machine.
  ///
  /// @param launderer writes out what lies in the way
  /// @param self a record of a system thread, for the allocator's own use
  public ContigAllocator(
      PageParts parts,
      PageAllocator allocator,
      DmaReserve reserve,
      Grace grace,
      PageOwner owner,
      Mappings mappings,
      Launderer launderer,
      VmThread self) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.reserve = reserve;
    this.scan = new RunScan(parts, allocator, grace, owner, mappings, launderer, self);
  }

  /// Takes a run.
  ///
  /// @param limits where it may lie
  /// @param count how many pages, at least 1
  /// @return its first page, or [PageArray#NONE]
  public int allocate(RunLimits limits, int count, MemoryAttribute attribute) {
    if (count < 1) {
      throw new IllegalArgumentException("count=" + count + " is not positive");
    }
    int first = reserve.allocate(limits, count, attribute);
    return first == PageArray.NONE ? scan.allocate(limits, count, attribute) : first;
  }

  /// Gives a run back, or a part of one.
  ///
  /// @throws VmPanic if one of the pages is in no run
  public void free(VmThread self, int first, int count) {
    if (first < 0 || count < 1 || count > pages.frameCount() - first) {
      throw new IllegalArgumentException(
          "%d pages from %d are not within %d".formatted(count, first, pages.frameCount()));
    }
    if (reserve.has(first)) {
      reserve.free(first, count);
      return;
    }
    for (int page = first; page < first + count; page++) {
      scan.free(self, page);
    }
  }

  /// Gives free pages of the reserve to the free queues, the highest first
  /// (`vm_page_startup_finish`).
  ///
  /// @param keep how many free pages the reserve is to keep
  /// @return how many were given
  public int shrinkReserve(VmThread self, int keep) {
    int given = 0;
    for (long run = reserve.takeSurplus(keep); run != 0; run = reserve.takeSurplus(keep)) {
      int first = (int) (run >>> Integer.SIZE);
      for (int page = first; page < first + (int) run; page++) {
        release(self, page);
      }
      given += (int) run;
    }
    return given;
  }

  private void release(VmThread self, int page) {
    if (!parts.busy().tryHardBusy(page)) {
      throw new VmPanic("a free page of the reserve is busy: " + pages.describe(page));
    }
    pages.clearFlags(page, PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    parts.mover().unwireToFree(self, page);
    allocator.free(self, page);
  }

  /// The reserve.
  public DmaReserve reserve() {
    return reserve;
  }

  /// Whether a page is part of a run that is in use.
  public boolean isInUse(int page) {
    return RunScan.isInUse(pages, page);
  }

  /// How many pages outside the reserve are in use as parts of runs.
  public int pagesInUseOutside() {
    return scan.pagesInUse();
  }
}
