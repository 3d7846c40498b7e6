package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// One thread goes to wait for memory while another frees the page that ends the wait.
public final class GateRaces {
  private GateRaces() {}

  /// A gate before memory that lacks one page.
  static class OnePageShort {
    private static final Tunable HYSTERESIS = Tunable.live("races", 0, 16, 16, "Pages.");
    private static final FreeLevels LEVELS = FreeLevels.withBase(1, 0, 0);

    final VmStats stats = new VmStats(2);
    final Pressure pressure = new Pressure(LEVELS, stats);
    final FreeGate gate =
        new FreeGate(pressure, stats, () -> 0, new HaltSwitch(), 1L << 60, HYSTERESIS);
    private final VmThread waiter = new VmThread("waiter", 0, false, 0);

    OnePageShort() {
      for (long free = 1; free < LEVELS.reserved(); free++) {
        stats.increment(1, PageCount.FREE);
      }
      stats.rollup();
    }

    final void await() {
      gate.awaitForFault(waiter, gate.patience());
    }

    final void free() {
      stats.increment(1, PageCount.FREE);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was there before anybody waited.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "Woken, but had seen the page by itself.")
  @Outcome(
      id = "[1-9]\\d*, 1",
      expect = ACCEPTABLE,
      desc = "Slept, slice by slice, and who freed the page woke it.")
  @Outcome(expect = FORBIDDEN, desc = "It sleeps, and who freed the page saw nobody waiting.")
  public static class WaitAgainstFree extends OnePageShort {
    @Actor
    public void waiter() {
      await();
    }

    @Actor
    public void freer() {
      free();
      gate.pageFreed(1);
    }

    @Arbiter
    public void end(JJ_Result r) {
      r.r1 = stats.total(Event.MEMORY_WAITS);
      r.r2 = stats.total(Event.WAITER_WAKEUPS);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was there before anybody waited.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "Woken, but had seen the page by itself.")
  @Outcome(
      id = "[1-9]\\d*, 1",
      expect = ACCEPTABLE,
      desc = "Slept, slice by slice, and who freed the page woke it.")
  @Outcome(expect = FORBIDDEN, desc = "It sleeps, and who freed the page saw nobody waiting.")
  public static class WaitAgainstFreeCanary extends OnePageShort {
    private volatile boolean someoneWaits;

    @Actor
    public void waiter() {
      stats.rollup();
      if (pressure.min(0, 0)) {
        someoneWaits = true; // after the look
        stats.count(0, Event.MEMORY_WAITS, 1);
      }
    }

    @Actor
    public void freer() {
      free();
      if (someoneWaits) {
        stats.count(1, Event.WAITER_WAKEUPS, 1);
      }
    }

    @Arbiter
    public void end(JJ_Result r) {
      r.r1 = stats.total(Event.MEMORY_WAITS);
      r.r2 = stats.total(Event.WAITER_WAKEUPS);
    }
  }
}
