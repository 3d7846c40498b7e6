package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VmProcessTest {
  private final VmProcess process = new VmProcess("space 1");
  private final VmThread thread = new VmThread("member", 0, false, 0).in(process);

  @Test
  void sharesItsNicenessWithThreadsThatHaveNone() {
    assertThat(thread.nice()).isZero();
    process.setNice(7);
    assertThat(thread.nice()).isEqualTo(7);

    thread.setNice(-3);
    assertThat(thread.nice()).isEqualTo(-3);
    thread.setNice(0);
    assertThat(thread.nice()).as("0 is none of its own").isEqualTo(7);
    assertThat(new VmThread("of nothing", 0, false, 4).nice()).isEqualTo(4);
  }

  @Test
  void isFavouredAndItsThreadsWithItOnceItIsCondemned() {
    process.setNice(7);
    thread.setNice(5);
    assertThat(process.condemn()).isTrue();
    assertThat(process.condemn()).as("a second time").isFalse();

    assertThat(process.isCondemned()).isTrue();
    assertThat(thread.isCondemned()).isTrue();
    assertThat(process.nice()).isEqualTo(-20);
    assertThat(thread.nice()).isEqualTo(-20);

    process.pardon();
    assertThat(thread.isCondemned()).isFalse();
    assertThat(process.nice()).isEqualTo(7);
    assertThat(thread.nice()).isEqualTo(5);
    assertThat(new VmThread("of nothing", 0, false, 0).isCondemned()).isFalse();
  }

  @Test
  void inheritsNicenessAndNoVerdict() {
    process.setNice(7);
    process.condemn();
    VmProcess child = new VmProcess("space 2");
    child.inherit(process);
    assertThat(child.nice()).isEqualTo(7);
    assertThat(child.isCondemned()).isFalse();
    assertThat(child).hasToString("space 2");
  }

  @ParameterizedTest
  @ValueSource(ints = {-21, 21, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void isNotNicerOrLessNiceThanThereIs(int nice) {
    assertThatThrownBy(() -> process.setNice(nice))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("nice=" + nice + " is not from -20 to 20");
    assertThatThrownBy(() -> thread.setNice(nice)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new VmThread("wrong", 0, false, nice))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(process.nice()).isZero();
  }
}
