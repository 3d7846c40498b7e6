package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;

class HaltSwitchTest {
  private final HaltSwitch halt = new HaltSwitch();

  @Test
  void letsPassUntilItIsThrown() {
    halt.check();
    assertThat(halt.isHalted()).isFalse();
    assertThat(halt.cause()).isNull();
  }

  @Test
  void keepsTheFirstCauseAndRefusesFromThenOn() {
    VmPanic first = new VmPanic("first");
    halt.halt(first);
    halt.halt(new VmPanic("second"));

    assertThat(halt.cause()).isSameAs(first);
    assertThatThrownBy(halt::check)
        .isInstanceOf(MachineHaltedException.class)
        .hasCause(first)
        .hasMessageContaining("first");
  }

  @Test
  void aStackOfIntsGivesBackInReverse() {
    IntStack stack = new IntStack();
    for (int i = 0; i < 40; i++) {
      stack.push(i);
    }
    for (int i = 39; i >= 0; i--) {
      assertThat(stack.pop()).isEqualTo(i);
    }
    assertThat(stack.size()).isZero();
    assertThatThrownBy(stack::pop).isInstanceOf(IllegalStateException.class);
  }
}
