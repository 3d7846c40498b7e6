package org.pondhawk.replay;

/// Pseudo-random functions of numbers: the same numbers always give the same result.
final class Mix {
  /// An odd number with well spread bits: its multiples do not repeat.
  static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

  private Mix() {}

  /// Spreads every bit of a number over the whole result; different numbers stay different.
  static long mix(long number) {
    long z = number;
    z = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return z ^ (z >>> 31);
  }

  /// A key made of two numbers, their order mattering.
  static long mix(long first, long second) {
    return mix(mix(first + GOLDEN) + second * GOLDEN);
  }
}
