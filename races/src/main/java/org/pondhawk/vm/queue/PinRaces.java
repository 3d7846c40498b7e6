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
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.sync.VmThread;

/// Wiring under two threads: against other wirings, and against who frees the page.
public final class PinRaces {
  private PinRaces() {}

  /// A page that is wired twice, and wiring over it.
  public static class WiredTwice extends PageWiring {
    final PageArray pages = Ring.pages();
    final int page = Ring.next();

    public WiredTwice() {
      super(Ring.pages());
      pages.addWire(page, 2 - pages.wireCount(page));
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "The last wiring stayed.")
  @Outcome(expect = FORBIDDEN, desc = "Not wired any more, and nobody had it busy.")
  public static class UnwireAgainstUnwire extends WiredTwice {
    @Actor
    public void one() {
      unwireUnlessLast(page);
    }

    @Actor
    public void two() {
      unwireUnlessLast(page);
    }

    @Arbiter
    public void end(I_Result r) {
      r.r1 = pages.wireCount(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "The last wiring stayed.")
  @Outcome(expect = FORBIDDEN, desc = "Not wired any more, and nobody had it busy.")
  public static class UnwireAgainstUnwireCanary extends WiredTwice {
    @Override
    public boolean unwireUnlessLast(int page) {
      if (pages.wireCount(page) == 1) {
        return true;
      }
      pages.addWire(page, -1); // looked and unwired in two steps
      return false;
    }

    @Actor
    public void one() {
      unwireUnlessLast(page);
    }

    @Actor
    public void two() {
      unwireUnlessLast(page);
    }

    @Arbiter
    public void end(I_Result r) {
      r.r1 = pages.wireCount(page);
    }
  }

  /// A clean active page that belongs to nothing: one thread wires it, the other frees it.
  public static class Reclaimed {
    final PageArray pages = Ring.pages();
    final PageBusy busy = Ring.MACHINE.page().busy();
    final PageMover mover = Ring.MACHINE.page().mover();
    final VmThread self = Ring.thread();
    final int page = Ring.MACHINE.allocator().allocate(self, Ring.next(), AllocClass.INTERRUPT);
    private boolean wired;
    private boolean freed;

    public Reclaimed() {
      pages.setValid(page);
      mover.activate(self, page);
      busy.unbusy(page);
    }

    final boolean isFree() {
      return PageQueue.FREE.isKindOf(pages.queue(page));
    }

    final void wire() {
      mover.wire(self, page);
      wired = true;
    }

    final void tryToFree() {
      freed = Ring.MACHINE.pageOperations().reclaim().tryToFree(Ring.thread(), page);
    }

    /// What the two did. A page that was freed may be another state's by now.
    final String end() {
      if (!freed) {
        busy.takeIdle(page);
        if (wired) {
          mover.unwire(self, page, true);
        }
        Ring.MACHINE.allocator().free(self, page);
      }
      return (wired ? "wired" : "") + (freed ? "free" : "");
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "wired", expect = ACCEPTABLE, desc = "The wirer was first: not freed.")
  @Outcome(id = "free", expect = ACCEPTABLE, desc = "Freed; the wirer saw it busy or free.")
  @Outcome(expect = FORBIDDEN, desc = "Freed while it was wired.")
  public static class WireAgainstFree extends Reclaimed {
    @Actor
    public void wirer() {
      if (busy.tryHardBusy(page)) {
        if (!isFree()) {
          wire();
        }
        busy.unbusy(page);
      }
    }

    @Actor
    public void freer() {
      tryToFree();
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "wired", expect = ACCEPTABLE, desc = "The wirer was first: not freed.")
  @Outcome(id = "free", expect = ACCEPTABLE, desc = "Freed; the wirer saw it busy or free.")
  @Outcome(expect = FORBIDDEN, desc = "Freed while it was wired.")
  public static class WireAgainstFreeCanary {
    private final AtomicInteger wirings = new AtomicInteger();
    private volatile boolean free;

    @Actor
    public void wirer() {
      if (!free) {
        wirings.incrementAndGet(); // without making the page busy
      }
    }

    @Actor
    public void freer() {
      if (wirings.get() == 0) {
        free = true;
      }
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = (wirings.get() != 0 ? "wired" : "") + (free ? "free" : "");
    }
  }
}
