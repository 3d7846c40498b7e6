package org.pondhawk.vm.page;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.VmThread;

/// The busy word of one page under two threads.
public final class BusyRaces {
  private BusyRaces() {}

  /// A page that nobody has busy, and the protocol; a sleep is noted instead of slept.
  public static class Page extends PageBusy {
    final int page = Ring.next();
    final VmThread self = Ring.thread();
    private int sleepTicket;
    private boolean slept;

    public Page() {
      this(0);
    }

    Page(int word) {
      super(Ring.pages());
      RawMemory.putInt(Ring.pages().word(page, PageLayout.BUSY), word);
    }

    final long word() {
      return Ring.pages().word(page, PageLayout.BUSY);
    }

    @Override
    void sleepOn(VmThread self, int page, int ticket) {
      slept = true;
      sleepTicket = ticket;
    }

    /// 0 did not sleep, 1 slept and was woken, 2 sleeps for ever.
    final int fate() {
      if (!slept) {
        return 0;
      }
      return waits.of(page).ticket() != sleepTicket ? 1 : 2;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "The first took it.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The second took it.")
  @Outcome(expect = FORBIDDEN, desc = "Both have it hard-busy, or nobody got an idle page.")
  public static class HardAgainstHard extends Page {
    @Actor
    public void one(ZZ_Result r) {
      r.r1 = tryHardBusy(page);
    }

    @Actor
    public void two(ZZ_Result r) {
      r.r2 = tryHardBusy(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "The first took it.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The second took it.")
  @Outcome(expect = FORBIDDEN, desc = "Both have it hard-busy, or nobody got an idle page.")
  public static class HardAgainstHardCanary extends Page {
    @Override
    public boolean tryHardBusy(int page) {
      if (RawMemory.getIntVolatile(word()) != 0) {
        return false;
      }
      RawMemory.setIntVolatile(word(), BusyWord.LOCKED); // looked and took in two steps
      return true;
    }

    @Actor
    public void one(ZZ_Result r) {
      r.r1 = tryHardBusy(page);
    }

    @Actor
    public void two(ZZ_Result r) {
      r.r2 = tryHardBusy(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "Hard-busy excluded the soft holder.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The soft holder excluded hard-busy.")
  @Outcome(expect = FORBIDDEN, desc = "Both have it, or nobody got an idle page.")
  public static class HardAgainstSoft extends Page {
    @Actor
    public void one(ZZ_Result r) {
      r.r1 = tryHardBusy(page);
    }

    @Actor
    public void two(ZZ_Result r) {
      r.r2 = trySoftBusy(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "Hard-busy excluded the soft holder.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "The soft holder excluded hard-busy.")
  @Outcome(expect = FORBIDDEN, desc = "Both have it, or nobody got an idle page.")
  public static class HardAgainstSoftCanary extends Page {
    @Override
    public boolean trySoftBusy(int page) {
      if (BusyWord.isHardBusy(RawMemory.getIntVolatile(word()))) {
        return false;
      }
      RawMemory.getAndAddInt(word(), 1); // looked and took in two steps
      return true;
    }

    @Actor
    public void one(ZZ_Result r) {
      r.r1 = tryHardBusy(page);
    }

    @Actor
    public void two(ZZ_Result r) {
      r.r2 = trySoftBusy(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "L-- n=1", expect = ACCEPTABLE, desc = "Hard-busy kept a second soft holder out.")
  @Outcome(id = "L-- n=2 soft", expect = ACCEPTABLE, desc = "Hard-busy beside two soft holders.")
  @Outcome(expect = FORBIDDEN, desc = "A soft holder that nobody counts, or no hard one.")
  public static class HardBesideSoft extends Page {
    private boolean soft;

    public HardBesideSoft() {
      super(1);
    }

    @Actor
    public void hard() {
      tryHardBusyBesideSoft(page);
    }

    @Actor
    public void soft() {
      soft = trySoftBusy(page);
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = describe(page) + (soft ? " soft" : "");
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "L-- n=1", expect = ACCEPTABLE, desc = "Hard-busy kept a second soft holder out.")
  @Outcome(id = "L-- n=2 soft", expect = ACCEPTABLE, desc = "Hard-busy beside two soft holders.")
  @Outcome(expect = FORBIDDEN, desc = "A soft holder that nobody counts, or no hard one.")
  public static class HardBesideSoftCanary extends Page {
    private boolean soft;

    public HardBesideSoftCanary() {
      super(1);
    }

    @Override
    public boolean tryHardBusyBesideSoft(int page) {
      int was = RawMemory.getIntVolatile(word());
      RawMemory.setIntVolatile(word(), was | BusyWord.LOCKED); // looked and took in two steps
      return true;
    }

    @Actor
    public void hard() {
      tryHardBusyBesideSoft(page);
    }

    @Actor
    public void soft() {
      soft = trySoftBusy(page);
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = describe(page) + (soft ? " soft" : "");
    }
  }

  /// What becomes of a sleeper, and of the wanted bit once nobody has the page busy.
  private static void judge(Page state, II_Result r) {
    r.r1 = state.fate();
    r.r2 = BusyWord.isWanted(RawMemory.getIntAcquire(state.word())) ? 1 : 0;
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was idle already: no sleep.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the release woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, or a wanted bit without a waiter.")
  public static class UnbusyAgainstSleep extends Page {
    public UnbusyAgainstSleep() {
      super(BusyWord.LOCKED);
    }

    @Actor
    public void holder() {
      unbusy(page);
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was idle already: no sleep.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the release woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, or a wanted bit without a waiter.")
  public static class UnbusyAgainstSleepCanary extends Page {
    public UnbusyAgainstSleepCanary() {
      super(BusyWord.LOCKED);
    }

    @Actor
    public void holder() {
      boolean wanted = BusyWord.isWanted(RawMemory.getIntVolatile(word())); // looked too early
      release(page);
      if (wanted) {
        wake(page);
      }
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was idle already: no sleep.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the last holder woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, or a wanted bit without a waiter.")
  public static class DropAgainstSleep extends Page {
    public DropAgainstSleep() {
      super(1);
    }

    @Actor
    public void holder() {
      dropSoftBusy(page);
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The page was idle already: no sleep.")
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the last holder woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, or a wanted bit without a waiter.")
  public static class DropAgainstSleepCanary extends Page {
    public DropAgainstSleepCanary() {
      super(1);
    }

    @Actor
    public void holder() {
      int was = RawMemory.getAndAddInt(word(), -1);
      if (was - 1 == BusyWord.WANTED) {
        wake(page); // and leaves the wanted bit to nobody
      }
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }

  /// Two soft holders and one who waits for both.
  static class Shared extends Page {
    Shared() {
      super(2);
      sleepWhileBusy(self, page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The last of the two woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, a lost drop, or a wanted bit left.")
  public static class DropAgainstDrop extends Shared {
    @Actor
    public void one() {
      dropSoftBusy(page);
    }

    @Actor
    public void two() {
      dropSoftBusy(page);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r1 = fate();
      r.r2 = RawMemory.getIntAcquire(word());
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The last of the two woke it.")
  @Outcome(expect = FORBIDDEN, desc = "A lost wakeup, a lost drop, or a wanted bit left.")
  public static class DropAgainstDropCanary extends Shared {
    @Override
    public void dropSoftBusy(int page) {
      int was = RawMemory.getIntVolatile(word());
      boolean last = was - 1 == BusyWord.WANTED;
      for (int i = 0; i < 10; i++) {
        Thread.onSpinWait();
      }
      RawMemory.setIntVolatile(word(), last ? 0 : was - 1); // looked and dropped in two steps
      if (last) {
        wake(page);
      }
    }

    @Actor
    public void one() {
      dropSoftBusy(page);
    }

    @Actor
    public void two() {
      dropSoftBusy(page);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r1 = fate();
      r.r2 = RawMemory.getIntAcquire(word());
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the flash woke it.")
  @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "Flashed too early: the release will wake.")
  @Outcome(expect = FORBIDDEN, desc = "It sleeps and nobody knows: the release will not wake it.")
  public static class FlashAgainstSleep extends Page {
    public FlashAgainstSleep() {
      super(BusyWord.LOCKED);
    }

    @Actor
    public void flasher() {
      flash(page);
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Went to sleep, and the flash woke it.")
  @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "Flashed too early: the release will wake.")
  @Outcome(expect = FORBIDDEN, desc = "It sleeps and nobody knows: the release will not wake it.")
  public static class FlashAgainstSleepCanary extends Page {
    public FlashAgainstSleepCanary() {
      super(BusyWord.LOCKED);
    }

    @Actor
    public void flasher() {
      wake(page); // before the bit is taken away
      RawMemory.getAndBitwiseAndInt(word(), ~BusyWord.WANTED);
    }

    @Actor
    public void waiter() {
      sleepWhileBusy(self, page);
    }

    @Arbiter
    public void end(II_Result r) {
      judge(this, r);
    }
  }
}
