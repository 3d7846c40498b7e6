package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pondhawk.bench.Row.Unit;

class RowTest {
  private static @Nullable Double ratio(double ours, Unit unit, @Nullable Double theirs) {
    return new Row("what", ours, unit, "them", theirs).ratio();
  }

  @Test
  void ofTimesIsBetterIfLess() {
    assertThat(ratio(20, Unit.NANOS, 30.0)).isEqualTo(1.5);
    assertThat(ratio(30, Unit.MILLIS, 15.0)).isEqualTo(0.5);
  }

  @Test
  void ofRatesIsBetterIfMore() {
    assertThat(ratio(30, Unit.PAGES_PER_SECOND, 20.0)).isEqualTo(1.5);
    assertThat(ratio(1.9, Unit.TIMES, 1.9)).isEqualTo(1.0);
  }

  @Test
  void thatTakesNothingIsAsGoodAsNothing() {
    assertThat(ratio(0, Unit.BYTES_PER_OP, 0.0)).isEqualTo(1.0);
    assertThat(ratio(40, Unit.BYTES_PER_OP, 0.0)).isEqualTo(0.0);
  }

  @Test
  void hasNoRatioWhereThereIsNothingToDivideBy() {
    assertThat(ratio(20, Unit.NANOS, null)).isNull();
    assertThat(ratio(0, Unit.NANOS, 5.0)).isNull();
  }
}
