package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// What a free without the page's spin lock may meet: a search of the cache that has the page in
/// its hands, somebody who notes a reference, and the counts that are pushed meanwhile.
public final class FreeRaces {
  private FreeRaces() {}

  /// A clean cached page of nobody, which one thread has made hard-busy to free it.
  public static class Cached {
    final PageArray pages = Ring.pages();
    final PageBusy busy = Ring.MACHINE.page().busy();
    final PageMover mover = Ring.MACHINE.page().mover();
    final VmThread self = Ring.thread();
    final int page = Ring.MACHINE.allocator().allocate(self, Ring.next(), AllocClass.INTERRUPT);

    private volatile boolean broken;

    public Cached() {
      pages.setValid(page);
      mover.toCache(self, page);
      busy.takeIdle(page);
    }

    final void free() {
      try {
        Ring.MACHINE.allocator().free(self, page);
      } catch (VmPanic | AssertionError _) {
        broken = true;
      }
    }

    /// As a search of the cache that meets the page while its owner has it busy.
    final void search() {
      PageQueues queues = Ring.MACHINE.page().queues();
      int queue = PageQueue.CACHE.index(ColorPolicy.ofPage(page));
      int met = queues.take(0, queue, false, n -> n == page && pages.tryLock(n));
      if (met == PageArray.NONE) {
        return;
      }
      try {
        if (busy.tryHardBusy(met)) {
          broken = true;
        }
        mover.deactivateLocked(Ring.thread(), met, false);
      } catch (VmPanic | AssertionError _) {
        broken = true;
      } finally {
        pages.unlock(met);
      }
    }

    /// The queues say themselves that a page is put on one while it is on another; it may be
    /// another state's by now.
    final String end() {
      return broken ? "twice" : "once";
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "once", expect = ACCEPTABLE, desc = "Freed from wherever the search had put it.")
  @Outcome(expect = FORBIDDEN, desc = "Put on two queues.")
  public static class FreeAgainstSearch extends Cached {
    @Actor
    public void owner() {
      free();
    }

    @Actor
    public void searcher() {
      search();
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = end();
    }
  }

  /// The same with one look at the queue in place of three looks: the search has it off its queue,
  /// and puts it on another one afterwards.
  @JCStressTest
  @State
  @Outcome(id = "free", expect = ACCEPTABLE, desc = "The owner has put it where it belongs.")
  @Outcome(expect = FORBIDDEN, desc = "On another queue, or linked twice.")
  public static class FreeAgainstSearchCanary {
    private static final int NONE = 0;
    private static final int CACHE = 1;
    private static final int INACTIVE = 2;
    private static final int FREE = 3;

    private final AtomicInteger spin = new AtomicInteger();
    private volatile int queue = CACHE;
    private volatile boolean twice;

    private void lock() {
      while (!spin.compareAndSet(0, 1)) {
        Thread.onSpinWait();
      }
    }

    private void put(int where) {
      twice |= queue != NONE;
      queue = where;
    }

    @Actor
    public void owner() {
      if (queue == NONE) {
        put(FREE); // nobody looked whether a search is at it
        return;
      }
      lock();
      queue = NONE;
      put(FREE);
      spin.set(0);
    }

    @Actor
    public void searcher() {
      if (queue == CACHE && spin.compareAndSet(0, 1)) {
        if (queue == CACHE) {
          queue = NONE;
          put(INACTIVE);
        }
        spin.set(0);
      }
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = queue == FREE && !twice ? "free" : "queue " + queue + (twice ? ", twice" : "");
    }
  }

  /// The flags of a page that its holder clears with a store.
  @JCStressTest
  @State
  @Outcome(id = "0", expect = ACCEPTABLE, desc = "The note came first and is lost.")
  @Outcome(id = "128", expect = ACCEPTABLE, desc = "The note came last.")
  @Outcome(expect = FORBIDDEN, desc = "A flag that was taken away is back.")
  public static class ClearAgainstNote {
    private final PageArray pages = Ring.pages();
    private final VmThread self = Ring.thread();
    private final int page =
        Ring.MACHINE.allocator().allocate(self, Ring.next(), AllocClass.INTERRUPT);

    public ClearAgainstNote() {
      pages.setFlags(page, PageFlags.SWAPPED);
    }

    @Actor
    public void holder() {
      pages.clearFlagsOfOwn(page, pages.flags(page), ~0);
    }

    @Actor
    public void sleeper() {
      pages.setFlags(page, PageFlags.REFERENCED);
    }

    @Arbiter
    public void end(I_Result r) {
      r.r1 = pages.flags(page);
      Ring.MACHINE.allocator().free(self, page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0", expect = ACCEPTABLE, desc = "The note came first and is lost.")
  @Outcome(id = "128", expect = ACCEPTABLE, desc = "The note came last.")
  @Outcome(expect = FORBIDDEN, desc = "A flag that was taken away is back.")
  public static class ClearAgainstNoteCanary {
    private volatile int flags = PageFlags.SWAPPED;

    @Actor
    public void holder() {
      flags = 0;
    }

    @Actor
    public void sleeper() {
      int was = flags;
      flags = was | PageFlags.REFERENCED; // no atomic change
    }

    @Arbiter
    public void end(I_Result r) {
      r.r1 = flags;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "Each counted once, whoever pushed.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class FreedAgainstRollup {
    private final VmStats stats = new VmStats(1, 2);

    @Actor
    public void user() {
      stats.freed(0);
      stats.freed(0);
    }

    @Actor
    public void daemon() {
      stats.rollup();
    }

    @Arbiter
    public void end(JJ_Result r) {
      stats.rollup();
      r.r1 = stats.global(PageCount.FREE);
      r.r2 = stats.total(Event.FREED);
    }
  }

  /// The two numbers of one cell, and a push that takes all of it.
  @JCStressTest
  @State
  @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "Each counted once, whoever pushed.")
  @Outcome(expect = FORBIDDEN, desc = "A page lost from the counts, or counted twice.")
  public static class FreedAgainstRollupCanary {
    private static final long BOTH = (1L << Integer.SIZE) + 1;
    private volatile long cell;
    private long pushed;

    @Actor
    public void user() {
      long was = cell;
      cell = was + BOTH;
      was = cell;
      cell = was + BOTH;
    }

    @Actor
    public void daemon() {
      rollup();
    }

    private void rollup() {
      long was = cell;
      pushed += (int) was;
      cell = was - (int) was; // no atomic addition
    }

    @Arbiter
    public void end(JJ_Result r) {
      rollup();
      r.r1 = pushed;
      r.r2 = cell >>> Integer.SIZE;
    }
  }
}
