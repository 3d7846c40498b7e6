package org.pondhawk.vm.map;

import static java.util.Objects.requireNonNull;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/// Two threads and ranges of a map that overlap.
public final class InterlockRaces {
  private InterlockRaces() {}

  private static RangeInterlock interlock() {
    return new RangeInterlock(() -> 0, 1);
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "The first has it.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The second has it.")
  @Outcome(expect = FORBIDDEN, desc = "Both have a part of it, or nobody.")
  public static class EnterAgainstEnter {
    private final RangeInterlock ranges = interlock();

    @Actor
    public void first(ZZ_Result r) {
      r.r1 = ranges.tryEnter(0, 10) != null;
    }

    @Actor
    public void second(ZZ_Result r) {
      r.r2 = ranges.tryEnter(5, 15) != null;
    }
  }

  /// Whoever looks first and enters then lets another in between.
  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "The first has it.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The second has it.")
  @Outcome(expect = FORBIDDEN, desc = "Both have a part of it, or nobody.")
  public static class EnterAgainstEnterCanary {
    private boolean firstIn;
    private boolean secondIn;

    @Actor
    public void first(ZZ_Result r) {
      r.r1 = !secondIn;
      firstIn = r.r1;
    }

    @Actor
    public void second(ZZ_Result r) {
      r.r2 = !firstIn;
      secondIn = r.r2;
    }
  }

  /// A range that one has and another wants.
  public static class Wanted {
    final RangeInterlock ranges = interlock();
    final RangeInterlock.Held range = requireNonNull(ranges.tryEnter(0, 10));
    int ticket;

    final void leave() {
      ranges.leave(range);
    }

    final boolean enters() {
      return ranges.tryEnter(5, 15) != null;
    }

    /// Whether a sleep with the ticket would end at once.
    final boolean isWoken() {
      return ranges.left().ticket() != ticket;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "Left before; nobody was to be woken.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "Refused, and woken.")
  @Outcome(expect = FORBIDDEN, desc = "Refused, and asleep for a range that nobody has.")
  public static class LeaveAgainstWait extends Wanted {
    @Actor
    public void leaver() {
      leave();
    }

    @Actor
    public void waiter(ZZ_Result r) {
      ticket = ranges.left().ticket();
      r.r1 = enters();
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = isWoken();
    }
  }

  /// Whoever takes its ticket after it was refused sleeps for a wakeup that is over.
  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "Left before; nobody was to be woken.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "Refused, and woken.")
  @Outcome(expect = FORBIDDEN, desc = "Refused, and asleep for a range that nobody has.")
  public static class LeaveAgainstWaitCanary extends Wanted {
    @Actor
    public void leaver() {
      leave();
    }

    @Actor
    public void waiter(ZZ_Result r) {
      r.r1 = enters();
      ticket = ranges.left().ticket();
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = isWoken();
    }
  }
}
