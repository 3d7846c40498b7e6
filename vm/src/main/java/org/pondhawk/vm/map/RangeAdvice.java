package org.pondhawk.vm.map;

import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// What becomes of the resident pages of a range that will be needed soon, or not
/// (`vm_object_madvise`).
///
/// **Contract.** The map is shared. Only the nearest object of an entry is looked at. Pages that
/// are busy, wired or not whole are passed over: advice never waits for a page.
final class RangeAdvice {
  private static final int LEFT_ALONE =
      PageFlags.FICTITIOUS | PageFlags.UNQUEUED | PageFlags.NEED_COMMIT;

  private final PageParts parts;
  private final PageArray pages;
  private final PageOperations operations;

  RangeAdvice(PageParts parts, PageOperations operations) {
    this.parts = parts;
    this.pages = parts.pages();
    this.operations = operations;
  }

  /// What is done with a page that is hard-busy.
  private interface Advice {
    void on(int page);
  }

  /// Makes the resident pages of a range active.
  void willNeed(VmThread self, AddressMap map, long start, long end) {
    forEach(self, map, start, end, page -> parts.mover().activate(self, page));
  }

  /// Makes most of the resident pages of a range the next to be reclaimed; no byte is lost.
  void dontNeed(VmThread self, AddressMap map, long start, long end) {
    forEach(self, map, start, end, page -> operations.advice().notNeeded(self, page));
  }

  private void forEach(VmThread self, AddressMap map, long start, long end, Advice advice) {
    for (MapEntry e = map.from(start); e != null && e.start() < end; e = map.after(e.start())) {
      Backing head = e.backing();
      if (head != null) {
        int shift = pages.frames().pageShift();
        long first = head.pindex(Math.max(start, e.start()), shift);
        long last = head.pindex(Math.min(end, e.end()), shift);
        forEach(self, head.object(), first, last, advice);
      }
    }
  }

  private void forEach(VmThread self, VmObject object, long first, long end, Advice advice) {
    object.token().lock(self, false);
    try {
      for (long p = object.resident().next(first);
          p >= 0 && p < end;
          p = object.resident().next(p + 1)) {
        int page = object.resident().get(p);
        if (parts.busy().tryHardBusy(page)) {
          if (isFit(page)) {
            advice.on(page);
          }
          parts.busy().unbusy(page);
        }
      }
    } finally {
      object.token().unlock(self);
    }
  }

  private boolean isFit(int page) {
    return pages.isFullyValid(page)
        && pages.wireCount(page) == 0
        && !pages.hasFlag(page, LEFT_ALONE);
  }
}
