package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.stats.TunableInfo;
import org.pondhawk.vm.stats.VmStatistics;
import org.pondhawk.vm.sync.Helper;

class TunableTableTest {
  private static final int PAGE = 4096;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .cpus(2)
              .physicalMemory(8 << 20)
              .swap(1 << 20)
              .dmaReserve(5 * PAGE)
              .tunable("vm.swap_burst_read", 3)
              .build());
  private final TunableTable table = vm.tunables();

  @AfterEach
  void closes() {
    vm.close();
  }

  @Test
  void hasWhatEveryMachineHasAndTheMetersOfEachProcessorInOrder() {
    List<String> names = table.list().stream().map(TunableInfo::name).toList();
    List<String> known = TunableTable.known().stream().map(TunableInfo::name).toList();

    assertThat(names).isSorted().doesNotHaveDuplicates().containsAll(known);
    assertThat(names)
        .contains("vm.cpu0.vmmeter.v_tfree", "vm.cpu1.vmmeter.v_tfree")
        .doesNotContain("vm.cpu2.vmmeter.v_tfree");
    assertThat(known).contains("vm.v_free_min", "vm.stats.vm.v_free_count");
    assertThat(known).noneMatch(name -> name.startsWith("vm.cpu"));
    assertThat(table.list("FREE_MIN")).extracting(TunableInfo::name).contains("vm.v_free_min");
    assertThat(table.list("no such")).isEmpty();
  }

  @Test
  void saysOfEachWhatItIs() {
    for (TunableInfo info : table.list()) {
      assertThat(info.what()).as(info.name()).endsWith(".").doesNotContain("|");
      boolean readOnly = info.when() == TunableInfo.When.READ_ONLY;
      assertThat(info.initial().isEmpty()).as(info.name()).isEqualTo(readOnly);
    }
  }

  @Test
  void readsWhatTheStatisticsSay() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long at = space.map(9 * PAGE, Protection.READ_WRITE);
      for (int i = 0; i < 9; i++) {
        view.putLong(at + (long) i * PAGE, i);
      }
      space.unmap(at, 2 * PAGE);
      VmStatistics stats = vm.statistics();
      String prefix = "vm.stats.vm.";
      assertThat(table.get(prefix + "v_page_size")).isEqualTo(PAGE);
      assertThat(table.get(prefix + "v_page_count")).isEqualTo(stats.pageCount());
      assertThat(table.get(prefix + "v_free_count")).isEqualTo(stats.freePages());
      assertThat(table.get(prefix + "v_active_count")).isEqualTo(stats.activePages());
      assertThat(table.get(prefix + "v_wire_count")).isEqualTo(stats.wiredPages());
      assertThat(table.get(prefix + "v_vm_faults"))
          .isEqualTo(stats.faultsMinor() + stats.faultsMajor())
          .isEqualTo(9);
      assertThat(table.get(prefix + "v_zfod")).isEqualTo(9);
      assertThat(table.get(prefix + "v_pfree"))
          .as("two were unmapped")
          .isEqualTo(stats.pagesFreedWithObject())
          .isEqualTo(2);
      assertThat(table.get(prefix + "v_tfree")).isEqualTo(stats.pagesFreed()).isPositive();
      assertThat(table.get(prefix + "v_ppwakeups")).isEqualTo(stats.waiterWakeups()).isZero();
      assertThat(table.get("vm.vmtotal.t_rm")).isEqualTo(7);
      assertThat(table.get("vm.vmtotal.t_vm")).isEqualTo(7);
      assertThat(table.get("vm.vmtotal.t_free")).isEqualTo(stats.freePages());
      assertThat(table.get("vm.swap_size")).isEqualTo(256);
      assertThat(table.get("vm.swap_free")).isEqualTo(256);
      assertThat(table.get("vm.dma_free_pages")).isEqualTo(5);
      assertThat(table.get("vm.dma_reserved")).isEqualTo(5 * PAGE);
      assertThat(table.get("vm.swap_burst_read")).isEqualTo(3);
      assertThat(table.get("vm.idlezero_enable")).isZero();
    }
  }

  @Test
  void hasForEachMeterTheSumOfItsProcessors() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      view.putLong(space.map(PAGE, Protection.READ_WRITE), 1);
      Map<String, Long> values = table.values();
      String sums = "vm.stats.vm.";
      int meters = 0;
      for (String name : values.keySet()) {
        if (name.startsWith("vm.cpu0.vmmeter.")) {
          String label = name.substring("vm.cpu0.vmmeter.".length());
          long sum = values.get(name) + table.get("vm.cpu1.vmmeter." + label);
          assertThat(table.get(sums + label)).as(label).isEqualTo(sum);
          meters++;
        }
      }
      assertThat(meters).isEqualTo(18);
      assertThat(values)
          .allSatisfy((name, value) ->
              assertThat(value)
                  .as(name)
                  .isGreaterThanOrEqualTo("vm.max_wired".equals(name) ? -1 : 0));
    }
  }

  @Test
  void setsWhatIsLiveByNumberAndByWord() {
    table.set("vm.nice_policy", "faithful");
    assertThat(table.get("vm.nice_policy")).isEqualTo(1);
    assertThat(table.text("vm.nice_policy")).isEqualTo("faithful");
    table.set("vm.lowmem_kill", "on");
    assertThat(table.text("vm.lowmem_kill")).isEqualTo("on");
    table.set("vm.max_launder", 77);
    assertThat(vm.machine().page().gate().pressure().levels().maxLaunder()).isEqualTo(77);
    Helper.run(() -> table.set("vm.page_free_hysteresis", 3)).join();
    assertThat(table.get("vm.page_free_hysteresis")).isEqualTo(3);
    assertThat(table.find("vm.page_free_hysteresis").initial()).isEqualTo("16");
  }

  @ParameterizedTest
  @ValueSource(strings = {"vm.stats.vm.v_free_count", "vm.dma_free_pages", "vm.swap_size"})
  void setsNothingThatCanOnlyBeRead(String name) {
    Map<String, Long> both = Map.of(name, 1L, "vm.max_launder", 5L);
    assertThatThrownBy(() -> table.setAll(both))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(name + " can only be read");
    assertThat(table.get("vm.max_launder")).isNotEqualTo(5);
  }

  @Test
  void refusesWhatIsWrongWithNameValueAndRange() {
    assertThatThrownBy(() -> table.set("vm.max_lauder", 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("there is no tunable vm.max_lauder; near it: vm.max_launder, ");
    assertThatThrownBy(() -> table.get("x")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> table.set("vm.max_launder", 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("vm.max_launder=0 is not from 1 to 1073741824");
    assertThatThrownBy(() -> table.set("vm.nice_policy", "nicely"))
        .hasMessage("vm.nice_policy=nicely is not one of: monotone, faithful");
    assertThatThrownBy(() -> table.set("vm.swap_burst_read", 4))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("before the machine boots");
    assertThatThrownBy(() -> table.set("vm.v_free_min", 1 << 20))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("would be above");
    assertThatThrownBy(() -> VmConfig.builder().tunable("vm.free_min_bass", 1))
        .hasMessageContaining("near it: vm.free_min_base");
  }

  @Test
  void worksInAHaltedMachineAndNotInAClosedOne() {
    vm.machine().halt(new VmPanic("on purpose"));
    table.set("vm.max_launder", 7);
    assertThat(table.values()).containsEntry("vm.max_launder", 7L);
    vm.close();
    assertThatThrownBy(table::values)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> table.set("vm.max_launder", 8)).hasMessageContaining("closed");
    assertThat(table.list()).isNotEmpty();
  }

  @Test
  void isChosenWithTheConfigurationsOwnSettersToo() {
    VmConfig config =
        VmConfig.builder()
            .tunable("vm.dma_reserved", -1)
            .tunable("vm.idlezero_enable", 1)
            .tunable("vm.lowmem_kill", 1)
            .build();
    assertThat(config.dmaReserve()).isEqualTo(4 << 20);
    assertThat(config.zeroesAhead()).isTrue();
    assertThat(config.tunables()).containsOnly(Map.entry("vm.lowmem_kill", 1L));
    try (VirtualMemory other = VirtualMemory.boot(config)) {
      assertThat(other.tunables().get("vm.dma_reserved")).isEqualTo(4 << 20);
      assertThat(other.tunables().text("vm.idlezero_enable")).isEqualTo("on");
    }
  }
}
