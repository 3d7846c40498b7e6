package org.pondhawk.vm.sync;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/// Tokens and wait channels under two threads.
public final class SyncRaces {
  private SyncRaces() {}

  /// A token and two plain words that it guards.
  public static class Guarded {
    final Token token = new Token(1);
    final VmThread one = new VmThread("one", 0, false, 0);
    final VmThread two = new VmThread("two", 0, false, 0);
    int x;
    int y;

    final void raiseBoth() {
      x++;
      y++;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "One after the other.")
  @Outcome(expect = FORBIDDEN, desc = "Both were inside at a time: an update is lost.")
  public static class ExclusiveAgainstExclusive extends Guarded {
    @Actor
    public void one() {
      token.lock(one, true);
      raiseBoth();
      token.unlock(one);
    }

    @Actor
    public void two() {
      token.lock(two, true);
      raiseBoth();
      token.unlock(two);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r1 = x;
      r.r2 = y;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "One after the other.")
  @Outcome(expect = FORBIDDEN, desc = "Both were inside at a time: an update is lost.")
  public static class ExclusiveAgainstExclusiveCanary extends Guarded {
    @Actor
    public void one() {
      token.lock(one, false); // shared does not exclude shared
      raiseBoth();
      token.unlock(one);
    }

    @Actor
    public void two() {
      token.lock(two, false);
      raiseBoth();
      token.unlock(two);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r1 = x;
      r.r2 = y;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The reader came first.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The writer came first.")
  @Outcome(expect = FORBIDDEN, desc = "The reader saw half of a change.")
  public static class SharedAgainstExclusive extends Guarded {
    @Actor
    public void writer() {
      token.lock(one, true);
      raiseBoth();
      token.unlock(one);
    }

    @Actor
    public void reader(II_Result r) {
      token.lock(two, false);
      r.r1 = x;
      r.r2 = y;
      token.unlock(two);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "The first became exclusive first.")
  @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "The second became exclusive first.")
  @Outcome(expect = FORBIDDEN, desc = "Both were exclusive at a time: an update is lost.")
  public static class UpgradeAgainstUpgrade extends Guarded {
    @Actor
    public void one(II_Result r) {
      token.lock(one, false);
      token.upgrade(one);
      raiseBoth();
      r.r1 = x;
      token.unlock(one);
    }

    @Actor
    public void two(II_Result r) {
      token.lock(two, false);
      token.upgrade(two);
      raiseBoth();
      r.r2 = x;
      token.unlock(two);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The reader came first.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The writer came first.")
  @Outcome(expect = FORBIDDEN, desc = "The reader saw half of a change.")
  public static class SharedAgainstExclusiveCanary extends Guarded {
    @Actor
    public void writer() {
      token.lock(one, false); // a change under a shared token
      raiseBoth();
      token.unlock(one);
    }

    @Actor
    public void reader(II_Result r) {
      token.lock(two, false);
      r.r2 = y;
      r.r1 = x;
      token.unlock(two);
    }
  }

  /// A channel, and the condition that its sleepers wait for.
  public static class Channel {
    final WaitChannel channel = new WaitChannel("test");
    volatile boolean condition;
    int ticket;

    /// Whether a sleeper with the ticket would be woken.
    final boolean isStale() {
      return channel.ticket() != ticket;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, .*", expect = ACCEPTABLE, desc = "Saw the condition: no sleep.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "Would sleep, and the wakeup is there.")
  @Outcome(expect = FORBIDDEN, desc = "Sleeps for ever: the wakeup was lost.")
  public static class TicketAgainstWakeup extends Channel {
    @Actor
    public void waker() {
      condition = true;
      channel.wakeAll();
    }

    @Actor
    public void sleeper(ZZ_Result r) {
      ticket = channel.ticket();
      r.r1 = condition;
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = isStale();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, .*", expect = ACCEPTABLE, desc = "Saw the condition: no sleep.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "Would sleep, and the wakeup is there.")
  @Outcome(expect = FORBIDDEN, desc = "Sleeps for ever: the wakeup was lost.")
  public static class TicketAgainstWakeupCanary extends Channel {
    @Actor
    public void waker() {
      condition = true;
      channel.wakeAll();
    }

    @Actor
    public void sleeper(ZZ_Result r) {
      r.r1 = condition;
      for (int i = 0; i < 10; i++) {
        Thread.onSpinWait();
      }
      ticket = channel.ticket(); // too late
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = isStale();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Woken, or never asleep.")
  @Outcome(expect = FORBIDDEN, desc = "Slept to the end of its bound: the wakeup was lost.")
  public static class SleepAgainstWakeup extends Channel {
    private static final long BOUND_NANOS = 2_000_000_000L;

    @Actor
    public void waker() {
      condition = true;
      channel.wakeAll();
    }

    @Actor
    public void sleeper(I_Result r) {
      int t = channel.ticket();
      r.r1 = condition || channel.await(t, BOUND_NANOS) ? 1 : 0;
    }
  }
}
