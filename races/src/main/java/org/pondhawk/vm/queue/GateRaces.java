package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmProcess;
import org.pondhawk.vm.sync.VmThread;

/// The free gate under two threads: who waits for pages against who frees them, and against who
/// condemns the waiter.
public final class GateRaces {
  private GateRaces() {}

  /// A gate one page below the minimum, that opens at the minimum.
  public static class Gate {
    static final long BOUND_NANOS = 2_000_000_000L;
    static final long CANARY_NANOS = 20_000_000L;

    final VmStats stats = new VmStats(1);
    final FreeGate gate =
        new FreeGate(
            new Pressure(new FreeLevels(2, 1, 1, 2, 1, 2, 3, 4, 5, 2, 0, 1), stats),
            stats,
            () -> 0,
            new HaltSwitch(),
            1,
            Tunable.live("vm.page_free_hysteresis", 0, 1, 0, "Pages."));
    final VmProcess process = new VmProcess("space");
    final VmThread self = new VmThread("self", 0, false, -1).in(process);

    public Gate() {
      stats.increment(0, PageCount.FREE);
      stats.rollup();
    }

    /// Waits once.
    ///
    /// @return 1 if that ended before its time was over, 2 if it was refused, 0 if nobody woke it
    int sleep(long nanos) {
      long began = System.nanoTime();
      try {
        gate.await(self, gate.patience(), nanos);
      } catch (OutOfPagesException e) {
        return System.nanoTime() - began < nanos ? 2 : 0;
      }
      return System.nanoTime() - began < nanos ? 1 : 0;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Woken, or never asleep.")
  @Outcome(expect = FORBIDDEN, desc = "Slept to the end of its bound: the wakeup was lost.")
  public static class WaitAgainstFree extends Gate {
    @Actor
    public void freer() {
      stats.increment(0, PageCount.FREE);
      gate.pageFreed(0);
    }

    @Actor
    public void waiter(I_Result r) {
      r.r1 = sleep(BOUND_NANOS);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Woken, or never asleep.")
  @Outcome(expect = FORBIDDEN, desc = "Slept to the end of its bound: the wakeup was lost.")
  public static class WaitAgainstFreeCanary extends Gate {
    @Actor
    public void freer() {
      gate.pageFreed(0); // looks for waiters before there is a page
      stats.increment(0, PageCount.FREE);
    }

    @Actor
    public void waiter(I_Result r) {
      r.r1 = sleep(CANARY_NANOS);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "2", expect = ACCEPTABLE, desc = "Refused before the wait, or in it.")
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its wait was over first.")
  @Outcome(expect = FORBIDDEN, desc = "Condemned, and slept to the end of its bound.")
  public static class WaitAgainstCondemn extends Gate {
    @Actor
    public void daemon() {
      process.condemn();
      gate.broadcast();
    }

    @Actor
    public void waiter(I_Result r) {
      r.r1 = sleep(BOUND_NANOS);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "2", expect = ACCEPTABLE, desc = "Refused before the wait, or in it.")
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its wait was over first.")
  @Outcome(expect = FORBIDDEN, desc = "Condemned, and slept to the end of its bound.")
  public static class WaitAgainstCondemnCanary extends Gate {
    @Actor
    public void daemon() {
      gate.broadcast(); // wakes before there is a verdict
      process.condemn();
    }

    @Actor
    public void waiter(I_Result r) {
      r.r1 = sleep(CANARY_NANOS);
    }
  }
}
