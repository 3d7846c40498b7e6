package org.pondhawk.bench;

/// Times of very many operations, to within a sixteenth, without memory for each of them.
final class Histogram {
  private static final int LG_PARTS = 4;
  private static final int PARTS = 1 << LG_PARTS;

  private final long[] counts = new long[Long.SIZE * PARTS];
  private long total;
  private long max;

  void add(long nanos) {
    counts[slot(nanos)]++;
    total++;
    max = Math.max(max, nanos);
  }

  private static int slot(long nanos) {
    if (nanos < PARTS) {
      return (int) Math.max(0, nanos);
    }
    int exponent = Long.SIZE - 1 - Long.numberOfLeadingZeros(nanos);
    int part = (int) (nanos >>> (exponent - LG_PARTS)) & (PARTS - 1);
    return (exponent - LG_PARTS + 1) * PARTS + part;
  }

  /// The least time that lands in a slot.
  private static long floorOf(int slot) {
    if (slot < PARTS) {
      return slot;
    }
    int exponent = slot / PARTS + LG_PARTS - 1;
    return (1L << exponent) + ((long) (slot % PARTS) << (exponent - LG_PARTS));
  }

  /// The time that a share of all times is not above.
  long quantile(double share) {
    if (total == 0) {
      throw new IllegalStateException("nothing was measured");
    }
    long below = (long) Math.ceil(share * total);
    long seen = 0;
    for (int slot = 0; slot < counts.length; slot++) {
      seen += counts[slot];
      if (seen >= below && seen > 0) {
        return Math.min(max, floorOf(slot + 1) - 1);
      }
    }
    return max;
  }

  long total() {
    return total;
  }

  long max() {
    return max;
  }
}
