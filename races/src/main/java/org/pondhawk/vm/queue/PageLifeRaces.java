package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.VmThread;

/// A page on its way from free to used and back, with another thread in the way: one who allocates
/// too, one who frees, one who holds it, one who wants it back from the cache.
public final class PageLifeRaces {
  private PageLifeRaces() {}

  // ---- two who allocate

  /// A colour that two threads allocate from.
  static class Colour extends Claim {
    final VmThread second = Ring.thread();
    int one;
    int two;

    Colour() {
      allocator.free(self, page);
    }

    final int allocate(VmThread thread) {
      return allocator.allocate(thread, color, AllocClass.INTERRUPT);
    }

    /// Takes the first page of the queue, looking and taking in two steps.
    final int allocateCarelessly() {
      int first = queues.head(PageQueue.FREE.index(color));
      pages.lock(first);
      queues.remove(0, first); // which takes it for granted that it was still there
      pages.unlock(first);
      busy.tryHardBusy(first);
      return first;
    }

    final String end() {
      boolean same = one == two;
      boolean sound = busy.isHardBusy(one) && busy.isHardBusy(two);
      try {
        allocator.free(self, one);
        if (!same) {
          allocator.free(self, two);
        }
      } catch (VmPanic _) { // a page that a third one has as well
        sound = false;
      }
      Ring.MACHINE.page().stats().rollup();
      return same ? "the same page" : sound ? "two pages" : "not busy";
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "two pages", expect = ACCEPTABLE, desc = "Each has a page of its own.")
  @Outcome(expect = FORBIDDEN, desc = "One page for both, or one that is not busy.")
  public static class AllocAgainstAlloc extends Colour {
    @Actor
    public void one() {
      one = allocate(self);
    }

    @Actor
    public void two() {
      two = allocate(second);
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "two pages", expect = ACCEPTABLE, desc = "Each has a page of its own.")
  @Outcome(expect = FORBIDDEN, desc = "One page for both, or one that is not busy.")
  public static class AllocAgainstAllocCanary extends Colour {
    @Actor
    public void one() {
      one = allocateCarelessly();
    }

    @Actor
    public void two() {
      two = allocateCarelessly();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  // ---- one who frees, one who allocates

  /// A page that one thread frees while another allocates one of its colour.
  static class Reused extends Claim {
    private final VmThread user = Ring.thread();
    private int got;

    Reused() {
      pages.setValid(page);
    }

    /// Frees the page in the machine's order, but forgets its content last.
    final void freeAndClearLate() {
      pages.lock(page);
      queues.add(0, page, PageQueue.FREE, false);
      busy.release(page);
      pages.unlock(page);
      for (int i = 0; i < 20; i++) {
        Thread.onSpinWait();
      }
      pages.clearContent(page);
    }

    final void allocate() {
      for (int i = 0; i < 200 && !isOn(PageQueue.FREE); i++) {
        Thread.onSpinWait();
      }
      got = allocator.allocate(user, color, AllocClass.INTERRUPT);
      pages.setValid(got);
    }

    final String end() {
      boolean sound = busy.isHardBusy(got) && pages.isFullyValid(got);
      allocator.free(self, got);
      Ring.MACHINE.page().stats().rollup(); // what one stripe takes the other gives back
      return (got == page ? "the freed page" : "another") + (sound ? "" : ", and lost its content");
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "the freed page", expect = ACCEPTABLE, desc = "Last in, first out.")
  @Outcome(id = "another", expect = ACCEPTABLE, desc = "The freed one was not there yet, or busy.")
  @Outcome(expect = FORBIDDEN, desc = "Who freed the page touched it afterwards.")
  public static class AllocAgainstFree extends Reused {
    @Actor
    public void owner() {
      allocator.free(self, page);
    }

    @Actor
    public void user() {
      allocate();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "the freed page", expect = ACCEPTABLE, desc = "Last in, first out.")
  @Outcome(id = "another", expect = ACCEPTABLE, desc = "The freed one was not there yet, or busy.")
  @Outcome(expect = FORBIDDEN, desc = "Who freed the page touched it afterwards.")
  public static class AllocAgainstFreeCanary extends Reused {
    @Actor
    public void owner() {
      freeAndClearLate();
    }

    @Actor
    public void user() {
      allocate();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  // ---- one who reclaims from the cache, one who wants the page back

  /// A cached page that belongs to nothing.
  static class Cached extends Claim {
    private final VmThread reclaimer = Ring.thread();
    private final ColorSearch search = new ColorSearch(queues, 16);
    private boolean reactivated;

    Cached() {
      pages.setValid(page);
      mover.toCache(self, page);
    }

    final void reclaim() {
      allocator.freeOneCachedOf(reclaimer, color);
    }

    /// Frees the page in the machine's order, but without making it busy.
    final void reclaimCarelessly() {
      int taken = search.takeExactly(0, PageQueue.CACHE, color, n -> n == page && pages.tryLock(n));
      if (taken != PageArray.NONE) {
        pages.clearContent(page);
        queues.add(0, page, PageQueue.FREE, false);
        pages.unlock(page);
      }
    }

    final void reactivate() {
      if (busy.tryHardBusy(page)) {
        if (pages.isFullyValid(page)) {
          mover.activate(self, page);
          reactivated = true;
        }
        busy.unbusy(page);
      }
    }

    final String end() {
      String found =
          (reactivated ? "used again, " : "")
              + where()
              + (isOn(PageQueue.FREE) || pages.isFullyValid(page) ? "" : " without content");
      if (!isOn(PageQueue.FREE)) {
        busy.takeIdle(page);
        allocator.free(self, page);
      }
      return found;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "used again, ACTIVE", expect = ACCEPTABLE, desc = "The reclaim passed it by.")
  @Outcome(id = "FREE", expect = ACCEPTABLE, desc = "Reclaimed: its user finds it gone.")
  @Outcome(expect = FORBIDDEN, desc = "Reclaimed while it was used again, or lost by both.")
  public static class ReclaimAgainstReuse extends Cached {
    @Actor
    public void reclaimer() {
      reclaim();
    }

    @Actor
    public void user() {
      reactivate();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "used again, ACTIVE", expect = ACCEPTABLE, desc = "The reclaim passed it by.")
  @Outcome(id = "FREE", expect = ACCEPTABLE, desc = "Reclaimed: its user finds it gone.")
  @Outcome(expect = FORBIDDEN, desc = "Reclaimed while it was used again, or lost by both.")
  public static class ReclaimAgainstReuseCanary extends Cached {
    @Actor
    public void reclaimer() {
      reclaimCarelessly();
    }

    @Actor
    public void user() {
      reactivate();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  // ---- one who frees, one who holds

  private static final VmObject OBJECT =
      Ring.MACHINE.objects().create(Ring.SIZE * 2L, Ring.MACHINE.nodes());

  /// A page of an object that one thread frees and another holds, and then asks whose it is.
  static class Owned extends Claim {
    private boolean held;

    Owned() {
      Ring.MACHINE.nodes().preload(self);
      OBJECT.token().lock(self, true);
      Ring.MACHINE.owner().insert(self, OBJECT, page, page);
      OBJECT.token().unlock(self);
    }

    final void hold() {
      allocator.hold(page);
      held = pages.object(page) == OBJECT.slot();
      if (!held) {
        allocator.unhold(Ring.thread(), page);
      }
    }

    /// Frees the page in the machine's order, but looks for holds before it leaves its object.
    final void freeAndLookEarly() {
      boolean early = pages.holdCount(page) != 0;
      for (int i = 0; i < 20; i++) {
        Thread.onSpinWait();
      }
      Ring.MACHINE.owner().remove(self, page);
      pages.lock(page);
      queues.add(0, page, early ? PageQueue.HOLD : PageQueue.FREE, false);
      busy.release(page);
      pages.unlock(page);
    }

    final String end() {
      String found = held ? "held, " + where() : "gone";
      if (held) {
        allocator.unhold(self, page);
      }
      allocator.sweepHeld(self, color);
      Ring.MACHINE.nodes().unload(self);
      return found;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "held, HOLD", expect = ACCEPTABLE, desc = "Freed, and kept for its holder.")
  @Outcome(id = "gone", expect = ACCEPTABLE, desc = "The holder saw that it came too late.")
  @Outcome(expect = FORBIDDEN, desc = "Its frame may be used anew while somebody looks at it.")
  public static class HoldAgainstFree extends Owned {
    @Actor
    public void owner() {
      allocator.free(self, page);
    }

    @Actor
    public void holder() {
      hold();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "held, HOLD", expect = ACCEPTABLE, desc = "Freed, and kept for its holder.")
  @Outcome(id = "gone", expect = ACCEPTABLE, desc = "The holder saw that it came too late.")
  @Outcome(expect = FORBIDDEN, desc = "Its frame may be used anew while somebody looks at it.")
  public static class HoldAgainstFreeCanary extends Owned {
    @Actor
    public void owner() {
      freeAndLookEarly();
    }

    @Actor
    public void holder() {
      hold();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }
}
