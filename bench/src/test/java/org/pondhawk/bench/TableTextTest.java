package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.bench.Row.Unit;

class TableTextTest {
  @Test
  void isAsWideAsItMustBe() {
    String text =
        TableText.render(
            List.of(
                new Row("read", 20, Unit.NANOS, "the floor", 15.0),
                new Row("a fork", 1234.5, Unit.MICROS, "fork(2)", null)),
            List.of("a note"));

    assertThat(text)
        .isEqualTo(
            """
            what     ours  unit  against    theirs  ratio
            read     20.0  ns    the floor    15.0   0.75
            a fork  1,235  µs    fork(2)         -      -

            ratio: how many times better ours is.
            note: a note
            """);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0|0.0", "0.333|0.33", "9.876|9.88", "12.34|12.3", "123.4|123", "12345|12,345"})
  void showsAsManyPlacesAsCarryMeaning(double value, String shown) {
    assertThat(TableText.number(value)).isEqualTo(shown);
  }
}
