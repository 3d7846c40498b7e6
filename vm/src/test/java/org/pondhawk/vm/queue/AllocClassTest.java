package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Every row of the reference's table of classes, and every combination of its four.
class AllocClassTest {
  /// min 391, reserved 202, interruptMin 55.
  private static final FreeLevels LEVELS = FreeLevels.withBase(64, 65_536, 65_536);

  enum Requested {
    NORMAL(AllocClass.NORMAL),
    QUICK(AllocClass.QUICK),
    SYSTEM(AllocClass.SYSTEM_ONLY),
    INTERRUPT(AllocClass.INTERRUPT_ONLY);

    final AllocClass alone;

    Requested(AllocClass alone) {
      this.alone = alone;
    }
  }

  static Stream<EnumSet<Requested>> combinations() {
    return IntStream.range(1, 1 << Requested.values().length)
        .mapToObj(bits -> {
          EnumSet<Requested> set = EnumSet.noneOf(Requested.class);
          int bit = bits;
          for (Requested one : Requested.values()) {
            if ((bit & 1) != 0) {
              set.add(one);
            }
            bit >>>= 1;
          }
          return set;
        });
  }

  private static AllocClass joined(EnumSet<Requested> set) {
    return set.stream().map(one -> one.alone).reduce(AllocClass::with).orElseThrow();
  }

  /// The three tests in the reference's order, one by one.
  private static boolean reference(
      EnumSet<Requested> set, long free, long cached, boolean systemThread) {
    if (free >= 202) {
      return true;
    }
    if (set.contains(Requested.INTERRUPT) && free > 0) {
      return true;
    }
    return (set.contains(Requested.SYSTEM) || systemThread) && cached == 0 && free > 55;
  }

  @ParameterizedTest
  @MethodSource("combinations")
  void takeFreePagesAsTheReferenceDoes(EnumSet<Requested> set) {
    AllocClass klass = joined(set);
    for (long free : new long[] {0, 1, 54, 55, 56, 100, 201, 202, 203, 5_000}) {
      for (long cached : new long[] {0, 1, 700}) {
        for (boolean systemThread : new boolean[] {false, true}) {
          assertThat(klass.mayTakeFree(LEVELS, free, cached, systemThread))
              .as("%s is %s: free %d, cached %d, %b", set, klass, free, cached, systemThread)
              .isEqualTo(reference(set, free, cached, systemThread));
        }
      }
    }
    assertThat(klass.usesCache()).as("%s", set).isEqualTo(set.contains(Requested.NORMAL));
  }

  @ParameterizedTest(name = "{0}: alone from {1}, beside cached ones from {2}, cache {3}")
  @CsvSource({
    "NORMAL, 202, 202, true",
    "QUICK, 202, 202, false",
    "SYSTEM_ONLY, 56, 202, false",
    "SYSTEM, 56, 202, true",
    "INTERRUPT_ONLY, 1, 1, false",
    "INTERRUPT, 1, 1, true"
  })
  void haveTheFloorsOfTheTable(AllocClass klass, long alone, long beside, boolean usesCache) {
    assertThat(lowest(klass, 0)).isEqualTo(alone);
    assertThat(lowest(klass, 1)).isEqualTo(beside);
    assertThat(klass.usesCache()).isEqualTo(usesCache);
  }

  private static long lowest(AllocClass klass, long cached) {
    return IntStream.rangeClosed(0, 1_000)
        .filter(free -> klass.mayTakeFree(LEVELS, free, cached, false))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @EnumSource
  void areThemselvesWithThemselvesAndWithTheLeast(AllocClass klass) {
    assertThat(klass.with(klass)).isEqualTo(klass);
    assertThat(klass.with(AllocClass.QUICK)).isEqualTo(klass);
    assertThat(klass.with(AllocClass.INTERRUPT)).isEqualTo(AllocClass.INTERRUPT);
  }
}
