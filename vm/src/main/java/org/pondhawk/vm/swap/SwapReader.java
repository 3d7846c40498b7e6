package org.pondhawk.vm.swap;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Reads a page from swap, and in the same request the pages that follow it both in its object and
/// on the device (`swap_pager_getpage`).
///
/// **Contract.** Of the pages read ahead nobody has to know: they are inserted hard-busy, so that a
/// fault on one waits for the transfer, and are clean and inactive afterwards. They never take
/// memory that others wait for, and need no index node. Pages that are resident, or whose block
/// lies elsewhere, end the run.
///
/// **Failure.** A run that can't be read leaves no trace of the pages read ahead; the page that was
/// asked for is then read alone, and only that decides.
public final class SwapReader {
  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;
  private final ObjectOwner owner;
  private final ObjectTable objects;
  private final int burst;

  /// Makes the reader of a machine.
  ///
  /// @param burst how many pages are read ahead at most, from 0
  public SwapReader(
      PageParts parts, PageAllocator allocator, ObjectOwner owner, ObjectTable objects, int burst) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.owner = owner;
    this.objects = objects;
    this.burst = burst;
  }

  /// Reads a page from its block. May block, with the thread's tokens given up meanwhile.
  ///
  /// @param page a hard-busy page, inserted at `pindex` of its object
  void read(VmThread self, SwapStore store, SwapPager pager, long pindex, int page, int block)
      throws IOException {
    int[] run = new int[burst + 1];
    run[0] = page;
    parts.busy().beginSwap(page);
    int count = 1 + takeAhead(self, pager, pindex, block, run);
    try {
      if (!tryRead(self, store, block, run, count)) {
        freeAhead(self, run, count);
        count = 1;
        store.read(self, block, new long[] {pages.address(page)}, 1);
      }
    } finally {
      parts.busy().endSwap(page);
    }
    becomeValid(page);
    for (int i = 1; i < count; i++) {
      becomeValid(run[i]);
      parts.busy().endSwap(run[i]);
      parts.mover().deactivate(self, run[i]);
      parts.busy().unbusy(run[i]);
    }
    parts.stats().count(self.stripe(), Event.SWAP_IN, 1);
    parts.stats().count(self.stripe(), Event.SWAP_PAGES_IN, count);
    parts.stats().count(self.stripe(), Event.READ_AHEAD, count - 1L);
  }

  /// Inserts pages for what follows, as long as it follows and memory is not short.
  ///
  /// @return how many
  private int takeAhead(VmThread self, SwapPager pager, long pindex, int block, int[] run) {
    VmObject object = self.readsAhead() ? objectOf(self, run[0]) : null;
    int taken = 0;
    while (object != null && taken < burst) {
      long next = pindex + taken + 1;
      boolean follows =
          IntRadix.inSameLeaf(pindex, next)
              && pager.block(next) == block + taken + 1
              && object.resident().get(next) == IntRadix.NONE;
      if (!follows || parts.gate().pressure().nearMin(self.stripe())) {
        break;
      }
      int color = allocator.colorFor(self, object.color(), next);
      int page = allocator.allocate(self, color, AllocClass.QUICK);
      if (page == PageArray.NONE) {
        break;
      }
      owner.insert(self, object, next, page);
      parts.busy().beginSwap(page);
      taken++;
      run[taken] = page;
    }
    return taken;
  }

  /// The object of a page, or null if the caller may not insert into it.
  private @Nullable VmObject objectOf(VmThread self, int page) {
    if (pages.object(page) == PageArray.NO_OBJECT) {
      return null;
    }
    VmObject object = objects.get(pages.object(page));
    return self.holdsExclusively(object.token()) ? object : null;
  }

  /// Reads a run; a run of one page throws what goes wrong, a longer one answers false.
  private boolean tryRead(VmThread self, SwapStore store, int block, int[] run, int count)
      throws IOException {
    long[] frames = Arrays.stream(run, 0, count).mapToLong(pages::address).toArray();
    try {
      store.read(self, block, frames, count);
      return true;
    } catch (IOException e) {
      if (count == 1) {
        throw e;
      }
      return false; // perhaps only a page that nobody asked for can't be read
    }
  }

  private void freeAhead(VmThread self, int[] run, int count) {
    for (int i = 1; i < count; i++) {
      parts.busy().endSwap(run[i]);
      allocator.free(self, run[i]);
    }
  }

  private void becomeValid(int page) {
    pages.setValid(page);
    pages.clearDirty(page);
    pages.setFlags(page, PageFlags.SWAPPED);
  }
}
