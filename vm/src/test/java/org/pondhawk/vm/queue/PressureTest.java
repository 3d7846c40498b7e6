package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
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

  private static VmStats counted(long free) {
    VmStats stats = new VmStats(2);
    add(stats, PageCount.FREE, free);
    stats.rollup();
    return stats;
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
  void startCountsPagesThatAreNotThereYetButTheReserveDoesNot() {
    assertThat(at(391, 0).start(0, 782)).isFalse();
    assertThat(at(391, 0).start(0, 781)).isTrue();
    assertThat(at(391, 5_000).start(0, -1)).as("truly free pages").isTrue();
    assertThat(at(201, 5_000).start(0, 5_000)).as("the reserve").isTrue();
  }

  @Test
  void aDaemonStarvesBelowItsOwnMinimum() {
    assertThat(at(50, 54).starvesDaemon(0)).isFalse();
    assertThat(at(50, 53).starvesDaemon(0)).isTrue();
  }

  @Test
  void theInactiveCountIsWhatIsWantedOrTooMuch() {
    assertThat(at(400, 87, 3999).inactiveCount(0)).isEqualTo(1);
    assertThat(at(400, 87, 4000).inactiveCount(0)).isZero();
    assertThat(at(400, 87, 5000).inactiveCount(0)).isEqualTo(-1000);
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

  @ParameterizedTest(name = "{0} pages, nice {1}")
  @CsvSource({
    "65536, -20, 0",
    "65536, -10, 48",
    "65536, -1, 92",
    "65536, 0, 0",
    "65536, 1, 102",
    "65536, 5, 121",
    "65536, 10, 146",
    "65536, 20, 195",
    "262144, -20, 0",
    "262144, -10, 171",
    "262144, -1, 325",
    "262144, 0, 0",
    "262144, 1, 360",
    "262144, 10, 514",
    "262144, 20, 686",
    "262144, 21, 703"
  })
  void theFaithfulPolicyIsTheFormulaOfTheReference(long pages, int nice, long margin) {
    FreeLevels levels = FreeLevels.withBase(64, pages, pages);
    assertThat(NicePolicy.FAITHFUL.margin(nice, levels)).isEqualTo(margin);
  }

  @Test
  void theFaithfulPolicyLetsNobodyWaitLaterWhereTheLevelsLieTooNear() {
    FreeLevels near = LEVELS.with(FreeLevel.PAGING_WAIT, LEVELS.min());
    for (int nice = -20; nice <= 21; nice++) {
      assertThat(NicePolicy.FAITHFUL.margin(nice, near)).isZero();
    }
  }

  @Test
  void thePolicyIsChosenByItsNumberWhileTestsAreMade() {
    Pressure pressure = at(391 + 48, 0);
    assertThat(pressure.minNice(0, -10)).isFalse();

    pressure.setNicePolicy(NicePolicy.of(1));

    assertThat(pressure.nicePolicy()).isEqualTo(NicePolicy.FAITHFUL);
    assertThat(pressure.minNice(0, -10)).as("at equality").isFalse();
    assertThat(at(391 + 47, 0).minNice(0, -10)).as("monotone").isFalse();
    Pressure one = at(391 + 47, 0);
    one.setNicePolicy(NicePolicy.FAITHFUL);
    assertThat(one.minNice(0, -10)).as("a favoured thread waits above the minimum").isTrue();
  }

  @Test
  void theMonotonePolicyIsSoForAnyLevels() {
    for (long seed : new long[] {1, 7, System.nanoTime()}) {
      Random random = new Random(seed);
      long min = 8 + random.nextLong(100_000);
      FreeLevels levels =
          LEVELS
              .with(FreeLevel.MIN, min)
              .with(FreeLevel.SEVERE, random.nextLong(min))
              .with(FreeLevel.PAGING_WAIT, min + random.nextLong(2 * min));
      for (int nice = -20; nice <= 20; nice++) {
        long margin = NicePolicy.MONOTONE.margin(nice, levels);
        String what = "seed %d, nice %d, %s".formatted(seed, nice, levels);
        assertThat(margin)
            .as(what)
            .isLessThanOrEqualTo(NicePolicy.MONOTONE.margin(nice + 1, levels));
        assertThat(min + margin)
            .as(what)
            .isBetween(levels.severe(), Math.max(levels.pagingWait(), min));
      }
    }
  }

  @Test
  void theLevelsAreReplacedAsAWholeOrNotAtAll() {
    Pressure pressure = at(390, 0);
    assertThat(pressure.min(0, 0)).isTrue();

    pressure.set(LEVELS.with(FreeLevel.MIN, 390), 65_536);
    assertThat(pressure.min(0, 0)).isFalse();

    FreeLevels wrong = LEVELS.with(FreeLevel.MIN, 783);
    assertThatThrownBy(() -> pressure.set(wrong, 65_536))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("v_free_min=783 would be above v_paging_wait=782");
    assertThat(pressure.levels().min()).isEqualTo(390);
  }

  @Test
  void newLevelsSayHowManyPagesAStripeMayTakeUnseen() {
    VmStats stats = new VmStats(2);
    add(stats, PageCount.FREE, 4_000);
    stats.rollup();
    Pressure pressure = new Pressure(LEVELS, stats);
    long unseen = LEVELS.pushAt(2);
    assertThat(unseen).isGreaterThan(1);
    pressure.set(LEVELS, 65_536);
    for (long n = 1; n < unseen; n++) {
      stats.decrement(0, PageCount.FREE);
    }
    assertThat(stats.global(PageCount.FREE)).isEqualTo(4_000);
    stats.decrement(0, PageCount.FREE);
    assertThat(stats.global(PageCount.FREE)).isEqualTo(4_000 - unseen);
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
    FreeLevels late = LEVELS.with(FreeLevel.PAGING_START, 391).with(FreeLevel.PAGING_WAIT, 391);
    assertThat(new Pressure(late, counted(391)).isPlenty(0)).as("not one above all").isFalse();
    assertThat(new Pressure(late, counted(392)).isPlenty(0)).isTrue();
    for (long free : new long[] {1174, 1175, 5_000}) {
      assertThat(at(free - 1, 0).start(0)).as("after one is taken").isFalse();
    }
  }
}
