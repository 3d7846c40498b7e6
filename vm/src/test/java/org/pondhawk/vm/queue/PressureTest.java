package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PressureTest {
  private static final FreeLevels LEVELS = FreeLevels.withBase(64, 65_536, 65_536);

  private static Pressure at(long free, long cached, long inactive) {
    VmStats stats = new VmStats(2);
    add(stats, PageCount.FREE, free);
    add(stats, PageCount.CACHE, cached);
    add(stats, PageCount.INACTIVE, inactive);
    stats.rollup();
    return new Pressure(LEVELS, stats);
  }

  private static void add(VmStats stats, PageCount count, long n) {
    for (long i = 0; i < n; i++) {
      stats.increment((int) (i & 1), count);
    }
  }

  private static Pressure at(long free, long cached) {
    return at(free, cached, 0);
  }

  static Stream<Arguments> predicates() {
    return Stream.of(
        Arguments.of("severe", 195L, (Predicate<Pressure>) p -> p.severe(0)),
        Arguments.of("min", 391L, (Predicate<Pressure>) p -> p.min(0, 0)),
        Arguments.of("min, 16 uncounted", 407L, (Predicate<Pressure>) p -> p.min(1, 16)),
        Arguments.of("min, 100 on top", 291L, (Predicate<Pressure>) p -> p.min(1, -100)),
        Arguments.of("near min", 782L, (Predicate<Pressure>) p -> p.nearMin(0)),
        Arguments.of("start", 1173L, (Predicate<Pressure>) p -> p.start(1)),
        Arguments.of("target 1", 1564L, (Predicate<Pressure>) p -> p.target1(0)),
        Arguments.of("target 2", 1955L, (Predicate<Pressure>) p -> p.target2(1)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("predicates")
  void isTrueOneBelowItsLevelAndFalseAtIt(String name, long level, Predicate<Pressure> test) {
    long free = Math.max(LEVELS.min(), LEVELS.reserved());
    long cached = level - free;
    if (cached >= 1) {
      assertThat(test.test(at(free, cached))).as("%s at equality", name).isFalse();
      assertThat(test.test(at(free, cached - 1))).as("%s one below", name).isTrue();
    } else {
      long least = Math.max(LEVELS.reserved(), level);
      assertThat(test.test(at(least, 0))).as("%s at its level or the reserve", name).isFalse();
      assertThat(test.test(at(least - 1, 0))).as("%s below", name).isTrue();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("predicates")
  void isTrueWhenTheReserveIsTouchedHoweverLargeTheCache(
      String name, long level, Predicate<Pressure> test) {
    assertThat(test.test(at(LEVELS.reserved() - 1, 50_000))).as(name).isTrue();
    assertThat(test.test(at(LEVELS.min(), 50_000))).as("%s above %d", name, level).isFalse();
  }

  @Test
  void startDemandsTrulyFreePagesToo() {
    assertThat(at(391, 50_000).start(0)).isFalse();
    assertThat(at(390, 50_000).start(0)).isTrue();
    assertThat(at(390, 50_000).target2(0)).as("the others do not").isFalse();
  }

  @Test
  void severeComparesAllThatIsAvailable() {
    assertThat(at(202, 0).severe(0)).isFalse();
    assertThat(at(201, 0).severe(0)).as("the reserve").isTrue();
  }

  @Test
  void theCountsAreWhatTheTargetsLackOrHaveTooMuch() {
    assertThat(at(500, 64).target1Count(0)).isEqualTo(1000);
    assertThat(at(500, 64).target2Count(0)).isEqualTo(1391);
    assertThat(at(2000, 0).target1Count(0)).isEqualTo(-436);
  }

  @Test
  void inactivePagesAreWantedBelowTheMinimumPlusTheirTarget() {
    assertThat(at(400, 87, 4000).inactive(0)).isFalse();
    assertThat(at(400, 87, 3999).inactive(0)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"0, 391", "1, 400", "5, 439", "10, 488", "20, 586", "-1, 387", "-20, 293"})
  void aNicerThreadIsSentToWaitEarlierAndAFavouredOneLater(int nice, long level) {
    assertThat(at(level, 0).minNice(0, nice)).isFalse();
    assertThat(at(level - 1, 0).minNice(0, nice)).isTrue();
  }

  @Test
  void nicenessIsMonotoneAndNeverReachesBelowSevere() {
    long before = LEVELS.severe();
    for (int nice = -20; nice <= 20; nice++) {
      long level = LEVELS.severe();
      while (at(202, level - 202).minNice(0, nice)) {
        level++;
      }
      assertThat(level).as("nice %d", nice).isGreaterThanOrEqualTo(before);
      before = level;
    }
  }

  @Test
  void thereIsPlentyOnlyWhereTheDaemonNeedNotRunForOnePageMore() {
    assertThat(at(1174, 0).isPlenty(0)).isTrue();
    assertThat(at(1173, 50_000).isPlenty(0)).as("what is cached does not count").isFalse();
    for (long free : new long[] {1174, 1175, 5_000}) {
      assertThat(at(free - 1, 0).start(0)).as("after one is taken").isFalse();
    }
  }
}
