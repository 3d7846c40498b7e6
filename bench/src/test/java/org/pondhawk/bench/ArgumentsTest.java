package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArgumentsTest {
  @Test
  void areUnderstoodInAnyOrder() {
    assertThat(Arguments.parse("--json", "hit", "--quick"))
        .isEqualTo(new Arguments("hit", true, true, false));
  }

  @Test
  void withoutANameAskForTheList() {
    assertThat(Arguments.parse()).isEqualTo(new Arguments(null, false, false, false));
  }

  @ParameterizedTest
  @CsvSource({
    "hit --fast, unknown option --fast",
    "hit fork, one comparison at a time: hit or fork",
    "--quick, which comparison?"
  })
  void thatAreWrongAreNamed(String line, String message) {
    assertThatThrownBy(() -> Arguments.parse(line.split(" ")))
        .isInstanceOf(BadUsageException.class)
        .hasMessage(message);
  }
}
