package org.pondhawk.vm.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TunableInfoTest {
  private static TunableInfo of(TunableInfo.Kind kind, long least, long most, String... words) {
    return new TunableInfo(
        "vm.it", kind, "pages", TunableInfo.When.LIVE, least, most, "", List.of(words), "It.");
  }

  private final TunableInfo number = of(TunableInfo.Kind.NUMBER, -5, 2_000);
  private final TunableInfo bytes = of(TunableInfo.Kind.BYTES, 0, Long.MAX_VALUE);
  private final TunableInfo flag = of(TunableInfo.Kind.FLAG, 0, 1);
  private final TunableInfo choice = of(TunableInfo.Kind.CHOICE, 0, 1, "left", "right");

  @ParameterizedTest
  @CsvSource({"4096, 4096", "4k, 4096", "3M, 3145728", "2g, 2147483648", "1t, 1099511627776"})
  void readsBytesWithTheirUnits(String text, long value) {
    assertThat(bytes.parse(text)).isEqualTo(value);
  }

  @Test
  void readsNumbersFlagsAndWords() {
    assertThat(number.parse(" -5 ")).isEqualTo(-5);
    for (String on : List.of("1", "on", "TRUE", "yes")) {
      assertThat(flag.parse(on)).isEqualTo(1);
    }
    for (String off : List.of("0", "off", "false", "no")) {
      assertThat(flag.parse(off)).isZero();
    }
    assertThat(choice.parse("Right")).isEqualTo(1);
    assertThat(choice.parse("0")).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-6", "2001", "4k", "many", "1.5", "99999999999999999999"})
  void refusesWhatIsNoNumberInTheRange(String text) {
    assertThatThrownBy(() -> number.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("vm.it=" + text + " is not one of: -5 to 2000 pages");
  }

  @Test
  void refusesOtherWordsAndTooManyBytes() {
    assertThatThrownBy(() -> flag.parse("2")).hasMessage("vm.it=2 is not one of: on, off");
    assertThatThrownBy(() -> choice.parse("2")).hasMessage("vm.it=2 is not one of: left, right");
    assertThatThrownBy(() -> bytes.parse("9999999999t")).hasMessageContaining("9999999999t");
    assertThatThrownBy(() -> bytes.parse("k")).hasMessageContaining("vm.it=k");
  }

  @Test
  void writesWhatItReads() {
    for (TunableInfo info : List.of(number, bytes, flag, choice)) {
      for (long value : new long[] {0, 1}) {
        assertThat(info.parse(info.format(value))).isEqualTo(value);
      }
    }
    assertThat(choice.format(1)).isEqualTo("right");
    assertThat(flag.format(1)).isEqualTo("on");
    assertThat(choice.startingAt(1).initial()).isEqualTo("right");
    assertThat(TunableInfo.When.AT_BOOT.word()).isEqualTo("boot");
  }
}
