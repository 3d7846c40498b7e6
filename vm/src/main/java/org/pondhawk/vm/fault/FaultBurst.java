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
/// Forward and backward in turn, each way as far as pages follow each other: to the end of the
/// entry or of the piece of the page table, an address that has an entry already, or a page that is
/// not resident. A busy page is left out. Where one way has ended, the other gets the rest, so that
/// a walk through memory faults once for each burst.
///
/// **Contract.** The map is shared and the faulted page released. Never waits, allocates, reads or
/// copies: at the first doubt there is one page less. What is mapped is not marked as accessed.
final class FaultBurst {
  private final PageParts parts;
  private final PageArray pages;
  private final int pageCount;
  private final int pageShift;

  /// Makes it for a machine.
  ///
  /// @param pageCount how many neighbours to look at; 0 for none
  FaultBurst(PageParts parts, int pageCount) {
    this.parts = parts;
    this.pages = parts.pages();
    this.pageCount = pageCount;
    this.pageShift = pages.frames().pageShift();
  }

  /// Maps the neighbours of the page of a fault.
  void mapAround(Fault fault) {
    if (pageCount == 0) {
      return;
    }
    VmObject head = fault.head().object();
    if (!head.token().tryLock(fault.self, false)) {
      return;
    }
    try {
      long pageSize = 1L << pageShift;
      long above = fault.address;
      long below = fault.address;
      boolean up = true;
      boolean down = true;
      for (int i = 0; i < pageCount && (up || down); i++) {
        if (up && ((i & 1) == 0 || !down)) {
          above += pageSize;
          up = mapOne(fault, above);
        } else {
          below -= pageSize;
          down = mapOne(fault, below);
        }
      }
    } finally {
      head.token().unlock(fault.self);
    }
  }

  /// Maps one neighbour.
  ///
  /// @return whether it makes sense to go on behind it
  private boolean mapOne(Fault fault, long at) {
    int regionShift = fault.space.pmap().regionShift();
    if (at < fault.entry().start()
        || at >= fault.entry().end()
        || at >>> regionShift != fault.address >>> regionShift
        || fault.space.pmap().isMapped(at)) {
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

  /// Enters a page of an object whose token is held.
  private boolean enter(Fault fault, long at, int page, boolean writable) {
    if (!parts.busy().tryHardBusy(page)) {
      return true;
    }
    boolean entered = pages.isFullyValid(page);
    if (entered) {
      if (PageQueue.CACHE.isKindOf(pages.queue(page))) {
        parts.mover().deactivate(fault.self, page);
      }
      entered = fault.space.pmap().enterAhead(at, page, writable);
    }
    parts.busy().unbusy(page);
    return entered;
  }
}
