package org.pondhawk.vm.map;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.map.RangeInterlock.Held;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class RangeInterlockTest {
  private static final long PATIENCE_NANOS = 5_000_000_000L;

  private final TestMachine machine = new TestMachine(256);
  private final AtomicLong clock = new AtomicLong();
  private final RangeInterlock ranges = new RangeInterlock(clock::get, PATIENCE_NANOS);

  @AfterEach
  void close() {
    machine.close();
  }

  private Held take(long start, long end) {
    return requireNonNull(ranges.tryEnter(start, end));
  }

  @Test
  void keepsWhatOverlapsAndNothingElse() {
    Held middle = take(10, 20);

    assertThat(ranges.tryEnter(19, 30)).isNull();
    assertThat(ranges.tryEnter(0, 11)).isNull();
    assertThat(ranges.tryEnter(12, 13)).isNull();
    assertThat(ranges.tryEnter(0, 40)).isNull();
    Held before = take(0, 10);
    Held behind = take(20, 30);

    ranges.leave(middle);
    Held again = take(12, 13);
    ranges.leave(again);
    ranges.leave(before);
    ranges.leave(behind);
    assertThat(ranges).hasToString("[]");
  }

  @Test
  void wakesOnlyWhereSomebodyWasRefused() {
    Held range = take(10, 20);
    int ticket = ranges.left().ticket();
    ranges.leave(range);
    assertThat(ranges.left().ticket()).isEqualTo(ticket);

    range = take(10, 20);
    assertThat(ranges.tryEnter(5, 15)).isNull();
    assertThat(ranges).hasToString("[0xa-0x14 WAITING]");
    ranges.leave(range);
    assertThat(ranges.left().ticket()).isNotEqualTo(ticket);
  }

  @Test
  void aRangeThatNobodyHasIsNotLeft() {
    Held range = take(10, 20);
    ranges.leave(range);
    assertThatThrownBy(() -> ranges.leave(range)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whoWaitsForARangeThatIsNotLeftGivesUp() {
    Held range = take(10, 20);
    VmThread self = machine.vm.newThread("late");
    Helper<Throwable> late =
        Helper.start(() -> catchThrowable(() -> ranges.enter(self, 15, 25))).awaitAsleep();
    clock.addAndGet(PATIENCE_NANOS + 1);
    ranges.left().wakeAll();

    assertThat(late.join())
        .isInstanceOf(AccessUnderWayException.class)
        .hasMessageContaining("0xa-0x14 WAITING");
    ranges.leave(range);
  }

  /// Every thread adds to plain counters, one for each of the pages of its range.
  @Test
  void letsNobodyIntoARangeTwiceAndEverybodyInAtLast() {
    int[] pages = new int[16];
    AtomicInteger expected = new AtomicInteger();
    List<Helper<Boolean>> all = new ArrayList<>();
    for (int n = 0; n < 3; n++) {
      int number = n;
      VmThread self = machine.vm.newThread("user " + n);
      all.add(Helper.run(() -> use(self, number, pages, expected)));
    }
    all.forEach(Helper::join);
    assertThat(Arrays.stream(pages).sum()).isEqualTo(expected.get());
    assertThat(ranges).hasToString("[]");
  }

  private void use(VmThread self, int number, int[] pages, AtomicInteger expected) {
    for (int i = 0; i < 4_000; i++) {
      int start = (i * 7 + number * 5) % 12;
      int end = start + 1 + i % 4;
      Held held = ranges.enter(self, start, end);
      for (int p = start; p < end; p++) {
        pages[p]++;
      }
      ranges.leave(held);
      expected.addAndGet(end - start);
    }
  }
}
