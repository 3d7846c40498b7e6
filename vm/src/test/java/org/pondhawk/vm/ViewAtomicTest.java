package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Access modes and read-modify-write, alone and from several threads while pages are evicted.
@ParameterizedClass(name = "{0}")
@EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class ViewAtomicTest {
  private static final int THREADS = 4;

  private final ViewFixture fixture;
  private final View view;
  private final long base;
  private final int pages;

  ViewAtomicTest(PageTables tables) {
    fixture = new ViewFixture(4096, tables);
    view = fixture.view;
    base = fixture.mapTwiceTheMemory();
    pages = (int) (2 * fixture.frameBytes() / fixture.pageSize);
  }

  @AfterEach
  void theMachineIsWhole() {
    fixture.close();
  }

  @Nested
  class Alone {
    @Test
    void longsDoWhatTheirNamesSay() {
      view.putLongOpaque(base, 1);
      assertThat(view.getLongOpaque(base)).isEqualTo(1);
      view.putLongRelease(base, 2);
      assertThat(view.getLongAcquire(base)).isEqualTo(2);
      view.putLongVolatile(base, 3);
      assertThat(view.getLongVolatile(base)).isEqualTo(3);
      assertThat(view.compareAndSetLong(base, 2, 9)).isFalse();
      assertThat(view.compareAndSetLong(base, 3, 4)).isTrue();
      assertThat(view.compareAndExchangeLong(base, 3, 9)).isEqualTo(4);
      assertThat(view.compareAndExchangeLong(base, 4, 5)).isEqualTo(4);
      assertThat(view.getAndSetLong(base, 6)).isEqualTo(5);
      assertThat(view.getAndAddLong(base, -2)).isEqualTo(6);
      assertThat(view.getAndBitwiseOrLong(base, 3)).isEqualTo(4);
      assertThat(view.getAndBitwiseAndLong(base, 6)).isEqualTo(7);
      assertThat(view.getLong(base)).isEqualTo(6);
    }

    @Test
    void intsDoWhatTheirNamesSayAndNoMore() {
      long at = base + 4;
      view.putIntOpaque(at, 1);
      assertThat(view.getIntOpaque(at)).isEqualTo(1);
      view.putIntRelease(at, 2);
      assertThat(view.getIntAcquire(at)).isEqualTo(2);
      view.putIntVolatile(at, 3);
      assertThat(view.getIntVolatile(at)).isEqualTo(3);
      assertThat(view.compareAndSetInt(at, 2, 9)).isFalse();
      assertThat(view.compareAndSetInt(at, 3, 4)).isTrue();
      assertThat(view.compareAndExchangeInt(at, 3, 9)).isEqualTo(4);
      assertThat(view.compareAndExchangeInt(at, 4, 5)).isEqualTo(4);
      assertThat(view.getAndSetInt(at, 6)).isEqualTo(5);
      assertThat(view.getAndAddInt(at, -2)).isEqualTo(6);
      assertThat(view.getAndBitwiseOrInt(at, 3)).isEqualTo(4);
      assertThat(view.getAndBitwiseAndInt(at, 6)).isEqualTo(7);
      assertThat(view.getInt(at)).isEqualTo(6);
      assertThat(view.getInt(base)).as("before").isZero();
      assertThat(view.getInt(base + 8)).as("behind").isZero();
    }

    @Test
    void theyWorkOnPagesThatWereEvicted() {
      for (int page = 0; page < pages; page++) {
        view.putLongVolatile(at(page), page);
      }
      for (int page = 0; page < pages; page++) {
        assertThat(view.getAndAddLong(at(page), 1)).isEqualTo(page);
      }
      for (int page = 0; page < pages; page++) {
        assertThat(view.compareAndSetLong(at(page), page + 1, -page)).isTrue();
      }
      for (int page = 0; page < pages; page++) {
        assertThat(view.getLongVolatile(at(page))).isEqualTo(-page);
      }
      assertThat(fixture.vm.statistics().pagesIn()).isPositive();
    }
  }

  @Nested
  class Together {
    private static final int ROUNDS = 20_000;

    @Test
    void noIncrementIsLost() throws Exception {
      inAllThreads((mine, random) -> {
        for (int i = 0; i < ROUNDS; i++) {
          increment(mine, at(random.nextInt(pages)), i % 4);
        }
      });

      long total = 0;
      for (int page = 0; page < pages; page++) {
        total += view.getLong(at(page));
      }
      assertThat(total).isEqualTo((long) THREADS * ROUNDS);
      assertThat(fixture.vm.statistics().pagesIn()).isPositive();
    }

    private static void increment(View mine, long at, int way) {
      switch (way) {
        case 0 -> mine.getAndAddLong(at, 1);
        case 1 -> mine.getAndAddInt(at, 1); // no counter comes near 32 bits
        case 2 -> {
          long was = mine.getLongVolatile(at);
          while (!mine.compareAndSetLong(at, was, was + 1)) {
            was = mine.getLongVolatile(at);
          }
        }
        default -> {
          long seen = mine.getLongOpaque(at);
          long expected;
          do {
            expected = seen;
            seen = mine.compareAndExchangeLong(at, expected, expected + 1);
          } while (seen != expected);
        }
      }
    }

    @ParameterizedTest(name = "by release and acquire: {0}")
    @ValueSource(booleans = {true, false})
    void whatWasStoredBeforeAFlagIsSeenBehindIt(boolean release) throws Exception {
      inAllThreads((mine, random) -> {
        for (int i = 1; i <= ROUNDS; i++) {
          int page = random.nextInt(pages / 2);
          long flag = at(2 * page);
          long data = at(2 * page + 1);
          long seen = release ? mine.getLongAcquire(flag) : mine.getLongVolatile(flag);
          long behind = mine.getLong(data);
          assertThat(behind).isGreaterThanOrEqualTo(seen);
          raise(mine, data, seen + 1);
          if (release) {
            mine.putLongRelease(flag, seen + 1);
          } else {
            mine.putLongVolatile(flag, seen + 1);
          }
        }
      });
    }

    private static void raise(View mine, long at, long wanted) {
      long was = mine.getLongVolatile(at);
      while (was < wanted && !mine.compareAndSetLong(at, was, wanted)) {
        was = mine.getLongVolatile(at);
      }
    }

    /// What a thread does with its own view of the one space.
    private interface Work {
      void run(View mine, Random random);
    }

    private void inAllThreads(Work work) throws Exception {
      try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
        List<Future<?>> all = new ArrayList<>();
        for (int n = 0; n < THREADS; n++) {
          long seed = n;
          Callable<Void> task =
              () -> {
                try (View mine = fixture.space.view()) {
                  work.run(mine, new Random(seed));
                }
                return null;
              };
          all.add(threads.submit(task));
        }
        for (Future<?> one : all) {
          one.get(120, TimeUnit.SECONDS);
        }
      }
    }
  }

  private long at(int page) {
    return base + (long) page * fixture.pageSize + 8L * (page % 512);
  }
}
