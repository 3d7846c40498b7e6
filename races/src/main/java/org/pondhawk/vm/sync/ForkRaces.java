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
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.RawMemory;

/// Fork takes the right to store from a region with one word, in place of its entries; and the
/// order of accesses that all of this rests on.
public final class ForkRaces {
  private ForkRaces() {}

  /// An entry that stays, the word of its region, and the word that it maps.
  public static class Region {
    private static final long BASE = Ring.MACHINE.memory().allocate(Ring.SIZE * 192L, "races");

    final long entry = BASE + Ring.next() * 192L;
    final long region = entry + 64;
    final long data = entry + 128;

    Region() {
      RawMemory.putLong(entry, 1);
      RawMemory.putLong(region, 0);
      RawMemory.putLong(data, 0);
    }

    /// What a view does; or with the look at the region outside of the guard.
    final void store(Guard guard, boolean looksOutside) {
      boolean thawed = looksOutside && RawMemory.getLong(region) == 0;
      for (int i = 0; looksOutside && i < 12; i++) {
        Thread.onSpinWait();
      }
      guard.enter();
      if (RawMemory.getLong(entry) == 1
          && (looksOutside ? thawed : RawMemory.getLong(region) == 0)) {
        RawMemory.putLong(data, 1);
      }
      guard.leave();
    }

    /// What fork does.
    ///
    /// @return what the child sees, or -1 while it has to wait
    final int fork(Grace grace) {
      RawMemory.setLongVolatile(region, 1);
      return grace.isOver(grace.begin()) ? (int) RawMemory.getLong(data) : -1;
    }

    final int data() {
      return (int) RawMemory.getLong(data);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The region was frozen before the store.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store is in the snapshot.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: fork waits.")
  @Outcome(expect = FORBIDDEN, desc = "The snapshot changed.")
  public static class StoreAgainstFork extends Region {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD, false);
    }

    @Actor
    public void forker(II_Result r) {
      r.r1 = fork(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The region was frozen before the store.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store is in the snapshot.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: fork waits.")
  @Outcome(expect = FORBIDDEN, desc = "The snapshot changed.")
  public static class StoreAgainstForkCanary extends Region {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD, true);
    }

    @Actor
    public void forker(II_Result r) {
      r.r1 = fork(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  /// Two words, stored into one after the other.
  public static class Ordered {
    private static final long BASE = Ring.MACHINE.memory().allocate(Ring.SIZE * 128L, "races");

    final long first = BASE + Ring.next() * 128L;
    final long second = first + 64;

    Ordered() {
      RawMemory.putLong(first, 0);
      RawMemory.putLong(second, 0);
    }
  }

  @JCStressTest
  @State
  @Outcome(
      id = {"0", "1", "2"},
      expect = ACCEPTABLE,
      desc = "In the order of the program.")
  @Outcome(expect = FORBIDDEN, desc = "The later store is seen, and the earlier one is not.")
  public static class OpaqueKeepsOrder extends Ordered {
    @Actor
    public void writer() {
      RawMemory.setLongRelease(first, 1);
      RawMemory.setLongRelease(second, 1);
    }

    @Actor
    public void reader(I_Result r) {
      int early = (int) RawMemory.getLongOpaque(first);
      int late = (int) RawMemory.getLongOpaque(second);
      int again = (int) RawMemory.getLongOpaque(first);
      r.r1 = late > again ? -1 : early + again;
    }
  }

  @JCStressTest
  @State
  @Outcome(
      id = {"0", "1", "2"},
      expect = ACCEPTABLE,
      desc = "In the order of the program.")
  @Outcome(expect = FORBIDDEN, desc = "The later store is seen, and the earlier one is not.")
  public static class OpaqueKeepsOrderCanary extends Ordered {
    @Actor
    public void writer() {
      RawMemory.setLongRelease(first, 1);
      RawMemory.setLongRelease(second, 1);
    }

    @Actor
    public void reader(I_Result r) {
      int early = (int) RawMemory.getLong(first);
      int late = (int) RawMemory.getLong(second);
      int again = (int) RawMemory.getLong(first); // the compiler may take this for the first
      r.r1 = late > again ? -1 : early + again;
    }
  }
}
