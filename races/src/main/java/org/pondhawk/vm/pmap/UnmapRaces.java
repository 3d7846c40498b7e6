package org.pondhawk.vm.pmap;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.HaltSwitch;

/// A view at work on a page that somebody unmaps or protects: of a range, of a space that is
/// closed, or of a page that is reclaimed. Entries are those of a real table.
public final class UnmapRaces {
  private static final int OWN = 1;
  private static final int NEXT_OWNERS = 9;

  private UnmapRaces() {}

  /// A mapped page, and the word in its frame.
  public static class Used extends PmapRaces.Mapped {
    private static final long BASE = Ring.MACHINE.memory().allocate(Ring.SIZE * 64L, "races");

    final long slot = PMAP.table() + (address / PAGE_SIZE) * Long.BYTES;
    final long data = BASE + page * 64L;

    Used() {
      PMAP.touch(address, true);
      RawMemory.putLong(data, 0);
    }

    /// Time for the other thread to do something in between.
    static void linger() {
      for (int i = 0; i < 12; i++) {
        Thread.onSpinWait();
      }
    }

    /// What a view does to store.
    final void store(Guard guard) {
      guard.enter();
      boolean hits = (RawMemory.getLong(slot) & Pte.WRITE_HIT) == Pte.WRITE_HIT;
      linger();
      if (hits) {
        RawMemory.putLong(data, OWN);
      }
      guard.leave();
    }

    /// What it may not do: go inside when it has looked already.
    final void storeWithALateGuard(Guard guard) {
      boolean hits = (RawMemory.getLong(slot) & Pte.WRITE_HIT) == Pte.WRITE_HIT;
      linger();
      guard.enter();
      if (hits) {
        RawMemory.putLong(data, OWN);
      }
      guard.leave();
    }

    /// Unmaps the page and, if no store can be under way, lets the next owner use the frame.
    ///
    /// @return what the next owner stored, or -1 while it has to wait
    final int unmapAndReuse(Grace grace) {
      PMAP.remove(address, address + PAGE_SIZE);
      if (!grace.isOver(grace.begin())) {
        return -1;
      }
      RawMemory.putLong(data, NEXT_OWNERS);
      return NEXT_OWNERS;
    }

    final int data() {
      return (int) RawMemory.getLong(data);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "9, 9", expect = ACCEPTABLE, desc = "The frame is the next owner's alone.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: unmap waits.")
  @Outcome(expect = FORBIDDEN, desc = "A store landed in the next owner's frame.")
  public static class StoreAgainstUnmap extends Used {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD);
    }

    @Actor
    public void unmapper(II_Result r) {
      r.r1 = unmapAndReuse(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "9, 9", expect = ACCEPTABLE, desc = "The frame is the next owner's alone.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: unmap waits.")
  @Outcome(expect = FORBIDDEN, desc = "A store landed in the next owner's frame.")
  public static class StoreAgainstUnmapCanary extends Used {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      storeWithALateGuard(GUARD);
    }

    @Actor
    public void unmapper(II_Result r) {
      r.r1 = unmapAndReuse(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  /// Loads need no grace period: the frame is used anew at once.
  public static class Loaded extends Used {
    Loaded() {
      RawMemory.putLong(data, OWN);
    }

    final int load(boolean looksAgain) {
      long pte = RawMemory.getLong(slot);
      if ((pte & Pte.READ_HIT) != Pte.READ_HIT) {
        return -1;
      }
      linger();
      int value = (int) RawMemory.getLong(data);
      VarHandle.loadLoadFence();
      return !looksAgain || RawMemory.getLong(slot) == pte ? value : -1;
    }

    final void unmapAndReuseAtOnce() {
      PMAP.remove(address, address + PAGE_SIZE);
      RawMemory.putLong(data, NEXT_OWNERS);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own, before it was unmapped.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry is gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "What the next owner stored.")
  public static class LoadAgainstUnmap extends Loaded {
    @Actor
    public void view(I_Result r) {
      r.r1 = load(true);
    }

    @Actor
    public void unmapper() {
      unmapAndReuseAtOnce();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own, before it was unmapped.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry is gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "What the next owner stored.")
  public static class LoadAgainstUnmapCanary extends Loaded {
    @Actor
    public void view(I_Result r) {
      r.r1 = load(false);
    }

    @Actor
    public void unmapper() {
      unmapAndReuseAtOnce();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "The store is allowed and noted.")
  @Outcome(id = "false, false", expect = ACCEPTABLE, desc = "The right was gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "A store is allowed and nobody knows that the page is dirty.")
  public static class TouchAgainstWriteProtect extends PmapRaces.Mapped {
    @Actor
    public void view(ZZ_Result r) {
      r.r1 = PMAP.touch(address, true);
    }

    @Actor
    public void daemon() {
      PMAP.writeProtect(address, page);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = pages.dirty(page) != 0;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "The store is allowed and noted.")
  @Outcome(id = "false, false", expect = ACCEPTABLE, desc = "The right was gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "A store is allowed and nobody knows that the page is dirty.")
  public static class TouchAgainstWriteProtectCanary extends PmapRaces.Mapped {
    @Actor
    public void view(ZZ_Result r) {
      long slot = PMAP.table() + (address / PAGE_SIZE) * Long.BYTES;
      r.r1 = Pte.isWritable(RawMemory.getLongVolatile(slot));
      if (r.r1) {
        RawMemory.getAndBitwiseOrLong(slot, Pte.MODIFIED); // of an entry that may be protected
      }
    }

    @Actor
    public void daemon() {
      PMAP.writeProtect(address, page);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = pages.dirty(page) != 0;
    }
  }

  /// As a load against reuse of the frame in the same place, with the table's memory dropped and
  /// charged anew in between, so that nothing is left of the entry's generation.
  public static class Dropped extends PmapRaces.Reused {
    private static final int ANOTHER_SEED = 619;

    final void dropAndReuse(boolean seedsDiffer) {
      long was = RawMemory.getLong(slot);
      RawMemory.compareAndSetLong(slot, was, 0);
      RawMemory.compareAndSetLong(lock, 0, 1);
      RawMemory.putLong(data, 2);
      for (int i = 0; i < 20; i++) {
        Thread.onSpinWait();
      }
      RawMemory.setLongRelease(lock, 0);
      RawMemory.compareAndSetLong(lock, 0, 1);
      RawMemory.putLong(data, 1);
      RawMemory.setLongRelease(lock, 0);
      int seed = seedsDiffer ? ANOTHER_SEED : 0;
      RawMemory.compareAndSetLong(slot, 0, Pte.install(0, FRAME, Pte.ACCESSED, seed));
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own value, before or after.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry has changed: the load is done again.")
  @Outcome(id = "2", expect = FORBIDDEN, desc = "What somebody else had in the frame.")
  public static class LoadAgainstDrop extends Dropped {
    @Actor
    public void view(I_Result r) {
      r.r1 = load();
    }

    @Actor
    public void others() {
      dropAndReuse(true);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own value, before or after.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry has changed: the load is done again.")
  @Outcome(id = "2", expect = FORBIDDEN, desc = "What somebody else had in the frame.")
  public static class LoadAgainstDropCanary extends Dropped {
    @Actor
    public void view(I_Result r) {
      r.r1 = load();
    }

    @Actor
    public void others() {
      dropAndReuse(false);
    }
  }
}
