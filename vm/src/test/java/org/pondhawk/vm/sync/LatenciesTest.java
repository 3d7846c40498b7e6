package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LatenciesTest {
  private final Latencies latencies = new Latencies();

  @Test
  void ofNothingAreZero() {
    assertThat(latencies.quantile(0.5)).isZero();
    assertThat(latencies.total()).isZero();
  }

  @Test
  void areRoundedUpToAPowerOfTwo() {
    latencies.add(1_000);

    assertThat(latencies.quantile(0.5)).isEqualTo(1_024);
    assertThat(latencies.quantile(1)).isEqualTo(1_024);
  }

  @Test
  void haveARareLongOneInTheLastQuantileOnly() {
    for (int i = 0; i < 99; i++) {
      latencies.add(100);
    }
    latencies.add(1_000_000);

    assertThat(latencies.total()).isEqualTo(100);
    assertThat(latencies.quantile(0.5)).isEqualTo(128);
    assertThat(latencies.quantile(0.99)).isEqualTo(128);
    assertThat(latencies.quantile(1)).isEqualTo(1 << 20);
  }

  @Test
  void takeAnyNumber() {
    latencies.add(0);
    latencies.add(-1);
    latencies.add(Long.MAX_VALUE);

    assertThat(latencies.quantile(0.5)).isEqualTo(2);
    assertThat(latencies.quantile(1)).isEqualTo(1L << 62);
  }
}
