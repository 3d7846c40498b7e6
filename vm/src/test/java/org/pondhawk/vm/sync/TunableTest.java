package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TunableTest {
  private final Tunable live = Tunable.live("vm.live", -1, 9, 4, "Pages.");
  private final Tunable atBoot = Tunable.atBoot("vm.boot", 0, 1, 0, "Whether.");

  @Test
  void hasTheValueThatNobodyChoseUntilSomebodyDoes() {
    assertThat(live.get()).isEqualTo(4);

    live.set(9);

    assertThat(live.get()).isEqualTo(9);
    assertThat(live.initial()).isEqualTo(4);
  }

  @Test
  void keepsItsValueWhenOneOutOfRangeIsRefused() {
    assertThatThrownBy(() -> live.set(10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("vm.live=10 is not from -1 to 9");
    assertThatThrownBy(() -> live.set(-2)).isInstanceOf(IllegalArgumentException.class);

    assertThat(live.get()).isEqualTo(4);
  }

  @Test
  void thatIsChosenBeforeBootIsNotSetLater() {
    atBoot.choose(1);

    assertThatThrownBy(() -> atBoot.set(0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("vm.boot");

    assertThat(atBoot.get()).isEqualTo(1);
  }

  @Test
  void whoseFirstValueIsOutOfRangeIsNotMade() {
    assertThatThrownBy(() -> Tunable.live("vm.wrong", 1, 2, 3, "Pages."))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vm.wrong is 3 at first");
  }
}
