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
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.VmThread;

/// A lookup without the token, while the page leaves its object.
public final class LookupRaces {
  private static final VmObject FROM =
      Ring.MACHINE.objects().create(Ring.SIZE, Ring.MACHINE.nodes());
  private static final VmObject TO = Ring.MACHINE.objects().create(Ring.SIZE, Ring.MACHINE.nodes());

  private LookupRaces() {}

  /// A resident page, one who looks it up and one who takes it away.
  public static class Resident {
    final PageArray pages = Ring.pages();
    final PageBusy busy = Ring.MACHINE.page().busy();
    final VmThread self = Ring.thread();
    final int pindex = Ring.next();
    final int page = Ring.MACHINE.allocator().allocate(self, pindex, AllocClass.INTERRUPT);

    Resident() {
      Ring.MACHINE.nodes().preload(self);
      FROM.token().lock(self, true);
      Ring.MACHINE.owner().insert(self, FROM, pindex, page);
      FROM.token().unlock(self);
      pages.setValid(page);
      busy.unbusy(page);
      Ring.MACHINE.nodes().preload(self);
    }

    final String find(PageLookup lookup) {
      int found = lookup.tryBusy(FROM, pindex);
      if (found < 0) {
        return "not there";
      }
      boolean mine = pages.object(found) == FROM.slot() && pages.pindex(found) == pindex;
      busy.unbusy(found);
      return mine ? "mine" : "a stranger";
    }

    final void rename() {
      if (busy.tryHardBusy(page)) {
        FROM.token().lock(self, true);
        TO.token().lock(self, true);
        Ring.MACHINE.owner().move(self, TO, pindex, page);
        TO.token().unlock(self);
        FROM.token().unlock(self);
        busy.unbusy(page);
      }
    }

    final void free() {
      if (busy.tryHardBusy(page)) {
        Ring.MACHINE.allocator().free(self, page);
      }
    }

    final void end() {
      for (VmObject object : new VmObject[] {FROM, TO}) {
        int left = object.resident().get(pindex);
        if (left == page && busy.tryHardBusy(page)) {
          Ring.MACHINE.allocator().free(self, page);
        }
      }
      Ring.MACHINE.nodes().unload(self);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "mine", expect = ACCEPTABLE, desc = "Found before it was renamed.")
  @Outcome(id = "not there", expect = ACCEPTABLE, desc = "Renamed, or about to be.")
  @Outcome(expect = FORBIDDEN, desc = "Another object's page was taken for this one's.")
  public static class FindAgainstRename extends Resident {
    private final PageLookup lookup = new PageLookup(pages, busy);

    @Actor
    public void finder(L_Result r) {
      r.r1 = find(lookup);
    }

    @Actor
    public void renamer() {
      rename();
    }

    @Arbiter
    public void arbiter() {
      end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "mine", expect = ACCEPTABLE, desc = "Found before it was freed.")
  @Outcome(id = "not there", expect = ACCEPTABLE, desc = "Freed, or about to be.")
  @Outcome(expect = FORBIDDEN, desc = "A free page was taken for the object's.")
  public static class FindAgainstFree extends Resident {
    private final PageLookup lookup = new PageLookup(pages, busy);

    @Actor
    public void finder(L_Result r) {
      r.r1 = find(lookup);
    }

    @Actor
    public void freer() {
      free();
    }

    @Arbiter
    public void arbiter() {
      end();
    }
  }

  /// One that believes what the index said, some time later.
  @JCStressTest
  @State
  @Outcome(id = "mine", expect = ACCEPTABLE, desc = "Found before it was renamed.")
  @Outcome(id = "not there", expect = ACCEPTABLE, desc = "Renamed, or about to be.")
  @Outcome(expect = FORBIDDEN, desc = "Another object's page was taken for this one's.")
  public static class FindAgainstRenameCanary extends Resident {
    private static final int DAWDLE = 200;

    private final PageLookup lookup =
        new PageLookup(pages, busy) {
          @Override
          protected boolean isStill(VmObject object, long at, int found) {
            for (int i = 0; i < DAWDLE; i++) {
              Thread.onSpinWait();
            }
            return true;
          }
        };

    @Actor
    public void finder(L_Result r) {
      r.r1 = find(lookup);
    }

    @Actor
    public void renamer() {
      rename();
    }

    @Arbiter
    public void arbiter() {
      end();
    }
  }
}
