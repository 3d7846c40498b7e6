package org.pondhawk.vm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.queue.FreeLevel;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.NicePolicy;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.Tunable;

class TunablesTest {
  @Test
  void areAsChosenOrAsNobodyChoseThem() {
    Tunables chosen = new Tunables(Map.of("vm.page_free_hysteresis", 32L));

    assertThat(chosen.freeHysteresis().get()).isEqualTo(32);
    assertThat(new Tunables(Map.of()).freeHysteresis().get()).isEqualTo(16);
  }

  @Test
  void haveNamesOfTheirOwn() {
    assertThat(new Tunables(Map.of()).all().stream().map(Tunable::name)).doesNotHaveDuplicates();
  }

  @Test
  void refuseANameThatIsNotHere() {
    assertThatThrownBy(() -> new Tunables(Map.of("vm.no_such", 1L)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vm.no_such");
  }

  @Test
  void nameWhatIsNearToANameThatIsNotHere() {
    assertThatThrownBy(() -> new Tunables(Map.of()).find("vm.page_free_hysterisis"))
        .hasMessageContaining("there is no tunable vm.page_free_hysterisis; near it: ")
        .hasMessageContaining("vm.page_free_hysteresis");
    assertThat(NearNames.of("FREE_MIN", List.of("vm.v_free_min", "vm.max_launder", "a", "b")))
        .hasSize(3)
        .startsWith("vm.v_free_min");
  }

  @Nested
  class OfAMachine {
    private static TestMachine machine(Map<String, Long> chosen) {
      return new TestMachine(4_096, chosen);
    }

    private static FreeLevels levels(TestMachine machine) {
      return machine.pressure().levels();
    }

    @Test
    void areThoseThatItsSizeGivesWhereNobodyChose() {
      try (TestMachine machine = machine(Map.of())) {
        Tunables tunables = machine.vm.tunables();
        assertThat(levels(machine)).isEqualTo(FreeLevels.of(4_096, 4_096));
        assertThat(tunables.find("vm.v_free_min").get()).isEqualTo(84);
        assertThat(tunables.find("vm.v_free_min").initial()).isEqualTo(84);
        assertThat(tunables.find("vm.free_min_base").get()).isEqualTo(64);
        assertThat(tunables.find("vm.swap_burst_read").get()).isEqualTo(16);
        assertThat(tunables.find("vm.dma_reserved").get()).isZero();
      }
    }

    @Test
    void areChosenBeforeBoot() {
      Map<String, Long> chosen =
          Map.of("vm.v_free_min", 100L, "vm.v_paging_wait", 200L, "vm.nice_policy", 1L);
      try (TestMachine machine = machine(chosen)) {
        assertThat(levels(machine))
            .isEqualTo(
                FreeLevels.of(4_096, 4_096)
                    .with(FreeLevel.MIN, 100)
                    .with(FreeLevel.PAGING_WAIT, 200));
        assertThat(machine.pressure().nicePolicy()).isEqualTo(NicePolicy.FAITHFUL);
      }
    }

    @Test
    void haveAnotherBaseThatTheOthersFollow() {
      try (TestMachine machine = machine(Map.of("vm.free_min_base", 200L))) {
        assertThat(levels(machine)).isEqualTo(FreeLevels.withBase(200, 4_096, 4_096));
      }
    }

    @Test
    void areRefusedAtBootIfTheLevelsAreOutOfOrder() {
      assertThatThrownBy(() -> machine(Map.of("vm.v_free_min", 169L)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("v_free_min=169 would be above v_paging_wait=168");
    }

    @Test
    void areSetWhileItRuns() {
      try (TestMachine machine = machine(Map.of())) {
        Tunables tunables = machine.vm.tunables();
        tunables.find("vm.v_free_min").set(100);
        tunables.setAll(Map.of("vm.v_inactive_target", 5L));
        tunables.find("vm.nice_policy").set(1);

        assertThat(levels(machine).min()).isEqualTo(100);
        assertThat(levels(machine).inactiveTarget()).isEqualTo(5);
        assertThat(levels(machine).pagingWait()).as("nothing is derived anew").isEqualTo(168);
        assertThat(tunables.find("vm.v_free_min").get()).isEqualTo(100);
        assertThat(tunables.find("vm.v_inactive_target").get()).isEqualTo(5);
        assertThat(machine.pressure().nicePolicy()).isEqualTo(NicePolicy.FAITHFUL);
      }
    }

    @Test
    void areRefusedOutOfOrderAndLeftAsTheyWere() {
      try (TestMachine machine = machine(Map.of())) {
        FreeLevels before = levels(machine);
        Tunables tunables = machine.vm.tunables();
        String why = "v_paging_wait=168 would be above v_paging_start=167";
        assertThatThrownBy(() -> tunables.find("vm.v_paging_start").set(167)).hasMessage(why);
        Map<String, Long> both = Map.of("vm.v_paging_start", 167L, "vm.nice_policy", 1L);
        assertThatThrownBy(() -> tunables.setAll(both)).hasMessage(why);
        Map<String, Long> late = Map.of("vm.v_free_min", 90L, "vm.dma_reserved", 0L);
        assertThatThrownBy(() -> tunables.setAll(late)).isInstanceOf(IllegalStateException.class);

        assertThat(levels(machine)).isEqualTo(before);
        assertThat(tunables.find("vm.v_paging_start").get()).isEqualTo(252);
        assertThat(tunables.find("vm.nice_policy").get()).as("all or none").isZero();
      }
    }

    @Test
    void mayPassThroughEachOtherInOneStep() {
      try (TestMachine machine = machine(Map.of())) {
        Map<String, Long> doubled = new HashMap<>();
        for (String name :
            List.of(
                "free_min", "paging_wait", "paging_start", "paging_target1", "paging_target2")) {
          String full = "vm.v_" + name;
          doubled.put(full, 2 * machine.vm.tunables().find(full).get());
        }
        doubled.put("vm.v_free_target", 400L);
        machine.vm.tunables().setAll(doubled);

        assertThat(levels(machine).min()).isEqualTo(168);
        assertThat(levels(machine).target2()).isEqualTo(840);
        doubled.forEach((name, value) ->
            assertThat(machine.vm.tunables().find(name).get()).as(name).isEqualTo(value));
      }
    }

    @Test
    void sayWhatTheMachineGoesByThoughManySetThemAtOnce() {
      try (TestMachine machine = machine(Map.of())) {
        Tunable one = machine.vm.tunables().find("vm.v_inactive_target");
        Helper<Boolean> other =
            Helper.run(() -> {
              for (long i = 1; i < 3_000; i++) {
                machine.vm.tunables().setAll(Map.of("vm.v_inactive_target", i));
              }
            });
        for (long i = 3_000; i < 6_000; i++) {
          one.set(i);
        }
        other.join();
        assertThat(one.get()).isEqualTo(levels(machine).inactiveTarget());
      }
    }
  }
}
