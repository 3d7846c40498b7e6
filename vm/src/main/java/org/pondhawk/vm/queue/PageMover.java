package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// The transitions of a page between the queues, and wiring (`vm_page_activate`, `_deactivate`,
/// `_cache`, `_wire`, `_unwire`, `_unqueue`). None waits.
///
/// ```
///             activate                    deactivate                  toCache
///   (none) ───────────▶ ACTIVE ───────────────────────▶ INACTIVE ─────────────▶ CACHE ──▶ FREE
///                          ◀───────────── activate ────────┘  ◀── deactivate ─────┘
/// ```
public final class PageMover {
  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final VmStats stats;
  private final FreeGate gate;

  /// Makes the transitions of a machine.
  public PageMover(
      PageArray pages, PageBusy busy, PageQueues queues, VmStats stats, FreeGate gate) {
    this.pages = pages;
    this.busy = busy;
    this.queues = queues;
    this.stats = stats;
    this.gate = gate;
  }

  /// Puts a page on the active queue (`vm_page_activate`, `vm_page_soft_activate`).
  ///
  /// @param page a hard-busy page, wired or not
  public void activate(VmThread self, int page) {
    assert mayMove(page) : "moved by somebody who does not have it busy: " + pages.describe(page);
    int was = PageQueue.NONE;
    if (mayQueue(page) && !PageQueue.ACTIVE.isKindOf(pages.queue(page))) {
      pages.lock(page);
      if (!PageQueue.ACTIVE.isKindOf(pages.queue(page))) {
        was = queues.remove(self.stripe(), page);
        queues.add(self.stripe(), page, PageQueue.ACTIVE, false);
      }
      pages.unlock(page);
    }
    if (pages.activity(page) < Activity.INIT) {
      pages.setActivity(page, Activity.INIT);
    }
    noteLeft(self, was);
  }

  /// Puts a page on the active queue that was just allocated and was on no queue since: a search of
  /// the cache can't be moving it as it may any other, so that its spin lock is not needed.
  ///
  /// @param page a hard-busy page with its first activity
  public void activateNew(VmThread self, int page) {
    queues.add(self.stripe(), page, PageQueue.ACTIVE, false);
  }

  /// Puts a page on the inactive queue, at its tail (`vm_page_deactivate`).
  ///
  /// @param page a hard-busy page, or one that the caller keeps from being freed in another way
  public void deactivate(VmThread self, int page) {
    assert mayMove(page) : "moved by somebody who does not have it busy: " + pages.describe(page);
    pages.lock(page);
    deactivateLocked(self, page, false);
    pages.unlock(page);
  }

  /// Puts a page on the inactive queue.
  ///
  /// @param page a page whose spin lock is held
  /// @param atHead whether it is the next to be looked at
  void deactivateLocked(VmThread self, int page, boolean atHead) {
    if (!mayQueue(page) || PageQueue.INACTIVE.isKindOf(pages.queue(page))) {
      return;
    }
    int was = queues.remove(self.stripe(), page);
    if (PageQueue.CACHE.isKindOf(was)) {
      stats.count(self.stripe(), Event.REACTIVATED, 1);
    }
    pages.clearFlags(page, PageFlags.SECOND_CHANCE);
    queues.add(self.stripe(), page, PageQueue.INACTIVE, atHead);
  }

  /// Puts a clean, unmapped page on the cache queue and releases it (`vm_page_cache`). The page's
  /// ticket must be set: its frame is reused only after it.
  ///
  /// @param page a hard-busy page, released in any case
  /// @return whether it was cached; if not, it is inactive or where it was
  public boolean toCache(VmThread self, int page) {
    busy.requireHardBusy(page);
    boolean fit = isCacheable(page);
    boolean clean = fit && pages.dirty(page) == 0;
    if (fit) {
      pages.lock(page);
      if (clean) {
        queues.remove(self.stripe(), page);
        queues.add(self.stripe(), page, PageQueue.CACHE, false);
      } else {
        deactivateLocked(self, page, false);
      }
      pages.unlock(page);
    }
    busy.unbusy(page);
    if (clean) {
      gate.pageFreed(self.stripe());
    }
    return clean;
  }

  private boolean isCacheable(int page) {
    return mayQueue(page)
        && !pages.hasFlag(page, PageFlags.MAPPED | PageFlags.NEED_COMMIT)
        && busy.softHolders(page) == 0
        && pages.wireCount(page) == 0
        && pages.holdCount(page) == 0;
  }

  /// Takes a page off its queue (`vm_page_unqueue`).
  ///
  /// @param page a hard-busy page, or one that the caller keeps from being freed in another way
  public void unqueue(VmThread self, int page) {
    assert mayMove(page) : "moved by somebody who does not have it busy: " + pages.describe(page);
    pages.lock(page);
    int was = queues.remove(self.stripe(), page);
    pages.unlock(page);
    noteLeft(self, was);
  }

  private void noteLeft(VmThread self, int queue) {
    boolean cached = PageQueue.CACHE.isKindOf(queue);
    if (cached) {
      stats.count(self.stripe(), Event.REACTIVATED, 1);
    }
    if (cached || PageQueue.FREE.isKindOf(queue)) {
      gate.requestPaging(self);
    }
  }

  /// Wires a page: it is not reclaimed until it is unwired as often (`vm_page_wire`).
  ///
  /// @param page a hard-busy page; nothing happens to a fictitious one
  public void wire(VmThread self, int page) {
    busy.requireHardBusy(page);
    if (pages.hasFlag(page, PageFlags.FICTITIOUS)) {
      return;
    }
    int was = pages.addWire(page, 1);
    if (was < 0) {
      throw new VmPanic("wired too often: " + pages.describe(page));
    }
    if (was == 0) {
      stats.increment(self.stripe(), PageCount.WIRED);
    }
  }

  /// Takes several wirings back, whose mappings are gone; the last one makes the page active.
  ///
  /// @param page a hard-busy page
  /// @param count how many, from 0
  public void unwireTimes(VmThread self, int page, int count) {
    for (int i = 0; i < count; i++) {
      unwire(self, page, true);
    }
  }

  /// Takes one wiring back; the last one makes the page active or inactive (`vm_page_unwire`).
  ///
  /// @param page a hard-busy page; nothing happens to a fictitious one
  /// @param activate whether it becomes active, as a page that is to be committed does in any case
  public void unwire(VmThread self, int page, boolean activate) {
    busy.requireHardBusy(page);
    if (pages.hasFlag(page, PageFlags.FICTITIOUS)) {
      return;
    }
    int was = pages.addWire(page, -1);
    if (was <= 0) {
      throw new VmPanic("unwired, but not wired: " + pages.describe(page));
    }
    if (was > 1) {
      return;
    }
    stats.decrement(self.stripe(), PageCount.WIRED);
    if (activate || pages.hasFlag(page, PageFlags.NEED_COMMIT)) {
      activate(self, page);
    } else {
      deactivate(self, page);
    }
  }

  /// Takes the last wiring of a page that is about to be freed, without queueing it.
  ///
  /// @param page a hard-busy page on no queue, wired once
  public void unwireToFree(VmThread self, int page) {
    busy.requireHardBusy(page);
    if (pages.addWire(page, -1) != 1) {
      throw new VmPanic("not wired exactly once: " + pages.describe(page));
    }
    stats.decrement(self.stripe(), PageCount.WIRED);
  }

  /// Who frees a loose page relies on it that nobody else moves such a page.
  private boolean mayMove(int page) {
    return busy.isHardBusy(page) || !pages.isLoose(page);
  }

  private boolean mayQueue(int page) {
    return !pages.hasFlag(page, PageFlags.UNQUEUED | PageFlags.FICTITIOUS);
  }
}
