package org.pondhawk.vm.check;

import java.util.BitSet;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.page.ForeignFrames;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// Checks the fictitious pages: each is on no queue, each that is in use is found by its address
/// and has the object it says, and one that is not stands for nothing.
final class FictitiousCheck {
  private static final int ALWAYS = PageFlags.FICTITIOUS | PageFlags.UNQUEUED;

  private final PageArray pages;
  private final ForeignFrames foreign;
  private final Findings findings;

  FictitiousCheck(Machine machine, Findings findings) {
    this.pages = machine.page().pages();
    this.foreign = pages.foreign();
    this.findings = findings;
  }

  /// Checks all of them.
  ///
  /// @param owned the pages that were found in objects
  void run(BitSet owned) {
    for (int n = 0; n < foreign.count(); n++) {
      int page = foreign.page(n);
      findings.require(
          (pages.flags(page) & ALWAYS) == ALWAYS
              && pages.queue(page) == 0
              && pages.next(page) == PageArray.NONE
              && pages.prev(page) == PageArray.NONE,
          "fictitious, but may be or is queued: %s",
          pages.describe(page));
      findings.require(
          owned.get(page) == (pages.object(page) != PageArray.NO_OBJECT),
          "says that it belongs to an object which does not have it: %s",
          pages.describe(page));
      if (pages.wireCount(page) == 0) {
        checkUnused(page);
      } else {
        checkUsed(page);
      }
    }
  }

  private void checkUsed(int page) {
    findings.require(
        pages.wireCount(page) == 1, "fictitious, but not wired once: %s", pages.describe(page));
    long address = foreign.address(page);
    findings.require(
        address != 0 && foreign.find(address) == page,
        "not the page of the address 0x%x that it stands for: %s",
        address,
        pages.describe(page));
  }

  private void checkUnused(int page) {
    findings.require(
        foreign.address(page) == 0
            && pages.flags(page) == ALWAYS
            && pages.object(page) == PageArray.NO_OBJECT
            && pages.valid(page) == 0
            && pages.dirty(page) == 0,
        "stands for nothing, but: %s",
        pages.describe(page));
  }
}
