package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ParallelLoopTest {
  private final List<Helper<Boolean>> helpers = new ArrayList<>();
  private final Executor threads = task -> helpers.add(Helper.run(task));

  private void requireAllOnce(int count, int piece, int asked, Executor executor) {
    AtomicIntegerArray seen = new AtomicIntegerArray(count);
    ParallelLoop.run(
        count,
        piece,
        asked,
        executor,
        (from, to) -> {
          assertThat(to - from).isBetween(1, piece);
          for (int n = from; n < to; n++) {
            seen.incrementAndGet(n);
          }
        });
    for (int n = 0; n < count; n++) {
      assertThat(seen.get(n)).as("index %d", n).isEqualTo(1);
    }
    helpers.forEach(helper -> assertThat(helper.join()).isTrue());
  }

  @ParameterizedTest
  @CsvSource({"1000, 7, 3", "1000, 1, 2", "7, 7, 3", "8, 7, 3", "1, 100, 3"})
  void everyIndexIsDoneOnce(int count, int piece, int asked) {
    requireAllOnce(count, piece, asked, threads);
    requireAllOnce(count, piece, asked, Runnable::run);
  }

  @Test
  void nobodyNeedsToHelp() {
    List<Runnable> never = new ArrayList<>();
    requireAllOnce(100, 10, 3, never::add);
    assertThat(never).hasSize(3);
    never.forEach(Runnable::run); // who comes late finds nothing to do
  }

  @Test
  void oneWithoutIndexesIsOver() {
    ParallelLoop.run(0, 10, 3, threads, (_, _) -> assertThat(true).isFalse());
    assertThat(helpers).isEmpty();
  }

  @Test
  void aHelperReallyHelpsAndIsWaitedFor() {
    CountDownLatch bothInside = new CountDownLatch(2);
    AtomicInteger done = new AtomicInteger();
    ParallelLoop.run(
        2,
        1,
        1,
        threads,
        (_, _) -> {
          bothInside.countDown();
          while (bothInside.getCount() != 0) {
            Thread.onSpinWait();
          }
          done.incrementAndGet();
        });
    assertThat(done).hasValue(2);
  }

  @Test
  void whatABodyThrowsIsThrownOnceAllIsTried() {
    AtomicInteger tried = new AtomicInteger();
    assertThatThrownBy(() ->
            ParallelLoop.run(
                10,
                1,
                2,
                threads,
                (from, _) -> {
                  tried.incrementAndGet();
                  if (from == 3) {
                    throw new IllegalStateException("index 3");
                  }
                }))
        .hasMessage("index 3");
    assertThat(tried).hasValue(10);
    assertThatThrownBy(() ->
            ParallelLoop.run(
                2,
                1,
                0,
                threads,
                (_, _) -> {
                  throw new AssertionError("an error");
                }))
        .isInstanceOf(AssertionError.class);
  }

  @Test
  void anInterruptStaysPending() {
    AtomicInteger done = new AtomicInteger();
    Thread.currentThread().interrupt();
    ParallelLoop.run(100, 10, 2, threads, (from, to) -> done.addAndGet(to - from));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(done).hasValue(100);
  }
}
