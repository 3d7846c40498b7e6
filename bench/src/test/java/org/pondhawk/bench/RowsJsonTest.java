package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pondhawk.bench.Row.Unit;

class RowsJsonTest {
  @Test
  void isAnArrayOfObjectsWithTheSameKeys() {
    String json =
        RowsJson.render(
            List.of(
                new Row("a \"read\"", 20, Unit.NANOS, "the floor", 15.0),
                new Row("store", 0.12345, Unit.MICROS, "fork(2)", null)));

    assertThat(json)
        .isEqualToIgnoringNewLines(
            "[{\"what\":\"a \\\"read\\\"\",\"ours\":20.0,\"unit\":\"ns\",\"against\":\"the floor\","
                + "\"theirs\":15.0,\"ratio\":0.75},"
                + "{\"what\":\"store\",\"ours\":0.1235,\"unit\":\"µs\",\"against\":\"fork(2)\","
                + "\"theirs\":null,\"ratio\":null}]");
  }

  @Test
  void ofNothingIsAnEmptyArray() {
    assertThat(RowsJson.render(List.of())).isEqualToIgnoringNewLines("[]");
  }
}
