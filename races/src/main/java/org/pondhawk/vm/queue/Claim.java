package org.pondhawk.vm.queue;

import org.pondhawk.races.Ring;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.sync.VmThread;

/// Pages of the ring's machine that are taken off their free queues one by one, by number. So a
/// page that a state has freed comes to no other state before the ring has gone round, and an
/// arbiter may still ask where it is.
class Claim {
  final PageArray pages = Ring.pages();
  final PageBusy busy = Ring.MACHINE.page().busy();
  final PageQueues queues = Ring.MACHINE.page().queues();
  final PageMover mover = Ring.MACHINE.page().mover();
  final PageAllocator allocator = Ring.MACHINE.allocator();
  final VmThread self = Ring.thread();

  /// A page that is hard-busy, on no queue and of nothing, as after an allocation.
  final int page;

  /// Its colour.
  final int color;

  Claim() {
    int next;
    do {
      next = Ring.next();
    } while (!tryTake(next));
    page = next;
    color = ColorPolicy.ofPage(page);
  }

  private boolean tryTake(int next) {
    if (!busy.tryHardBusy(next)) {
      return false;
    }
    if (!PageQueue.FREE.isKindOf(pages.queue(next))) {
      busy.unbusy(next);
      return false;
    }
    queues.remove(self.stripe(), next);
    pages.clearFlags(next, ~0);
    return true;
  }

  /// The queue that the page is on, or "none".
  final String where() {
    int queue = pages.queue(page);
    return queue == PageQueue.NONE ? "none" : PageQueue.kindOf(queue).name();
  }

  final boolean isOn(PageQueue kind) {
    return kind.isKindOf(pages.queue(page));
  }
}
