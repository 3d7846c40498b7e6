package org.pondhawk.vm.fault;

import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.VmThread;

/// Maps the resident neighbours of a page that was faulted on, so that they need no fault of their
/// own (`vm_prefault_quick`).
///
/// A burst goes on where somebody walks through memory: away from a neighbour that is mapped
/// already, as far as pages follow each other, to the end of the entry or of the piece of the page
/// table, an address that has an entry, or a page that is not resident. A page alone gets no burst.
///
/// **Contract.** The map is shared and the faulted page released. Never waits, allocates, reads or
/// copies: at the first doubt there is one page less. What is mapped is not marked as accessed.
final class FaultBurst {
  private final PageParts parts;
  private final PageEntry entering;
  private final PageArray pages;
  private final int pageCount;
  private final int pageShift;

  /// Makes it for a machine.
  ///
  /// @param pageCount how many neighbours to look at; 0 for none
  FaultBurst(PageParts parts, PageEntry entering, int pageCount) {
    this.parts = parts;
    this.entering = entering;
    this.pages = parts.pages();
    this.pageCount = pageCount;
    this.pageShift = pages.frames().pageShift();
  }

  /// Maps the neighbours of the page of a fault.
  void mapAround(Fault fault) {
    if (pageCount == 0 || !fault.self.readsAhead()) {
      return;
    }
    long step = awayFromMapped(fault);
    VmObject head = fault.head().object();
    if (step == 0 || !head.token().tryLock(fault.self, false)) {
      return;
    }
    try {
      long at = fault.address + step;
      for (int i = 0; i < pageCount && reaches(fault, at) && mapOne(fault, at); i++) {
        at += step;
      }
    } finally {
      head.token().unlock(fault.self);
    }
  }

  /// The way to the next page: up where only the page before is mapped, down where only the one
  /// behind is, else 0.
  private long awayFromMapped(Fault fault) {
    long pageSize = 1L << pageShift;
    boolean below = isMapped(fault, fault.address - pageSize);
    boolean above = isMapped(fault, fault.address + pageSize);
    if (below == above) {
      return 0;
    }
    return below ? pageSize : -pageSize;
  }

  private boolean isMapped(Fault fault, long at) {
    return reaches(fault, at) && fault.space.pmap().isMapped(at);
  }

  /// Whether an address is in the same entry and piece of the page table, which is charged.
  private static boolean reaches(Fault fault, long at) {
    int regionShift = fault.space.pmap().regionShift();
    return at >= fault.entry().start()
        && at < fault.entry().end()
        && at >>> regionShift == fault.address >>> regionShift;
  }

  /// Maps one neighbour.
  ///
  /// @return whether it makes sense to go on behind it
  private boolean mapOne(Fault fault, long at) {
    if (fault.space.pmap().isMapped(at)) {
      return false;
    }
    Backing head = fault.head();
    VmObject object = head.object();
    long pindex = head.pindex(at, pageShift);
    int page = object.resident().get(pindex);
    if (page != IntRadix.NONE) {
      return enter(fault, at, page, PageEntry.mayStore(fault, !fault.entry().needsCopy()));
    }
    Backing next = head.next();
    return next != null && !object.hasBacking(pindex) && mapBeneath(fault, next, at);
  }

  /// The same in the nearest deeper element that has the page. The head's token is held, so that
  /// nothing comes to hide it.
  private boolean mapBeneath(Fault fault, Backing from, long at) {
    VmThread self = fault.self;
    for (Backing element = from; element != null; element = element.next()) {
      VmObject object = element.object();
      if (!object.token().tryLock(self, false)) {
        return false;
      }
      try {
        long pindex = element.pindex(at, pageShift);
        int page = object.resident().get(pindex);
        if (page != IntRadix.NONE) {
          return enter(fault, at, page, false);
        }
        if (object.hasBacking(pindex)) {
          return false;
        }
      } finally {
        object.token().unlock(self);
      }
    }
    return false;
  }

  /// Enters a page of an object whose token is held; a busy one is left out.
  private boolean enter(Fault fault, long at, int page, boolean writable) {
    if (!parts.busy().tryHardBusy(page)) {
      return true;
    }
    // A cached page is left to be reused until somebody really asks for it.
    boolean fit = pages.isFullyValid(page) && !PageQueue.CACHE.isKindOf(pages.queue(page));
    boolean storable = writable && pages.cowCount(page) == 0;
    if (fit && storable) {
      entering.noteStorable(fault, page);
    }
    boolean entered = fit && fault.space.pmap().enterAhead(at, page, storable);
    parts.busy().unbusy(page);
    return entered;
  }
}
