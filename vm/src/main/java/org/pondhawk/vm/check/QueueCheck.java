package org.pondhawk.vm.check;

import java.util.BitSet;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.PageQueues;

/// Checks the queues: every page on one at most, every length and counter true, every free page
/// really unused.
final class QueueCheck {
  private final Machine machine;
  private final PageArray pages;
  private final PageQueues queues;
  private final Findings findings;
  private final BitSet queued = new BitSet();

  QueueCheck(Machine machine, Findings findings) {
    this.machine = machine;
    this.pages = machine.page().pages();
    this.queues = machine.page().queues();
    this.findings = findings;
  }

  /// Checks all queues.
  ///
  /// @return the pages that are on one
  BitSet run() {
    long[] sums = new long[PageCount.values().length];
    for (PageQueue kind : PageQueue.values()) {
      for (int color = 0; color < PageQueue.COLORS; color++) {
        walk(kind.index(color), kind);
      }
      PageCount counter = counterOf(kind);
      sums[indexOf(counter)] += queues.length(kind);
    }
    for (PageCount counter : PageCount.values()) {
      long counted = machine.page().stats().global(counter);
      findings.require(
          counter == PageCount.WIRED || counted == sums[indexOf(counter)],
          "the %s queues have %d pages, the counter says %d",
          counter,
          sums[indexOf(counter)],
          counted);
    }
    return queued;
  }

  private static PageCount counterOf(PageQueue kind) {
    return switch (kind) {
      case FREE -> PageCount.FREE;
      case CACHE -> PageCount.CACHE;
      case INACTIVE -> PageCount.INACTIVE;
      case ACTIVE, HOLD -> PageCount.ACTIVE;
    };
  }

  private static int indexOf(PageCount counter) {
    return java.util.List.of(PageCount.values()).indexOf(counter);
  }

  private void walk(int queue, PageQueue kind) {
    int length = 0;
    int zeroed = 0;
    int before = PageArray.NONE;
    for (int page = queues.head(queue); page != PageArray.NONE; page = pages.next(page)) {
      if (pages.isMarker(page)) {
        findings.require(false, "a marker was left in %s queue %d", kind, queue);
      } else {
        boolean twice = queued.get(page);
        findings.require(!twice, "on two queues, or twice on one: %s", pages.describe(page));
        if (twice) {
          return; // the links may run in a circle
        }
        queued.set(page);
        length++;
        zeroed += pages.hasFlag(page, PageFlags.ZERO) ? 1 : 0;
        checkMember(queue, kind, page);
      }
      findings.require(
          pages.prev(page) == before, "back link broken in queue %d: %s", queue, describe(page));
      before = page;
    }
    findings.require(
        length == queues.length(queue),
        "%s queue %d has %d pages and says %d",
        kind,
        queue,
        length,
        queues.length(queue));
    findings.require(
        zeroed == queues.zeroed(queue) + queues.untouched(queue),
        "%s queue %d has %d zeroed pages and says %d and %d",
        kind,
        queue,
        zeroed,
        queues.zeroed(queue),
        queues.untouched(queue));
  }

  private void checkMember(int queue, PageQueue kind, int page) {
    findings.require(!pages.foreign().has(page), "fictitious, but on a queue: %s", describe(page));
    findings.require(
        pages.queue(page) == queue, "linked in queue %d, but %s", queue, describe(page));
    findings.require(
        kind.index(pages.color(page)) == queue,
        "not of the colour of queue %d: %s",
        queue,
        describe(page));
    findings.require(
        !pages.hasFlag(page, PageFlags.UNQUEUED | PageFlags.FICTITIOUS),
        "queued, but exempt from that: %s",
        describe(page));
    findings.require(
        kind == PageQueue.FREE || !pages.hasFlag(page, PageFlags.FRAME_STATE),
        "said to be zero where nobody keeps that true: %s",
        describe(page));
    switch (kind) {
      case FREE -> checkFree(page);
      case HOLD -> {
        findings.require(pages.holdCount(page) > 0, "on HOLD without hold: %s", describe(page));
        findings.require(!isUsed(page), "held, but in use: %s", describe(page));
      }
      case CACHE ->
          findings.require(
              pages.dirty(page) == 0 && !pages.hasFlag(page, PageFlags.MAPPED),
              "cached, but dirty or mapped: %s",
              describe(page));
      case ACTIVE, INACTIVE ->
          findings.require(
              pages.object(page) != PageArray.NO_OBJECT, "belongs to nothing: %s", describe(page));
    }
  }

  private void checkFree(int page) {
    findings.require(
        pages.holdCount(page) == 0 && !isUsed(page), "free, but in use: %s", describe(page));
    findings.require(
        machine.grace().isOver(pages.ticket(page)),
        "free before its grace period is over: %s",
        describe(page));
    if (pages.hasFlag(page, PageFlags.ZERO)) {
      findings.require(
          RawMemory.allBytesAre(pages.address(page), machine.spec().pageSize(), (byte) 0),
          "said to be zero, but it is not: %s",
          describe(page));
    } else {
      findings.require(
          !machine.spec().poison() || isUntouched(page),
          "somebody stored into a free frame: %s",
          describe(page));
    }
  }

  private boolean isUsed(int page) {
    return pages.valid(page) != 0
        || pages.dirty(page) != 0
        || pages.wireCount(page) != 0
        || pages.object(page) != PageArray.NO_OBJECT
        || pages.hasFlag(page, PageFlags.MAPPED | PageFlags.NEED_COMMIT);
  }

  /// Whether a frame is as it was freed, or as at boot.
  private boolean isUntouched(int page) {
    long frame = pages.address(page);
    int size = machine.spec().pageSize();
    return RawMemory.allBytesAre(frame, size, FrameMemory.POISON)
        || (pages.ticket(page) == 0 && RawMemory.allBytesAre(frame, size, (byte) 0));
  }

  private String describe(int page) {
    return pages.describe(page);
  }
}
