package org.pondhawk.bench;

import java.util.Collection;

/// Quantiles of what was measured.
final class Quantiles {
  private Quantiles() {}

  static double median(Collection<Double> values) {
    return of(values, 0.5);
  }

  /// The value that a share of all values is not above.
  static double of(Collection<Double> values, double share) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("nothing was measured");
    }
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int rank = (int) Math.ceil(share * sorted.length);
    return sorted[Math.clamp(rank - 1, 0, sorted.length - 1)];
  }
}
