package org.pondhawk.vm.map;

import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerSource;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// The parts of the machine that chains are shortened with.
///
/// @param self the collapser's own record, a system thread; used by whoever has its lock
public record CollapseParts(
    PageParts page,
    PageAllocator allocator,
    ObjectOwner owner,
    ObjectReaper reaper,
    Mappings mappings,
    PagerSource pagers,
    VmThread self) {
  /// Whether an object has something at an index, resident or behind it.
  static boolean has(VmObject object, long pindex) {
    return object.resident().get(pindex) != IntRadix.NONE || object.hasBacking(pindex);
  }

  /// The first index from `from` on where an object has something, resident or behind it, or -1.
  static long next(VmObject object, long from) {
    long resident = object.resident().next(from);
    Pager pager = object.pager();
    long backed = pager == null ? -1 : pager.nextBlock(from);
    return resident < 0 || backed < 0 ? Math.max(resident, backed) : Math.min(resident, backed);
  }

  /// Frees what an object has at an index, since no chain shows it. Its token is held exclusively.
  ///
  /// @return false if the page is busy: nothing is changed then
  boolean drop(VmObject object, long pindex) {
    int page = object.resident().get(pindex);
    if (page != IntRadix.NONE) {
      if (!page().busy().tryHardBusy(page)) {
        return false;
      }
      mappings.removeAll(page); // flags may be stale; nobody is left who could have wired it
      allocator.free(self, page);
    }
    Pager pager = object.pager();
    if (pager != null && pager.hasPage(pindex)) {
      pager.forget(self, pindex, 1);
    }
    count(Event.HIDDEN_FREED);
    return true;
  }

  void count(Event event) {
    page.stats().count(self.stripe(), event, 1);
  }
}
