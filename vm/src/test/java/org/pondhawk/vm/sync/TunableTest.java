package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
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

  @Test
  void isTakenOverBeforeItCountsOrRefused() {
    List<Long> taken = new ArrayList<>();
    live.takenBy(value -> {
      if (value == 7) {
        throw new IllegalArgumentException("not seven");
      }
      taken.add(value);
      live.note(value);
    });

    live.set(8);
    assertThat(live.get()).isEqualTo(8);
    assertThatThrownBy(() -> live.set(7)).hasMessage("not seven");
    assertThatThrownBy(() -> live.set(10)).isInstanceOf(IllegalArgumentException.class);
    live.note(3);

    assertThat(taken).as("what is noted was taken over before").containsExactly(8L);
    assertThat(live.get()).isEqualTo(3);
  }

  @Test
  void settlesForWhatTheMachineSaysUnlessItWasChosen() {
    Tunable derived = Tunable.live("vm.derived", 1, 9, 1, "Pages.").derived("by size");
    derived.settle(6);
    assertThat(derived.get()).isEqualTo(6);
    assertThat(derived.initial()).isEqualTo(6);
    assertThat(derived.isChosen()).isFalse();

    Tunable chosen = Tunable.live("vm.derived", 1, 9, 1, "Pages.").derived("by size");
    chosen.choose(2);
    chosen.settle(6);
    assertThat(chosen.get()).isEqualTo(2);
    assertThat(chosen.initial()).isEqualTo(6);
    assertThat(chosen.isChosen()).isTrue();
    assertThat(chosen.derivation()).isEqualTo("by size");
    assertThatThrownBy(() -> chosen.settle(10)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void saysWhatItsNumberStandsFor() {
    Tunable flag = Tunable.flag("vm.flag", Tunable.Change.LIVE, true, "Whether.");
    assertThat(flag.kind()).isEqualTo(Tunable.Kind.FLAG);
    assertThat(flag.isOn()).isTrue();
    flag.set(0);
    assertThat(flag.isOn()).isFalse();
    assertThatThrownBy(() -> flag.set(2)).hasMessage("vm.flag=2 is not from 0 to 1");

    Tunable choice = Tunable.choice("vm.way", Tunable.Change.LIVE, "Which.", "left", "right");
    assertThat(choice.kind()).isEqualTo(Tunable.Kind.CHOICE);
    assertThat(choice.words()).containsExactly("left", "right");
    assertThat(choice.max()).isEqualTo(1);

    assertThat(live.in("bytes").kind()).isEqualTo(Tunable.Kind.BYTES);
    assertThat(live.in("pages").kind()).isEqualTo(Tunable.Kind.NUMBER);
    assertThat(live.unit()).isEqualTo("pages");
  }
}
