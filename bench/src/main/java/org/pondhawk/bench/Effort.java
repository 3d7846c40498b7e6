package org.pondhawk.bench;

import java.util.List;

/// How much is measured: a round is one turn of each side.
///
/// @param rounds how many turns each side gets; the median of them is reported
/// @param roundMillis how long a turn of a loop takes
/// @param warmUpMillis how long each loop runs before the first turn
/// @param sizes the sizes of memory that hits are measured over, in bytes, ascending
/// @param faultBytes the memory that faults are measured over
/// @param forks generations in a row
/// @param samples of a latency
/// @param threads how many threads store while a latency is measured, in turn
record Effort(
    int rounds,
    int roundMillis,
    int warmUpMillis,
    List<Long> sizes,
    long faultBytes,
    int forks,
    int samples,
    List<Integer> threads) {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;
  private static final List<Long> SIZES = List.of(64 * MIB, GIB, 4 * GIB);

  private static final List<Integer> THREADS = List.of(1, 2, 8, 64);

  static final Effort FULL = new Effort(15, 250, 1500, SIZES, 256 * MIB, 50, 2000, THREADS);
  static final Effort QUICK = new Effort(5, 50, 200, SIZES, 64 * MIB, 20, 200, THREADS);

  /// As little as shows that a comparison still works; for tests.
  static final Effort SMOKE = new Effort(1, 2, 2, List.of(MIB), MIB, 2, 3, List.of(2));

  boolean isSmoke() {
    return rounds == SMOKE.rounds;
  }

  boolean isQuick() {
    return rounds < FULL.rounds;
  }
}
