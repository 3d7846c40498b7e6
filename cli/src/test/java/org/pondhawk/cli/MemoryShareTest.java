package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryShareTest {
  @ParameterizedTest
  @CsvSource({
    "1/2, 33865728, 16932864",
    "1/8, 33865728, 4233216",
    "1/3, 100, 33",
    "2/1, 100, 200",
    "999999999/1, 9223372036854775807, 9223372036854775807",
    "64k, 100, 65536",
  })
  void isASizeOrAShare(String text, long footprint, long bytes) {
    assertThat(MemoryShare.parse(text).bytes(footprint)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1/", "/8", "/", "1/2/3", "-1/8", "1/-8", "0.5/1", "1/9999999999", "a/b"})
  void refusesWhatIsNoShare(String text) {
    assertThatThrownBy(() -> MemoryShare.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "' is not a share");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0/8", "1/0", "0/0"})
  void refusesAShareOfNothing(String text) {
    assertThatThrownBy(() -> MemoryShare.parse(text))
        .hasMessage("'" + text + "' is not a positive share");
  }

  @ParameterizedTest
  @ValueSource(strings = {"half", "0", "-4m", "0.5"})
  void refusesWhatIsNeither(String text) {
    assertThatThrownBy(() -> MemoryShare.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }
}
