package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import org.junit.jupiter.api.Test;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.PageQueue;

/// What becomes of a page that is moved up a chain while it is cached.
class MovedPageTest {
  private static final int PAGE = 4096;

  @Test
  void leavesTheCacheBecauseItIsDirtyFromThenOn() {
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, 4 * MEBIBYTE).build());
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      Machine machine = rig.machine();
      PageArray pages = machine.page().pages();
      Space inside = rig.insideOf(space);
      long address = space.map(2 * PAGE, Protection.READ_WRITE);
      assertThat(view.getLong(address)).isZero(); // a clean page
      machine.collapser().pause(); // it is this thread's turn
      AddressSpace child = space.fork();
      view.putLong(address + PAGE, 1); // parent and child go their own ways
      child.close();
      int page = pages.frames().frameOf(Pte.frame(inside.pmap().entry(address)));
      var self = machine.newThread("test");
      assertThat(machine.page().busy().tryHardBusy(page)).isTrue();
      machine.mappings().removeAll(page);
      pages.setTicket(page, machine.grace().begin());
      assertThat(machine.page().mover().toCache(self, page)).isTrue();

      assertThat(inside.depth()).isEqualTo(1);

      machine.collapser().collapseNow(inside);
      machine.collapser().resume();

      assertThat(inside.depth()).isZero();
      assertThat(pages.dirty(page)).isNotZero();
      assertThat(PageQueue.CACHE.isKindOf(pages.queue(page))).as(pages.describe(page)).isFalse();
      Machines.requireClean(rig.vm(), pages.describe(page));
    }
  }
}
