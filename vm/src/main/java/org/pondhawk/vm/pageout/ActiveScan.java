package org.pondhawk.vm.pageout;

import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.sync.VmThread;

/// The scan of the active queues: pages age by their activity count, and who has none left becomes
/// inactive (`vm_pageout_scan_active`).
///
/// Differs from DragonFly: instead of a marker that stays in each of 1024 queues, a page that was
/// looked at goes to the tail. Every page is seen equally often either way.
final class ActiveScan {
  private static final int SWEEPS_PER_LAP = 10;

  private final PageoutParts parts;
  private final PageArray pages;
  private final PageQueues queues;
  private final PageBusy busy;
  private final int marker;

  ActiveScan(PageoutParts parts, int marker) {
    this.parts = parts;
    this.pages = parts.page().pages();
    this.queues = parts.page().queues();
    this.busy = parts.page().busy();
    this.marker = marker;
  }

  /// Ages the pages of a colour that were not looked at longest.
  ///
  /// @param wanted how many should become inactive
  /// @param decline the activity that a page loses if it was not used
  /// @param pass how long paging has been without success: the activity that no longer protects
  /// @return how many became inactive
  long visit(VmThread self, int color, long wanted, int decline, int pass) {
    int queue = PageQueue.ACTIVE.index(color);
    if (queues.length(queue) == 0) {
      return 0;
    }
    int left = (queues.length(queue) + SWEEPS_PER_LAP - 1) / SWEEPS_PER_LAP + 1;
    long delta = 0;
    queues.insertMarker(queue, marker);
    try {
      while (left-- > 0 && delta < wanted) {
        int page = queues.advance(marker, busy::tryHardBusy);
        if (page == PageArray.NONE) {
          break;
        }
        if (page != PageQueues.SKIPPED) {
          parts.page().stats().count(self.stripe(), Event.PAGES_SCANNED, 1);
          delta += consider(self, page, decline, pass) ? 1 : 0;
        }
      }
    } finally {
      queues.removeMarker(marker);
    }
    return delta;
  }

  private boolean consider(VmThread self, int page, int decline, int pass) {
    boolean deactivated = false;
    if (pages.wireCount(page) != 0) {
      parts.page().mover().unqueue(self, page);
    } else {
      int used = parts.mappings().testAndClearReferenced(page);
      used += pages.hasFlag(page, PageFlags.REFERENCED) ? 1 : 0;
      pages.clearFlags(page, PageFlags.REFERENCED);
      int activity = pages.activity(page);
      if (used > 0) {
        pages.setActivity(page, activity + Activity.ADVANCE + used);
      } else {
        activity = Math.max(0, activity - decline);
        pages.setActivity(page, activity);
        deactivated = activity < pass + 1;
      }
      if (deactivated) {
        parts.page().mover().deactivate(self, page);
      } else {
        queues.requeue(page, PageQueue.ACTIVE);
      }
    }
    busy.unbusy(page);
    return deactivated;
  }
}
