package org.pondhawk.vm.queue;

import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Grace;

/// Takes rights from every mapping of a page (`vm_page_protect`). Rights are never given here.
///
/// **Contract.** The page is hard-busy, so that no new mapping appears. None waits. What was stored
/// through the mappings is known afterwards: the page may have become dirty.
public final class PageProtection {
  private final PageArray pages;
  private final PageBusy busy;
  private final Mappings mappings;
  private final Grace grace;

  /// Makes it for a machine.
  public PageProtection(PageParts parts, Mappings mappings, Grace grace) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.mappings = mappings;
    this.grace = grace;
  }

  /// Removes every mapping of a page (`vm_page_protect` with `VM_PROT_NONE`). A load or a store may
  /// still be under way through one: the page has the ticket of the grace period that ends them,
  /// and is not used anew before it is over.
  public void revokeAll(int page) {
    busy.requireHardBusy(page);
    if (pages.hasFlag(page, PageFlags.MAPPED | PageFlags.WRITABLE)) {
      mappings.removeAll(page);
      pages.setTicket(page, grace.begin());
    }
  }

  /// Takes the right to store from every mapping of a page (`vm_page_protect` with `VM_PROT_READ`).
  public void revokeStores(int page) {
    busy.requireHardBusy(page);
    if (pages.hasFlag(page, PageFlags.WRITABLE)) {
      mappings.writeProtect(page);
    }
  }
}
