package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// The daemon's work; it is asked to run below 1173 pages.
class PageoutWorkTest {
  private static final long FAR = TimeUnit.SECONDS.toNanos(15);

  private final VmStats stats = new VmStats(1);
  private final PageoutWork work =
      new PageoutWork(new Pressure(FreeLevels.withBase(64, 65_536, 65_536), stats), stats);
  private final VmThread daemon = new VmThread("daemon", 0, true, 0);

  private void count(int pages) {
    for (int i = 0; i < pages; i++) {
      stats.increment(0, PageCount.FREE);
    }
  }

  @Test
  void isNewToTheFirstWhoAsks() {
    assertThat(work.ask(false)).isTrue();
    assertThat(work.ask(false)).isFalse();
    assertThat(work.pagesNeeded()).isEqualTo(1);
    assertThat(work.ask(true)).isFalse();
    assertThat(work.pagesNeeded()).as("urgent demand is counted").isEqualTo(2);
  }

  @Test
  void goesOnAsTheDaemonSays() {
    work.setPagesNeeded(2);
    assertThat(work.pagesNeeded()).isEqualTo(2);
    assertThat(work.await(daemon, FAR)).as("without a sleep").isTrue();
    assertThat(work.ask(false)).as("it is not idle").isFalse();
  }

  @Test
  void endsWhereThereIsEnough() {
    count(1173); // which only a rollup finds
    work.setPagesNeeded(2);
    assertThat(work.becomeIdle(daemon)).isTrue();
    assertThat(work.pagesNeeded()).isZero();
  }

  @Test
  void goesOnWhereMemoryBecameShortMeanwhile() {
    count(1173);
    stats.rollup();
    stats.decrement(0, PageCount.FREE);
    work.setPagesNeeded(2);
    assertThat(work.becomeIdle(daemon)).isFalse();
    assertThat(work.pagesNeeded()).as("as if somebody had asked").isEqualTo(1);
  }

  @Test
  void isLookedForAgainAfterATime() {
    assertThat(work.await(daemon, 1)).isFalse();
  }

  @Test
  void wakesTheDaemonOutOfAPause() {
    Helper<Boolean> pause = Helper.run(() -> work.pause(daemon, FAR)).awaitAsleep();
    long began = System.nanoTime();
    assertThat(work.ask(false)).isTrue();
    pause.join();
    assertThat(System.nanoTime() - began).isLessThan(FAR / 2);
  }
}
