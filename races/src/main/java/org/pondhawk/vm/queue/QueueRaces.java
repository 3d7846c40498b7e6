package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.J_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.VmThread;

/// Queues, holds and counters under two threads.
public final class QueueRaces {
  private QueueRaces() {}

  /// A page that two threads move. A machine without a daemon: its queues are the threads' own.
  public static class Moved {
    final PageArray pages = Ring.pages();
    final PageQueues queues = Ring.MACHINE.page().queues();
    final VmThread self = Ring.thread();
    final int page = Ring.MACHINE.allocator().allocate(self, Ring.next(), AllocClass.INTERRUPT);

    final void flip() {
      pages.lock(page);
      if (pages.queue(page) == PageQueue.NONE) {
        queues.add(0, page, PageQueue.ACTIVE, false);
      } else {
        queues.remove(0, page);
      }
      pages.unlock(page);
    }

    /// Where the page is, and gives it back.
    final String end() {
      int queue = pages.queue(page);
      String where = queue == PageQueue.NONE ? "none" : "queued";
      if (queue != PageQueue.NONE) {
        queues.remove(0, page);
      }
      Ring.MACHINE.allocator().free(self, page);
      return where;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "none", expect = ACCEPTABLE, desc = "One put it on the queue, the other took it.")
  @Outcome(expect = FORBIDDEN, desc = "Linked twice, or not where it says.")
  public static class AddAgainstRemove extends Moved {
    @Actor
    public void one() {
      flip();
    }

    @Actor
    public void two() {
      flip();
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "none", expect = ACCEPTABLE, desc = "One put it on the queue, the other took it.")
  @Outcome(expect = FORBIDDEN, desc = "Linked twice, or not where it says.")
  public static class AddAgainstRemoveCanary {
    private volatile int word;

    private void flipWithoutLock() {
      if (word == 0) {
        word = 1; // looked and linked in two steps; the real links would run in a circle
      } else {
        word = 0;
      }
    }

    @Actor
    public void one() {
      flipWithoutLock();
    }

    @Actor
    public void two() {
      flipWithoutLock();
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = word == 0 ? "none" : "linked by both";
    }
  }

  /// A page that one thread holds and another frees.
  static class Held extends Claim {
    Held() {
      allocator.hold(page);
    }

    /// Frees the page as the machine does, but looks for holds once only.
    final void freeAndLookOnce() {
      pages.lock(page);
      boolean held = pages.holdCount(page) != 0;
      queues.add(0, page, held ? PageQueue.HOLD : PageQueue.FREE, false);
      busy.release(page);
      pages.unlock(page);
    }

    final String end() {
      String found = where();
      allocator.sweepHeld(self, color);
      return found;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "FREE", expect = ACCEPTABLE, desc = "Whoever came last made it free.")
  @Outcome(expect = FORBIDDEN, desc = "Free but held, or held by nobody and not free.")
  public static class FreeAgainstUnhold extends Held {
    @Actor
    public void owner() {
      allocator.free(Ring.thread(), page);
    }

    @Actor
    public void holder() {
      allocator.unhold(self, page);
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "FREE", expect = ACCEPTABLE, desc = "Whoever came last made it free.")
  @Outcome(expect = FORBIDDEN, desc = "Free but held, or held by nobody and not free.")
  public static class FreeAgainstUnholdCanary extends Held {
    @Actor
    public void owner() {
      freeAndLookOnce();
    }

    @Actor
    public void holder() {
      allocator.unhold(self, page);
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Counted once, whichever rollup carried it.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class RollupAgainstIncrement {
    private final VmStats stats = new VmStats(1);

    @Actor
    public void user() {
      stats.increment(0, PageCount.FREE);
    }

    @Actor
    public void daemon() {
      stats.rollup();
    }

    @Arbiter
    public void end(J_Result r) {
      stats.rollup();
      r.r1 = stats.global(PageCount.FREE);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Counted once, whichever rollup carried it.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class RollupAgainstIncrementCanary {
    private volatile long adjust;
    private long global;

    @Actor
    public void user() {
      long was = adjust;
      adjust = was + 1; // no atomic addition
    }

    @Actor
    public void daemon() {
      rollup();
    }

    private void rollup() {
      global += adjust;
      adjust = 0;
    }

    @Arbiter
    public void end(J_Result r) {
      rollup();
      r.r1 = global;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "Counted once, whoever pushed it.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class RollupAgainstPush {
    private final VmStats stats = new VmStats(1);

    @Actor
    public void user() {
      stats.decrement(0, PageCount.FREE); // pushes at once
    }

    @Actor
    public void daemon() {
      stats.rollup();
    }

    @Arbiter
    public void end(J_Result r) {
      stats.rollup();
      r.r1 = stats.global(PageCount.FREE);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "Counted once, whoever pushed it.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class RollupAgainstPushCanary {
    private final AtomicLong adjust = new AtomicLong();
    private final AtomicLong global = new AtomicLong();

    @Actor
    public void user() {
      adjust.decrementAndGet();
      push();
    }

    @Actor
    public void daemon() {
      push();
    }

    private void push() {
      global.addAndGet(adjust.get());
      adjust.set(0); // looked and took in two steps
    }

    @Arbiter
    public void end(J_Result r) {
      push();
      r.r1 = global.get();
    }
  }
}
