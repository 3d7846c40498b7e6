package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;

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

  @JCStressTest
  @State
  @Outcome(id = "2", expect = ACCEPTABLE, desc = "One wiring more and one less.")
  @Outcome(expect = FORBIDDEN, desc = "A wiring was lost, or nobody took it back.")
  public static class WireAgainAgainstUnwire extends WiredTwice {
    @Actor
    public void one() {
      wireAgain(page);
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
  @Outcome(id = "2", expect = ACCEPTABLE, desc = "One wiring more and one less.")
  @Outcome(expect = FORBIDDEN, desc = "A wiring was lost, or nobody took it back.")
  public static class WireAgainAgainstUnwireCanary extends WiredTwice {
    @Override
    public boolean unwireUnlessLast(int page) {
      int was = pages.wireCount(page);
      return was == 1 || pages.changeWire(page, was, was - 1); // and does not try again
    }

    @Actor
    public void one() {
      wireAgain(page);
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
  static class Reclaimed extends Claim {
    private final PageReclaim reclaim = Ring.MACHINE.pageOperations().reclaim();
    boolean wired;
    private String fate = "";

    Reclaimed() {
      pages.setValid(page);
      mover.activate(self, page);
      busy.unbusy(page);
    }

    final void tryToFree() {
      try {
        fate = reclaim.tryToFree(Ring.thread(), page) ? "free" : "";
      } catch (VmPanic _) {
        fate = "panic";
      }
    }

    /// What the two did. The page is free afterwards.
    final String end() {
      String found = (wired ? "wired" : "") + fate;
      if (wired) {
        pages.addWire(page, -1);
      }
      if (!fate.equals("free")) {
        busy.tryHardBusy(page); // a panic left it so
        allocator.free(self, page);
      }
      return found;
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
        if (!isOn(PageQueue.FREE)) {
          pages.addWire(page, 1);
          wired = true;
        }
        busy.unbusy(page);
      }
    }

    @Actor
    public void freer() {
      tryToFree();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "wired", expect = ACCEPTABLE, desc = "The wirer was first: not freed.")
  @Outcome(id = "free", expect = ACCEPTABLE, desc = "Freed; the wirer saw it busy or free.")
  @Outcome(expect = FORBIDDEN, desc = "Freed while it was wired.")
  public static class WireAgainstFreeCanary extends Reclaimed {
    @Actor
    public void wirer() {
      if (!isOn(PageQueue.FREE)) {
        pages.addWire(page, 1); // without making the page busy
        wired = true;
      }
    }

    @Actor
    public void freer() {
      tryToFree();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }
}
