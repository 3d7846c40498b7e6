package org.pondhawk.bench;

import org.jspecify.annotations.Nullable;

/// One line of a comparison.
///
/// @param what what was measured
/// @param ours our figure
/// @param unit of both figures; it says which direction is better
/// @param against what stands beside
/// @param theirs its figure, or null where it was not measured
record Row(String what, double ours, Unit unit, String against, @Nullable Double theirs) {

  /// What is counted. Times and bytes are better if less, the others if more.
  enum Unit {
    NANOS("ns", false),
    MICROS("µs", false),
    MILLIS("ms", false),
    BYTES_PER_OP("B/op", false),
    TIMES("x", true),
    MIB_PER_SECOND("MiB/s", true),
    PAGES_PER_SECOND("pages/s", true),
    MILLIONS_PER_SECOND("M/s", true);

    private final String sign;
    private final boolean moreIsBetter;

    Unit(String sign, boolean moreIsBetter) {
      this.sign = sign;
      this.moreIsBetter = moreIsBetter;
    }

    String sign() {
      return sign;
    }
  }

  /// How many times better we are; null where that cannot be said.
  @Nullable Double ratio() {
    if (theirs == null) {
      return null;
    }
    if (ours == theirs) {
      return 1.0;
    }
    double over = unit.moreIsBetter ? theirs : ours;
    return over == 0 ? null : (unit.moreIsBetter ? ours : theirs) / over;
  }
}
