package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.sync.Helper;

class VmStatsTest {
  private final VmStats stats = new VmStats(3);

  @Test
  void aStripeSeesItsOwnChangesAtOnceAndOthersAfterARollup() {
    stats.increment(1, PageCount.FREE);

    assertThat(stats.view(1, PageCount.FREE)).isEqualTo(1);
    assertThat(stats.view(2, PageCount.FREE)).isZero();
    assertThat(stats.global(PageCount.FREE)).isZero();

    stats.rollup();
    assertThat(stats.view(2, PageCount.FREE)).isEqualTo(1);
    assertThat(stats.global(PageCount.FREE)).isEqualTo(1);
    assertThat(stats.view(1, PageCount.FREE)).as("not counted twice").isEqualTo(1);
  }

  @Test
  void theCountsAreKeptApart() {
    stats.increment(0, PageCount.FREE);
    stats.increment(0, PageCount.WIRED);
    stats.increment(0, PageCount.WIRED);
    stats.decrement(0, PageCount.CACHE);
    stats.rollup();

    assertThat(stats.global(PageCount.FREE)).isEqualTo(1);
    assertThat(stats.global(PageCount.WIRED)).isEqualTo(2);
    assertThat(stats.global(PageCount.CACHE)).isEqualTo(-1);
    assertThat(stats.global(PageCount.ACTIVE)).isZero();
  }

  @Test
  void aStripeThatHasTakenEnoughPushesAndLooksAnew() {
    stats.pushAt(3);
    stats.increment(1, PageCount.FREE);
    stats.decrement(0, PageCount.FREE);
    stats.decrement(0, PageCount.FREE);
    assertThat(stats.global(PageCount.FREE)).isZero();

    stats.decrement(0, PageCount.FREE);

    assertThat(stats.global(PageCount.FREE)).as("pushed").isEqualTo(-3);
    assertThat(stats.view(0, PageCount.FREE)).isEqualTo(-3);
    assertThat(stats.view(1, PageCount.FREE)).as("nobody told it").isEqualTo(1);
    stats.rollup();
    assertThat(stats.global(PageCount.FREE)).isEqualTo(-2);
  }

  @Test
  void addingNeverPushes() {
    stats.pushAt(1);
    for (int i = 0; i < 100; i++) {
      stats.increment(0, PageCount.FREE);
    }
    assertThat(stats.global(PageCount.FREE)).isZero();
  }

  @Test
  void eventsAreSummedOverTheStripes() {
    stats.count(0, Event.FREED, 5);
    stats.count(2, Event.FREED, 7);
    stats.count(2, Event.SWAP_IN, 1);
    assertThat(stats.total(Event.FREED)).isEqualTo(12);
    assertThat(stats.total(Event.SWAP_IN)).isEqualTo(1);
    assertThat(stats.total(Event.TABLE_FRAMES)).isZero();
  }

  @Test
  void aFreedPageIsCountedAsFreeAndAsFreedAtOnce() {
    stats.decrement(1, PageCount.FREE);
    stats.decrement(1, PageCount.FREE);
    stats.pushAt(100);
    stats.decrement(1, PageCount.FREE);
    assertThat(stats.total(Event.FREED)).as("a negative change is no event").isZero();

    stats.freed(1);
    assertThat(stats.view(1, PageCount.FREE)).isEqualTo(-2);
    assertThat(stats.total(Event.FREED)).isEqualTo(1);
    stats.count(2, Event.FREED, 5);
    assertThat(stats.total(Event.FREED)).isEqualTo(6);
    stats.rollup();
    assertThat(stats.global(PageCount.FREE)).isEqualTo(-2);
    assertThat(stats.total(Event.FREED)).as("a rollup moves only the change").isEqualTo(6);
  }

  @Test
  void freedPagesGoOnBeingCountedWhereACellIsFull() {
    VmStats small = new VmStats(2, 4);
    int rounds = 30_000;
    List<Helper<Boolean>> helpers = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      helpers.add(
          Helper.run(() -> {
            for (int i = 0; i < rounds; i++) {
              small.freed(0);
              small.decrement(0, PageCount.FREE);
              small.freed(0);
            }
          }));
    }
    helpers.forEach(Helper::join);
    small.rollup();
    assertThat(small.total(Event.FREED)).isEqualTo(4L * rounds);
    assertThat(small.global(PageCount.FREE)).isEqualTo(2L * rounds);
  }

  @Test
  void nothingIsLostWhenThreadsShareStripesAndOthersRollUp() {
    stats.pushAt(16);
    int rounds = 20_000;
    List<Helper<Boolean>> helpers = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      int stripe = t % 2;
      helpers.add(
          Helper.run(() -> {
            for (int i = 0; i < rounds; i++) {
              stats.freed(stripe);
              stats.increment(stripe, PageCount.ACTIVE);
              stats.decrement(stripe, PageCount.FREE);
              stats.decrement(stripe, PageCount.INACTIVE);
            }
          }));
    }
    helpers.add(
        Helper.run(() -> {
          for (int i = 0; i < 2_000; i++) {
            stats.rollup();
          }
        }));
    helpers.forEach(Helper::join);
    stats.rollup();

    assertThat(stats.global(PageCount.FREE)).isZero();
    assertThat(stats.total(Event.FREED)).isEqualTo(3L * rounds);
    assertThat(stats.global(PageCount.ACTIVE)).isEqualTo(3L * rounds);
    assertThat(stats.global(PageCount.INACTIVE)).isEqualTo(-3L * rounds);
    for (int stripe = 0; stripe < stats.stripes(); stripe++) {
      assertThat(stats.view(stripe, PageCount.ACTIVE)).isEqualTo(3L * rounds);
    }
  }
}
