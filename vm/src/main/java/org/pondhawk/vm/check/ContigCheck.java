package org.pondhawk.vm.check;

import java.util.BitSet;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.ContigAllocator;
import org.pondhawk.vm.queue.DmaReserve;

/// Checks the runs of neighbouring frames: the account of the reserve and the states of its pages
/// say the same, and every page outside that looks like part of a run is counted as one.
final class ContigCheck {
  private final PageArray pages;
  private final ContigAllocator contig;
  private final DmaReserve reserve;
  private final Findings findings;

  ContigCheck(Machine machine, Findings findings) {
    this.pages = machine.page().pages();
    this.contig = machine.contig();
    this.reserve = contig.reserve();
    this.findings = findings;
  }

  /// Checks all pages.
  ///
  /// @return those that are wired, because they are of the reserve or of a run
  BitSet run() {
    BitSet wired = new BitSet();
    int inReserve = 0;
    int free = 0;
    int outside = 0;
    for (int page = 0; page < pages.frameCount(); page++) {
      if (reserve.has(page) || contig.isInUse(page)) {
        findings.require(
            !pages.hasFlag(page, PageFlags.FRAME_STATE),
            "said to be zero, but for runs: %s",
            pages.describe(page));
      }
      if (reserve.has(page)) {
        wired.set(page);
        inReserve++;
        free += reserve.isFree(page) ? 1 : 0;
        checkReserved(page);
      } else {
        findings.require(
            !reserve.isFree(page), "free in the reserve, but not of it: %s", pages.describe(page));
        if (contig.isInUse(page)) {
          wired.set(page);
          outside++;
        }
      }
    }
    isCounted("the reserve has", inReserve, reserve.pageCount());
    isCounted("free in the reserve are", free, reserve.freePages());
    isCounted("in runs outside the reserve are", outside, contig.pagesInUseOutside());
    return wired;
  }

  private void isCounted(String what, int seen, int counted) {
    findings.require(seen == counted, "%s %d pages, the count says %d", what, seen, counted);
  }

  private void checkReserved(int page) {
    findings.require(
        pages.hasFlag(page, PageFlags.UNQUEUED)
            && pages.wireCount(page) == 1
            && pages.object(page) == PageArray.NO_OBJECT,
        "not as pages of the reserve are: %s",
        pages.describe(page));
    boolean free = reserve.isFree(page);
    findings.require(
        free == (pages.valid(page) == 0) && free != contig.isInUse(page),
        "%s in the account of the reserve, but: %s",
        free ? "free" : "in use",
        pages.describe(page));
  }
}
