package org.pondhawk.vm.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PhysicalRangeTest {
  @ParameterizedTest(name = "[{0}, {1}) has the whole pages [{2}, {3})")
  @CsvSource({
    "0, 8192, 0, 8192",
    "1, 8192, 4096, 8192",
    "4096, 12287, 4096, 8192",
    "4095, 8193, 4096, 8192",
    "100, 4000, 0, 0",
    "4097, 8191, 4096, 4096",
    "5000, 5000, 4096, 4096",
    "0, 0, 0, 0"
  })
  void isRoundedInwards(long start, long end, long first, long last) {
    PhysicalRange whole = new PhysicalRange(start, end).wholePages(4096);
    assertThat(whole).isEqualTo(new PhysicalRange(first, last));
    assertThat(whole.bytes()).isEqualTo(last - first);
  }

  @ParameterizedTest
  @CsvSource({"-1, 5", "5, 4", "0, 4503599627370497"})
  void withNumbersThatCannotBeIsRefused(long start, long end) {
    assertThatThrownBy(() -> new PhysicalRange(start, end))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is not within 0 to 0x10000000000000");
  }

  @Test
  void isWrittenAsItIsMeant() {
    assertThat(new PhysicalRange(0, 0xA0000)).hasToString("[0x0, 0xa0000)");
  }
}
