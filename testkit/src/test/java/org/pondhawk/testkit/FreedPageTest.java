package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import org.junit.jupiter.api.Test;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;

/// What becomes of a page that is freed while the daemon is half done with it.
class FreedPageTest {
  /// As when a range is unmapped whose pages the daemon has just taken for the cache.
  @Test
  void hasItsGracePeriodBehindItThoughNobodyHadBegunIt() {
    try (Rig rig = Rig.boot(Machines.tiny(4096, 4 * MEBIBYTE).build());
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      long address = space.map(4096, Protection.READ_WRITE);
      view.putLong(address, 1);
      Machine machine = rig.machine();
      PageArray pages = machine.page().pages();
      int page = pages.frames().frameOf(Pte.frame(rig.insideOf(space).pmap().entry(address)));
      assertThat(machine.page().busy().tryHardBusy(page)).isTrue();
      machine.mappings().removeAll(page);
      pages.setTicket(page, machine.grace().next());

      machine.allocator().free(machine.newThread("test"), page);

      assertThat(machine.grace().isOver(pages.ticket(page))).isTrue();
      Machines.requireClean(rig.vm(), pages.describe(page));
    }
  }
}
