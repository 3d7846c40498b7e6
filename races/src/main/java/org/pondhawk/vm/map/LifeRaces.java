package org.pondhawk.vm.map;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/// Who refers to an address space, who holds it, and who ends it.
public final class LifeRaces {
  private LifeRaces() {}

  private static int one(boolean yes) {
    return yes ? 1 : 0;
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Shared first: it is not the last any more.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "Deleted first: it is not shared again.")
  @Outcome(expect = FORBIDDEN, desc = "A deleted space came back, or nobody has it.")
  public static class ShareAgainstLastClose {
    private final SpaceLife life = new SpaceLife();

    @Actor
    public void sharer(II_Result r) {
      r.r1 = one(life.tryReference());
    }

    @Actor
    public void closer(II_Result r) {
      r.r2 = one(life.tryDelete());
    }
  }

  /// Looks, and acts on what it saw.
  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Shared first: it is not the last any more.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "Deleted first: it is not shared again.")
  @Outcome(expect = FORBIDDEN, desc = "A deleted space came back, or nobody has it.")
  public static class ShareAgainstLastCloseCanary {
    private final AtomicLong word = new AtomicLong(LifeWord.NEW);

    @Actor
    public void sharer(II_Result r) {
      boolean alive = !LifeWord.isDeleted(word.get());
      if (alive) {
        word.addAndGet(LifeWord.ONE_REFERENCE + LifeWord.ONE_HOLD);
      }
      r.r1 = one(alive);
    }

    @Actor
    public void closer(II_Result r) {
      long was = word.get();
      boolean last = LifeWord.references(was) == 1;
      if (last) {
        word.set((was - LifeWord.ONE_REFERENCE) | LifeWord.DELETED);
      }
      r.r2 = one(last);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The first was the last.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "The second was the last.")
  @Outcome(expect = FORBIDDEN, desc = "Torn down twice, or never.")
  public static class TwoDrops {
    private final SpaceLife life = new SpaceLife();

    {
      boolean _ = life.tryHold();
      boolean _ = life.tryDelete();
      life.emptied();
    }

    @Actor
    public void first(II_Result r) {
      r.r1 = one(life.drop());
    }

    @Actor
    public void second(II_Result r) {
      r.r2 = one(life.drop());
    }
  }

  /// Looks whether it is the last after it has dropped.
  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The first was the last.")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "The second was the last.")
  @Outcome(expect = FORBIDDEN, desc = "Torn down twice, or never.")
  public static class TwoDropsCanary {
    private final AtomicLong word =
        new AtomicLong(LifeWord.DELETED | LifeWord.EMPTIED | (2 * LifeWord.ONE_HOLD));

    private boolean drop() {
      long _ = word.addAndGet(-LifeWord.ONE_HOLD);
      for (int i = 0; i < 12; i++) {
        Thread.onSpinWait();
      }
      return LifeWord.holds(word.get()) == 0;
    }

    @Actor
    public void first(II_Result r) {
      r.r1 = one(drop());
    }

    @Actor
    public void second(II_Result r) {
      r.r2 = one(drop());
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "The second was the last, and ends it.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The first was the last, and ends it.")
  @Outcome(expect = FORBIDDEN, desc = "Both thought that the other would end it, or both would.")
  public static class TwoCloses {
    private final SpaceLife life = new SpaceLife();

    {
      boolean _ = life.tryReference();
    }

    @Actor
    public void first(II_Result r) {
      r.r1 = one(life.release() == SpaceLife.Release.LAST);
    }

    @Actor
    public void second(II_Result r) {
      r.r2 = one(life.release() == SpaceLife.Release.LAST);
    }
  }

  /// Looks whether others refer to it, and leaves.
  @JCStressTest
  @State
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "The second was the last, and ends it.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The first was the last, and ends it.")
  @Outcome(expect = FORBIDDEN, desc = "Both thought that the other would end it, or both would.")
  public static class TwoClosesCanary {
    private final AtomicLong word = new AtomicLong(2 * LifeWord.NEW);

    private boolean isLast() {
      boolean last = LifeWord.references(word.get()) == 1;
      if (!last) {
        word.addAndGet(-LifeWord.NEW);
      }
      return last;
    }

    @Actor
    public void first(II_Result r) {
      r.r1 = one(isLast());
    }

    @Actor
    public void second(II_Result r) {
      r.r2 = one(isLast());
    }
  }
}
