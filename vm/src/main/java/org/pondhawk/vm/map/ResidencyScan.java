package org.pondhawk.vm.map;

import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.VmThread;

/// Which pages of a range are resident, and what happened to them (`mincore`).
///
/// **Contract.** The map is shared; waits for a token at most. The answer is of the past when it is
/// read.
public final class ResidencyScan {
  /// The page is in memory (`MINCORE_INCORE`).
  public static final int RESIDENT = 1;

  /// It was accessed through this space (`MINCORE_REFERENCED`).
  public static final int REFERENCED = 2;

  /// It was stored into through this space (`MINCORE_MODIFIED`).
  public static final int MODIFIED = 4;

  /// It was accessed by anybody (`MINCORE_REFERENCED_OTHER`).
  public static final int REFERENCED_BY_ANY = 8;

  /// It differs from what backs it, or was stored into by anybody (`MINCORE_MODIFIED_OTHER`).
  public static final int MODIFIED_BY_ANY = 0x10;

  private final PageArray pages;
  private final AddressMap map;
  private final Pmap pmap;

  ResidencyScan(PageArray pages, AddressMap map, Pmap pmap) {
    this.pages = pages;
    this.map = map;
    this.pmap = pmap;
  }

  /// What is known of the page of an address.
  ///
  /// @return the bits above, 0 for a page that is not resident, or -1 for an address that is not
  ///   mapped
  int of(VmThread self, long address) {
    MapEntry entry = map.find(address);
    if (entry == null) {
      return -1;
    }
    if (entry.isUntouched()) {
      return 0;
    }
    if (pmap.isCharged(address)) {
      long pte = pmap.entry(address);
      if (Pte.isValid(pte)) {
        return ofMapped(pte);
      }
    }
    Backing head = entry.backing();
    return head == null ? 0 : ofUnmapped(self, head, address);
  }

  private int ofMapped(long pte) {
    int page = pages.pageAt(Pte.frame(pte));
    int bits = RESIDENT | (page == PageArray.NONE ? 0 : ofPage(page));
    if ((pte & Pte.MODIFIED) != 0) {
      bits |= MODIFIED | MODIFIED_BY_ANY;
    }
    if ((pte & Pte.ACCESSED) != 0) {
      bits |= REFERENCED | REFERENCED_BY_ANY;
    }
    return bits;
  }

  private int ofPage(int page) {
    return (pages.dirty(page) != 0 ? MODIFIED_BY_ANY : 0)
        | (pages.hasFlag(page, PageFlags.REFERENCED) ? REFERENCED_BY_ANY : 0);
  }

  /// Of a page that is not mapped here the nearest object of the chain knows.
  private int ofUnmapped(VmThread self, Backing head, long address) {
    VmObject object = head.object();
    object.token().lock(self, false);
    try {
      int page = object.resident().get(head.pindex(address, pages.frames().pageShift()));
      return page == IntRadix.NONE || pages.valid(page) == 0 ? 0 : RESIDENT | ofPage(page);
    } finally {
      object.token().unlock(self);
    }
  }
}
