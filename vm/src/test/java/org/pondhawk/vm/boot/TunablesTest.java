package org.pondhawk.vm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
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
}
