package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Times loops against each other, turn by turn: A B C A B C. What disturbs the computer disturbs
/// all of them, and the median of each one's turns forgets what disturbed one turn.
final class Turns {
  /// So that a loop is compiled as a method of its own and the clock is read seldom.
  private static final int CHUNK = 50_000;

  private static final long NANOS_PER_MILLI = 1_000_000L;

  private final Effort effort;
  private final Map<String, Work> sides = new LinkedHashMap<>();
  private final int chunk;

  /// What the loops computed, where the compiler must believe that somebody looks.
  static volatile long sink;

  Turns(Effort effort) {
    this(effort, CHUNK);
  }

  /// @param chunk operations between two looks at the clock, less for long ones
  Turns(Effort effort, int chunk) {
    this.effort = effort;
    this.chunk = chunk;
  }

  Turns add(String name, Work side) {
    sides.put(name, side);
    return this;
  }

  /// Runs all turns.
  ///
  /// @return the median time of an operation of each side, in nanoseconds
  Map<String, Double> run() {
    Map<String, List<Double>> times = new LinkedHashMap<>();
    sides.forEach((name, side) -> {
      times.put(name, new ArrayList<>());
      nanosPerOperation(side, effort.warmUpMillis(), 0);
    });
    for (int round = 0; round < effort.rounds(); round++) {
      long seed = round + 1L;
      sides.forEach((name, side) ->
          times
              .getOrDefault(name, List.of())
              .add(nanosPerOperation(side, effort.roundMillis(), seed)));
    }
    Map<String, Double> medians = new LinkedHashMap<>();
    times.forEach((name, all) -> medians.put(name, Quantiles.median(all)));
    return medians;
  }

  private double nanosPerOperation(Work side, int millis, long seed) {
    long operations = 0;
    long sum = 0;
    long start = System.nanoTime();
    long elapsed;
    do {
      sum += side.run(seed * 31 + operations, chunk);
      operations += chunk;
      elapsed = System.nanoTime() - start;
    } while (elapsed < millis * NANOS_PER_MILLI);
    sink = sum;
    return (double) elapsed / operations;
  }
}
