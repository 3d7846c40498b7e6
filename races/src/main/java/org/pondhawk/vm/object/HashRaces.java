package org.pondhawk.vm.object;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// A look into the page hash, while the page that it names becomes another's.
public final class HashRaces {
  private static final VmObject FROM =
      Ring.MACHINE.objects().create(Ring.SIZE, Ring.MACHINE.nodes());
  private static final VmObject TO = Ring.MACHINE.objects().create(Ring.SIZE, Ring.MACHINE.nodes());

  private static final Tunable FILES_ONLY = Tunable.live("files only", 0, 1, 0, "off");
  private static final PageHash SOUND = hash(Ring.MACHINE.page().busy(), false);

  /// One that takes its time to make a page busy, and does not look again then.
  private static final PageHash GULLIBLE =
      hash(
          new PageBusy(Ring.pages()) {
            @Override
            public boolean trySoftBusy(int page) {
              for (int i = 0; i < 200; i++) {
                Thread.onSpinWait();
              }
              return super.trySoftBusy(page);
            }
          },
          true);

  private HashRaces() {}

  private static PageHash hash(PageBusy busy, boolean gullible) {
    return new PageHash(Ring.MACHINE.memory(), Ring.pages(), busy, () -> 0, Ring.SIZE, FILES_ONLY) {
      @Override
      protected boolean isStill(VmObject object, long pindex, int page) {
        return gullible || super.isStill(object, pindex, page);
      }
    };
  }

  /// A page that the hash knows, one who looks for it and one who takes it away.
  public static class Known {
    final PageArray pages = Ring.pages();
    final PageBusy busy = Ring.MACHINE.page().busy();
    final VmThread self = Ring.thread();
    final int pindex = Ring.next();
    final int page = Ring.MACHINE.allocator().allocate(self, pindex, AllocClass.INTERRUPT);

    Known() {
      insert(FROM, pindex);
      pages.setFlags(page, PageFlags.MAPPED_MULTI);
      SOUND.enter(FROM, pindex, page);
      GULLIBLE.enter(FROM, pindex, page);
      busy.unbusy(page);
      Ring.MACHINE.nodes().preload(self);
    }

    private void insert(VmObject object, long at) {
      Ring.MACHINE.nodes().preload(self);
      object.token().lock(self, true);
      Ring.MACHINE.owner().insert(self, object, at, page);
      object.token().unlock(self);
    }

    final String find(PageHash hash) {
      int found = hash.get(FROM, pindex);
      if (found < 0) {
        return "don't know";
      }
      boolean mine = pages.object(found) == FROM.slot() && pages.pindex(found) == pindex;
      busy.dropSoftBusy(found);
      return mine ? "mine" : "a stranger";
    }

    final void reuse() {
      if (busy.tryHardBusy(page)) {
        Ring.MACHINE.owner().remove(self, page);
        insert(TO, pindex ^ 1);
        busy.unbusy(page);
      }
    }

    final void end() {
      pages.clearFlags(page, PageFlags.MAPPED_MULTI);
      if (busy.tryHardBusy(page)) {
        Ring.MACHINE.allocator().free(self, page);
      }
      Ring.MACHINE.nodes().unload(self);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "mine", expect = ACCEPTABLE, desc = "Found before it was taken away.")
  @Outcome(id = "don't know", expect = ACCEPTABLE, desc = "Taken away, or about to be.")
  @Outcome(expect = FORBIDDEN, desc = "Another's page was taken for this one's.")
  public static class GetAgainstReuse extends Known {
    @Actor
    public void finder(L_Result r) {
      r.r1 = find(SOUND);
    }

    @Actor
    public void reuser() {
      reuse();
    }

    @Arbiter
    public void arbiter() {
      end();
    }
  }

  /// One that believes what it saw before it had the page.
  @JCStressTest
  @State
  @Outcome(id = "mine", expect = ACCEPTABLE, desc = "Found before it was taken away.")
  @Outcome(id = "don't know", expect = ACCEPTABLE, desc = "Taken away, or about to be.")
  @Outcome(expect = FORBIDDEN, desc = "Another's page was taken for this one's.")
  public static class GetAgainstReuseCanary extends Known {
    @Actor
    public void finder(L_Result r) {
      r.r1 = find(GULLIBLE);
    }

    @Actor
    public void reuser() {
      reuse();
    }

    @Arbiter
    public void arbiter() {
      end();
    }
  }
}
