package org.pondhawk.vm.pmap;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// Page table entries under two threads.
public final class PmapRaces {
  private PmapRaces() {}

  /// A page, and two addresses that may map it.
  public static class Mapped {
    static final int PAGE_SIZE = 4096;
    static final long OTHER = (long) Ring.SIZE * PAGE_SIZE;
    static final Pmap PMAP = Ring.MACHINE.newSpace().pmap();

    static {
      for (long at = 0; at < 2 * OTHER; at += PAGE_SIZE) {
        if (!PMAP.charge(Ring.thread(), at)) {
          throw new IllegalStateException("no memory for the table");
        }
      }
    }

    final PageArray pages = Ring.pages();
    final int page = Ring.next();
    final long address = (long) page * PAGE_SIZE;
    final long other = OTHER + address;

    Mapped() {
      PMAP.remove(address, page);
      PMAP.remove(other, page);
      pages.clearFlags(page, ~0);
      pages.clearDirty(page);
      PMAP.enter(address, page, true, false);
    }

    /// What reclaim does to the mappings of a page that it has hard-busy.
    final void removeAll() {
      if (pages.hasFlag(page, PageFlags.MAPPED)) {
        PMAP.remove(address, page);
        pages.awaitInterlock(page);
        pages.clearFlags(page, PageFlags.MAPPED | PageFlags.MAPPED_MULTI | PageFlags.WRITABLE);
      }
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "The store is allowed and collected.")
  @Outcome(id = "false, false", expect = ACCEPTABLE, desc = "The entry was gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "A store is allowed and nobody knows that the page is dirty.")
  public static class TouchAgainstRemove extends Mapped {
    @Actor
    public void view(ZZ_Result r) {
      r.r1 = PMAP.touch(address, true);
    }

    @Actor
    public void daemon() {
      removeAll();
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = pages.dirty(page) != 0;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "The store is allowed and collected.")
  @Outcome(id = "false, false", expect = ACCEPTABLE, desc = "The entry was gone: a fault.")
  @Outcome(expect = FORBIDDEN, desc = "A store is allowed and nobody knows that the page is dirty.")
  public static class TouchAgainstRemoveCanary extends Mapped {
    @Actor
    public void view(ZZ_Result r) {
      long slot = PMAP.slot(address);
      long was = RawMemory.getLongVolatile(slot);
      r.r1 = Pte.isValid(was);
      if (r.r1) {
        RawMemory.getAndBitwiseOrLong(slot, Pte.MODIFIED); // of an entry that may be gone
      }
    }

    @Actor
    public void daemon() {
      removeAll();
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r2 = pages.dirty(page) != 0;
      long slot = PMAP.slot(address);
      RawMemory.getAndBitwiseAndLong(slot, ~Pte.MODIFIED);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "Mapped elsewhere, and the page says so.")
  @Outcome(expect = FORBIDDEN, desc = "Mapped, and the next reclaim will not look for it.")
  public static class UnmapAgainstReuse extends Mapped {
    @Actor
    public void unmapper() {
      PMAP.remove(address, address + PAGE_SIZE);
    }

    @Actor
    public void daemonAndNextOwner() {
      removeAll();
      PMAP.enter(other, page, true, false);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r1 = Pte.isWritable(PMAP.entry(other));
      int both = PageFlags.MAPPED | PageFlags.WRITABLE;
      r.r2 = (pages.flags(page) & both) == both;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "Mapped elsewhere, and the page says so.")
  @Outcome(expect = FORBIDDEN, desc = "Mapped, and the next reclaim will not look for it.")
  public static class UnmapAgainstReuseCanary extends Mapped {
    @Actor
    public void unmapper() {
      PMAP.remove(address, page);
      pages.clearMappedUnlessMulti(page); // outside the interlock
    }

    @Actor
    public void daemonAndNextOwner() {
      removeAll();
      PMAP.enter(other, page, true, false);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r1 = Pte.isWritable(PMAP.entry(other));
      int both = PageFlags.MAPPED | PageFlags.WRITABLE;
      r.r2 = (pages.flags(page) & both) == both;
    }
  }

  /// An entry, the word that it maps, and a lock as those on the way from one owner to the next.
  public static class Reused {
    static final long BASE = Ring.MACHINE.memory().allocate(Ring.SIZE * 192L, "races");
    static final long FRAME = 1L << 20;

    final long slot = BASE + Ring.next() * 192L;
    final long data = slot + 64;
    final long lock = slot + 128;

    Reused() {
      RawMemory.putLong(slot, Pte.install(0, FRAME, Pte.ACCESSED, 0));
      RawMemory.putLong(data, 1);
    }

    /// One round of a validated load; -1 if it has to be done again.
    final int load() {
      long pte = RawMemory.getLong(slot);
      if ((pte & Pte.READ_HIT) != 0) {
        linger(12);
        long value = RawMemory.getLong(data);
        linger(60);
        VarHandle.loadLoadFence();
        if (RawMemory.getLong(slot) == pte) {
          return (int) value;
        }
      }
      return -1;
    }

    /// Time for the other thread to do something in between.
    private static void linger(int rounds) {
      for (int i = 0; i < rounds; i++) {
        Thread.onSpinWait();
      }
    }

    /// Takes the frame away, lets a foreigner use it, and brings the page back in the same frame.
    final void evictAndReuse(boolean raisesGeneration) {
      long was = RawMemory.getLong(slot);
      linger(6);
      RawMemory.compareAndSetLong(slot, was, Pte.removed(was));
      RawMemory.compareAndSetLong(lock, 0, 1);
      RawMemory.putLong(data, 2);
      linger(20);
      RawMemory.setLongRelease(lock, 0);
      RawMemory.compareAndSetLong(lock, 0, 1);
      RawMemory.putLong(data, 1);
      RawMemory.setLongRelease(lock, 0);
      long now = raisesGeneration ? Pte.install(Pte.removed(was), FRAME, Pte.ACCESSED, 0) : was;
      RawMemory.compareAndSetLong(slot, Pte.removed(was), now);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own value, before or after.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry has changed: the load is done again.")
  @Outcome(id = "2", expect = FORBIDDEN, desc = "What somebody else had in the frame.")
  public static class LoadAgainstReuse extends Reused {
    @Actor
    public void view(I_Result r) {
      r.r1 = load();
    }

    @Actor
    public void others() {
      evictAndReuse(true);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "Its own value, before or after.")
  @Outcome(id = "-1", expect = ACCEPTABLE, desc = "The entry has changed: the load is done again.")
  @Outcome(id = "2", expect = FORBIDDEN, desc = "What somebody else had in the frame.")
  public static class LoadAgainstReuseCanary extends Reused {
    @Actor
    public void view(I_Result r) {
      r.r1 = load();
    }

    @Actor
    public void others() {
      evictAndReuse(false);
    }
  }
}
