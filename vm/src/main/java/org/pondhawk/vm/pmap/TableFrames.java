package org.pondhawk.vm.pmap;

import org.pondhawk.vm.page.DumpMap;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Charges page table memory to the budget: for each piece of a table that is touched, a frame is
/// taken out of use and its memory given back to the kernel, so that the sum stays true. Such a
/// frame is called a balloon.
public final class TableFrames {
  private final PageParts parts;
  private final PageAllocator allocator;
  private final DumpMap dump;

  /// Makes it over the parts of a machine.
  ///
  /// @param dump is told of each balloon: it stands for a piece of a page table
  public TableFrames(PageParts parts, PageAllocator allocator, DumpMap dump) {
    this.parts = parts;
    this.allocator = allocator;
    this.dump = dump;
  }

  /// Whether there is so much free memory that a frame may be kept for later.
  boolean arePlenty(VmThread self) {
    return parts.gate().pressure().isPlenty(self.stripe());
  }

  /// Takes a frame as a balloon. Does not wait.
  ///
  /// @return its page, or [PageArray#NONE] if memory is short
  int take(VmThread self, long spread) {
    int page = allocator.allocate(self, allocator.colorFor(self, spread, 0), AllocClass.SYSTEM);
    if (page != PageArray.NONE) {
      parts.mover().wire(self, page);
      dump.add(page);
      parts.busy().unbusy(page);
      parts.pages().frames().giveBack(page);
      parts.stats().count(self.stripe(), Event.TABLE_FRAMES, 1);
    }
    return page;
  }

  /// Gives a balloon back.
  void give(VmThread self, int page) {
    while (!parts.busy().tryHardBusy(page)) { // somebody mistakes it for what it was, for a moment
      parts.busy().sleepWhileBusy(self, page);
    }
    dump.drop(page);
    parts.mover().unwireToFree(self, page);
    allocator.free(self, page);
    parts.stats().count(self.stripe(), Event.TABLE_FRAMES, -1);
  }
}
