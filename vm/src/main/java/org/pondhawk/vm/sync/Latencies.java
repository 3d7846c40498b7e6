package org.pondhawk.vm.sync;

/// A histogram of times, in powers of two of a nanosecond. Guarded by its owner.
final class Latencies {
  private final long[] counts = new long[Long.SIZE];
  private long total;

  /// Counts a time.
  void add(long nanos) {
    counts[Long.SIZE - 1 - Long.numberOfLeadingZeros(Math.max(1, nanos))]++;
    total++;
  }

  /// How many times were counted.
  long total() {
    return total;
  }

  /// The time that a share of all did not exceed, rounded up to a power of two; 0 if there is none.
  ///
  /// @param share above 0, at most 1
  long quantile(double share) {
    long left = (long) Math.ceil(total * share);
    for (int i = 0; i < counts.length && total > 0; i++) {
      left -= counts[i];
      if (left <= 0) {
        return 1L << Math.min(i + 1, Long.SIZE - 2);
      }
    }
    return 0;
  }
}
