package org.pondhawk.vm.sync;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.RawMemory;

/// The handshake of guards and grace periods: an entry is cleared, then the ticket is over, then
/// nothing may be stored through the old entry any more.
public final class GraceRaces {
  private GraceRaces() {}

  /// An entry and the word that it maps, off the heap and on two cache lines.
  public static class Mapped {
    private static final long BASE = Ring.MACHINE.memory().allocate(Ring.SIZE * 128L, "races");

    final long entry = BASE + Ring.next() * 128L;
    final long data = entry + 64;

    Mapped() {
      RawMemory.putLong(entry, 1);
      RawMemory.putLong(data, 0);
    }

    /// What a view does.
    final void store(Guard guard) {
      guard.enter();
      if (RawMemory.getLong(entry) == 1) {
        RawMemory.putLong(data, 1);
      }
      guard.leave();
    }

    /// What reclaim does.
    ///
    /// @return what it would write to swap, or -1 while it has to wait
    final int reclaim(Grace grace) {
      RawMemory.compareAndSetLong(entry, 1, 0);
      int ticket = grace.begin();
      return grace.isOver(ticket) ? (int) RawMemory.getLong(data) : -1;
    }

    final int data() {
      return (int) RawMemory.getLong(data);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The entry was cleared before the store.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store came first and was seen.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "The guard was inside: reclaim waits.")
  @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "A store landed after the grace period.")
  public static class StoreAgainstReclaim extends Mapped {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD);
    }

    @Actor
    public void daemon(II_Result r) {
      r.r1 = reclaim(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The entry was cleared before the store.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store came first and was seen.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "The guard was inside: reclaim waits.")
  @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "A store landed after the grace period.")
  public static class StoreAgainstReclaimWithFences extends Mapped {
    private static final Grace GRACE = new Grace(false, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD);
    }

    @Actor
    public void daemon(II_Result r) {
      r.r1 = reclaim(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The entry was cleared before the store.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store came first and was seen.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "The guard was inside: reclaim waits.")
  @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "A store landed after the grace period.")
  public static class StoreAgainstReclaimCanary extends Mapped {
    private static final Guard GUARD = new Guard();

    @Actor
    public void view() {
      store(GUARD);
    }

    @Actor
    public void daemon(II_Result r) {
      RawMemory.compareAndSetLong(entry, 1, 0);
      // No barrier on either side: the guard's mark may still be in its processor's store buffer.
      r.r1 = (GUARD.observe() & 1) == 0 ? (int) RawMemory.getLong(data) : -1;
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "false", expect = ACCEPTABLE, desc = "The guard is inside: no ticket is over.")
  @Outcome(
      expect = FORBIDDEN,
      desc = "The ticket is one whose begin had looked before the clearing.")
  public static class NextAgainstBegin {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void unmapper() {
      GRACE.begin();
    }

    @Actor
    public void daemon(Z_Result r) {
      GUARD.enter();
      int ticket = GRACE.next(); // here the entry has just been cleared
      for (int i = 0; i < 10 && !r.r1; i++) {
        r.r1 = GRACE.isOver(ticket);
      }
      GUARD.leave();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "false", expect = ACCEPTABLE, desc = "The guard is inside: no ticket is over.")
  @Outcome(
      expect = FORBIDDEN,
      desc = "The ticket is one whose begin had looked before the clearing.")
  public static class NextAgainstBeginCanary {
    private static final AtomicInteger LAST = new AtomicInteger();
    private static final AtomicInteger COMPLETED = new AtomicInteger();
    private static final Guard GUARD = new FencedGuard();

    @Actor
    public void unmapper() {
      boolean inside = (GUARD.observe() & 1) != 0;
      int ticket = LAST.get() + 1;
      for (int i = 0; i < 10; i++) {
        Thread.onSpinWait(); // as long as a barrier takes
      }
      LAST.set(ticket); // after the look
      if (!inside) {
        COMPLETED.set(ticket);
      }
    }

    @Actor
    public void daemon(Z_Result r) {
      GUARD.enter();
      int ticket = LAST.get() + 1;
      for (int i = 0; i < 10 && !r.r1; i++) {
        r.r1 = COMPLETED.get() - ticket >= 0;
      }
      GUARD.leave();
    }
  }
}
