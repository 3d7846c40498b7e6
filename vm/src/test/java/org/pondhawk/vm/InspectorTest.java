package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.stats.PageState;
import org.pondhawk.vm.sync.Helper;

class InspectorTest {
  private static final int PAGE = 4096;

  private VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().physicalMemory(8 << 20).build());

  @AfterEach
  void closes() {
    vm.close();
  }

  @ParameterizedTest
  @EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
  void findsThePageOfAnAddressAndDecodesIt(PageTables form) {
    vm.close();
    vm = VirtualMemory.boot(VmConfig.builder().physicalMemory(8 << 20).pageTables(form).build());
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(2 * PAGE, Protection.READ_WRITE);
      view.putLong(base + PAGE, 5);

      long number = vm.inspector().pageAt(space, base + PAGE + 8);
      PageState page = vm.inspector().page(number);

      assertThat(page.page()).isEqualTo((int) number);
      assertThat(page.pindex()).isEqualTo(1);
      assertThat(page.queue()).isEqualTo("ACTIVE");
      assertThat(page.flags()).contains("MAPPED");
      assertThat(page.valid()).isEqualTo(0xff);
      assertThat(page.text()).startsWith("page " + number + " at 0x");
      assertThat(vm.inspector().pageAt(space, base)).as("nothing is brought in").isEqualTo(-1);
      assertThat(vm.statistics().faultsMinor()).isEqualTo(1);
    }
  }

  @Test
  void findsNoPageInASpaceThatIsClosed() {
    AddressSpace space = vm.newAddressSpace();
    long base = space.map(PAGE, Protection.READ_WRITE);
    try (View view = space.view()) {
      view.putLong(base, 1);
    }
    assertThat(vm.inspector().pageAt(space, base)).isNotNegative();
    space.close();
    assertThat(vm.inspector().pageAt(space, base)).isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, 1L << 40, Long.MAX_VALUE})
  void refusesWhatIsNoPageAndNoAddress(long number) {
    assertThatThrownBy(() -> vm.inspector().page(number))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is not from 0 to " + (vm.statistics().pageCount() - 1));
    try (AddressSpace space = vm.newAddressSpace()) {
      assertThatThrownBy(() -> vm.inspector().pageAt(space, number))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(space.name());
    }
  }

  @Test
  void countsWhatTheStatisticsCount() {
    String free = "vmstats.v_free_count: " + vm.statistics().freePages() + "\n";
    assertThat(vm.inspector().showPage()).startsWith(free);
    assertThat(vm.inspector().showPageQueues().lines()).hasSize(4);
  }

  @Test
  void showsTheMapsOfOpenSpaces() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(MapRequest.of(PAGE, Protection.READ_WRITE).with(MapOption.NO_DUMP));
      assertThat(vm.inspector().showMaps())
          .startsWith(space.name() + ": 1 mappings, 4096 bytes of 1099511627776, timestamp ")
          .endsWith(" rw-/rwx COPY NORMAL NO_DUMP MMAP wired 0, reserve 0, depth 0, untouched\n");
      view.putLong(base, 1);
      assertThat(vm.inspector().showMaps()).contains("depth 0, object ");
    }
    assertThat(vm.inspector().showMaps()).isEmpty();
  }

  /// A thread that holds what others would wait for is in nobody's way.
  @Test
  void neverWaits() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(PAGE, Protection.READ_WRITE);
      view.putLong(base, 1);
      long number = vm.inspector().pageAt(space, base);
      vm.machine().page().pages().lock((int) number);
      try {
        Helper<PageState> other = Helper.start(() -> vm.inspector().page(number));
        assertThat(other.join().spinLocked()).isTrue();
      } finally {
        vm.machine().page().pages().unlock((int) number);
      }
    }
  }

  @Test
  void worksInAHaltedMachineAndNotInAClosedOne() {
    vm.machine().halt(new VmPanic("on purpose"));
    assertThat(vm.inspector().showPage()).contains("v_paging_target2: ");
    assertThat(vm.inspector().page(0).page()).isZero();
    assertThat(vm.inspector().showMaps()).isEmpty();
    vm.close();
    assertThatThrownBy(() -> vm.inspector().showPage())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> vm.inspector().showPageQueues()).hasMessageContaining("closed");
    assertThatThrownBy(() -> vm.inspector().showMaps()).hasMessageContaining("closed");
  }
}
