package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class QuantilesTest {
  @Test
  void areValuesThatWereMeasured() {
    List<Double> values = List.of(5.0, 1.0, 4.0, 2.0, 3.0);

    assertThat(Quantiles.median(values)).isEqualTo(3);
    assertThat(Quantiles.of(values, 0.99)).isEqualTo(5);
    assertThat(Quantiles.of(values, 0)).isEqualTo(1);
  }

  @Test
  void ofAHistogramAreWithinASixteenth() {
    var histogram = new Histogram();
    for (int nanos = 1; nanos <= 100_000; nanos++) {
      histogram.add(nanos);
    }

    for (double share : new double[] {0.001, 0.5, 0.99, 0.999}) {
      double exact = share * 100_000;
      assertThat((double) histogram.quantile(share)).isCloseTo(exact, within(exact / 16 + 1));
    }
    assertThat(histogram.quantile(1)).isEqualTo(100_000);
  }

  @Test
  void ofAHistogramWithOneValueAreThatValue() {
    var histogram = new Histogram();
    histogram.add(77);

    assertThat(histogram.quantile(0.5)).isEqualTo(77);
  }

  @Test
  void ofNothingAreRefused() {
    assertThatThrownBy(() -> new Histogram().quantile(0.5))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> Quantiles.median(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
