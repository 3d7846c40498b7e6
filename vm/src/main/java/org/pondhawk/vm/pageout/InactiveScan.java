package org.pondhawk.vm.pageout;

import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.sync.VmThread;

/// The scan of the inactive queues: who was used goes back to the active ones, who is clean to the
/// cache, who is dirty gets a second lap and then into the laundry (`vm_pageout_scan_inactive`,
/// `vm_pageout_page`).
final class InactiveScan {
  private static final int SWEEPS_PER_LAP = 10;
  private static final int CACHED_PER_TICKET = 32;

  private final PageoutParts parts;
  private final PageArray pages;
  private final PageQueues queues;
  private final PageBusy busy;
  private final Laundry laundry;
  private final int marker;
  private int cachedWithoutBegin;
  private int cached;
  private int lastTicket;

  /// Of the visit under way: how many pages may still go into the laundry.
  private long budget;

  InactiveScan(PageoutParts parts, Laundry laundry, int marker) {
    this.parts = parts;
    this.pages = parts.page().pages();
    this.queues = parts.page().queues();
    this.busy = parts.page().busy();
    this.laundry = laundry;
    this.marker = marker;
  }

  /// Looks at the older pages of a colour.
  ///
  /// @param wanted how many pages this colour should yield
  /// @param pass how long paging has been without success; from 1 on dirty pages get no second lap
  /// @return how many pages were reclaimed or are being written; all that was wanted once the last
  ///   target is reached
  long visit(VmThread self, int color, long wanted, int pass) {
    int queue = PageQueue.INACTIVE.index(color);
    if (queues.length(queue) == 0) {
      return 0;
    }
    int left = (queues.length(queue) + SWEEPS_PER_LAP - 1) / SWEEPS_PER_LAP + 1;
    budget = launderBudget(pass);
    long delta = 0;
    queues.insertMarker(queue, marker);
    try {
      while (left-- > 0 && delta < wanted) {
        int page = queues.advance(marker, busy::tryHardBusy);
        if (page == PageArray.NONE) {
          break;
        }
        parts.page().stats().count(self.stripe(), Event.PAGES_SCANNED, 1);
        if (page == PageQueues.SKIPPED) {
          continue;
        }
        delta += consider(self, page, pass);
        if (!parts.page().gate().pressure().target2(self.stripe())) {
          return Math.max(delta, wanted); // others have freed enough: not starvation
        }
      }
    } finally {
      queues.removeMarker(marker);
    }
    return delta;
  }

  private long launderBudget(int pass) {
    long most = parts.page().gate().pressure().levels().maxLaunder();
    long share = most / PageQueue.COLORS * (pass == 0 ? 1 : 2);
    return Math.clamp((share + 9) / SWEEPS_PER_LAP, 1, most / 16 + 1);
  }

  /// Decides about one hard-busy page, which is not busy afterwards.
  ///
  /// @return how many pages were reclaimed or are on their way to backing store
  private int consider(VmThread self, int page, int pass) {
    if (pages.wireCount(page) != 0) {
      parts.page().mover().unqueue(self, page);
      busy.unbusy(page);
      return 0;
    }
    if (pages.holdCount(page) != 0) {
      queues.requeue(page, PageQueue.INACTIVE);
      busy.unbusy(page);
      return 0;
    }
    if (wasUsed(self, page)) {
      busy.unbusy(page);
      return 0;
    }
    if (pages.dirty(page) == 0 && !parts.mappings().isModified(page)) {
      return cache(self, page);
    }
    pages.setDirty(page);
    if (!pages.hasFlag(page, PageFlags.SECOND_CHANCE) && pass == 0) {
      pages.setFlags(page, PageFlags.SECOND_CHANCE);
      queues.requeue(page, PageQueue.INACTIVE);
      busy.unbusy(page);
      return 0;
    }
    if (budget <= 0 || laundry.room() == 0) {
      busy.unbusy(page);
      return 0;
    }
    pages.setFlags(page, PageFlags.SECOND_CHANCE);
    int taken = laundry.add(self, page);
    budget -= taken;
    return taken;
  }

  private boolean wasUsed(VmThread self, int page) {
    boolean flagged = pages.hasFlag(page, PageFlags.REFERENCED);
    int used = parts.mappings().testAndClearReferenced(page);
    if (!flagged && used == 0) {
      return false;
    }
    pages.clearFlags(page, PageFlags.REFERENCED);
    parts.page().mover().activate(self, page);
    int more = used + Activity.ADVANCE + (flagged ? 1 : 0);
    pages.setActivity(page, pages.activity(page) + more);
    return true;
  }

  private int cache(VmThread self, int page) {
    parts.mappings().removeAll(page); // may find that it was stored into after all
    pages.setTicket(page, parts.grace().next());
    if (parts.page().mover().toCache(self, page)) {
      cached++;
      if (++cachedWithoutBegin >= CACHED_PER_TICKET) {
        begin();
      }
    }
    return 1;
  }

  /// How many pages were cached since the last call.
  int takeCached() {
    int n = cached;
    cached = 0;
    return n;
  }

  /// Whether a page that was cached may still be stored into, so that it can't be used anew yet.
  boolean isGraceOpen() {
    return !parts.grace().isOver(lastTicket);
  }

  /// Begins the grace period of the pages that were cached since the last begin.
  void begin() {
    if (cachedWithoutBegin > 0) {
      cachedWithoutBegin = 0;
      lastTicket = parts.grace().begin();
      parts.page().gate().pageFreed(0);
    }
  }
}
