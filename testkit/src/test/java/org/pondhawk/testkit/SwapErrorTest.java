package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.pondhawk.testkit.FailingSwap.Direction.READ;
import static org.pondhawk.testkit.FailingSwap.Direction.WRITE;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.queue.Event;

/// Transfers to and from swap that fail: number 1, 2, 3… of a run, and all of them for a while.
@Timeout(120)
class SwapErrorTest {
  private static final int PAGE = 4096;
  private static final long SWAP = 16 * MEBIBYTE;
  private static final long BYTES = 6 * MEBIBYTE;

  @Test
  void ofAnyOneWriteLosesNothing() {
    long number = 0;
    long writes;
    do {
      number++;
      long failing = number;
      FailingSwap swap = new FailingSwap((way, n) -> way == WRITE && n == failing);
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), swap);
          AddressSpace space = rig.vm().newAddressSpace();
          View view = space.view()) {
        long base = space.map(BYTES, Protection.READ_WRITE);

        store(view, base, 1);
        requireStored(view, base, 1);

        Machines.requireClean(rig.vm(), "write " + failing);
        writes = swap.writes();
      }
      number += number / 4; // every one at first, then fewer
    } while (number <= Math.min(writes, 60));
    assertThat(number).as("writes that failed, one a run").isGreaterThan(5);
  }

  @Test
  void ofEveryOtherWriteLosesNothing() {
    FailingSwap swap = new FailingSwap((way, n) -> way == WRITE && n % 2 == 1);
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), swap);
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(BYTES, Protection.READ_WRITE);
      for (long lap = 1; lap <= 3; lap++) {
        store(view, base, lap);
        requireStored(view, base, lap);
      }
      Machines.requireClean(rig.vm(), rig);
    }
  }

  @ParameterizedTest(name = "virtual thread {0}")
  @ValueSource(booleans = {false, true})
  void ofAReadIsReportedAndCanBeTriedAgain(boolean virtual) throws Exception {
    try (ExecutorService executor =
        virtual
            ? Executors.newVirtualThreadPerTaskExecutor()
            : Executors.newSingleThreadExecutor()) {
      executor.submit(this::failEachRead).get(60, TimeUnit.SECONDS);
    }
  }

  private void failEachRead() {
    FailingSwap swap = new FailingSwap((way, n) -> way == READ && n % 3 == 1);
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).swapBurstRead(0).build(), swap);
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(BYTES, Protection.READ_WRITE);
      store(view, base, 1);
      long failed = 0;
      for (long at = base; at < base + BYTES; at += PAGE) {
        long address = at;
        Throwable thrown = catchThrowable(() -> view.getLong(address));
        if (thrown != null) {
          failed++;
          assertThat(thrown)
              .isInstanceOf(UncheckedIOException.class)
              .hasMessageContaining("page " + (at - base) / PAGE + " of object")
              .hasCauseInstanceOf(IOException.class)
              .hasRootCauseMessage("injected: READ number " + swap.reads());
          if (failed % 20 == 1) {
            Machines.requireClean(rig.vm(), "read " + swap.reads());
          }
        }
        assertThat(view.getLong(at)).as("the second try").isEqualTo(at + 1);
      }
      assertThat(failed).as("reads that failed").isGreaterThan(100);
      Machines.requireClean(rig.vm(), rig);
    }
  }

  @Test
  void ofAnyOneReadAheadIsNotNoticed() {
    long reads;
    long number = 0;
    do {
      number++;
      reads = readWhereSomeFail(number, number, 0);
    } while (number < Math.min(reads, 40));
    assertThat(number).as("reads that failed, one a run").isGreaterThan(5);
  }

  @Test
  void ofAReadAheadAndOfThePageAloneIsReported() {
    for (long number = 1; number <= 10; number++) {
      readWhereSomeFail(number, number + 1, 1);
    }
  }

  /// Reads everything back with read-ahead, of which some reads in a row fail.
  ///
  /// @param mostReported how many accesses may fail at most, unless a run had but one page
  /// @return how many reads there were
  private static long readWhereSomeFail(long first, long last, int mostReported) {
    AtomicBoolean armed = new AtomicBoolean();
    AtomicLong armedAt = new AtomicLong();
    FailingSwap swap =
        new FailingSwap((way, n) ->
            way == READ && armed.get() && n - armedAt.get() >= first && n - armedAt.get() <= last);
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), swap);
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(BYTES, Protection.READ_WRITE);
      store(view, base, 1);
      armedAt.set(swap.reads());
      armed.set(true);
      long ahead = rig.machine().page().stats().total(Event.READ_AHEAD);
      int reported = 0;
      for (long at = base; at < base + BYTES; at += PAGE) {
        long address = at;
        Throwable thrown = catchThrowable(() -> view.getLong(address));
        if (thrown != null) {
          reported++;
          assertThat(thrown)
              .isInstanceOf(UncheckedIOException.class)
              .hasMessageContaining("page " + (at - base) / PAGE + " of object");
          Machines.requireClean(rig.vm(), "read " + swap.reads());
        }
        while (catchThrowable(() -> view.getLong(address)) != null) {
          reported++;
        }
        assertThat(view.getLong(at)).isEqualTo(at + 1);
      }
      Machines.requireClean(rig.vm(), "reads " + first + " to " + last);
      assertThat(rig.machine().page().stats().total(Event.READ_AHEAD) - ahead)
          .as("pages read ahead")
          .isGreaterThan(100);
      assertThat(reported).isLessThanOrEqualTo(mostReported + (int) (last - first + 1));
      return swap.reads() - armedAt.get();
    }
  }

  @Test
  void ofAllWritesForAWhileOnlyDelays() throws Exception {
    AtomicBoolean broken = new AtomicBoolean(true);
    FailingSwap swap = new FailingSwap((way, n) -> way == WRITE && broken.get());
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), swap);
        AddressSpace space = rig.vm().newAddressSpace();
        ExecutorService executor = Executors.newSingleThreadExecutor()) {
      long base = space.map(BYTES, Protection.READ_WRITE);
      var storing =
          executor.submit(() -> {
            try (View view = space.view()) {
              store(view, base, 1);
              requireStored(view, base, 1);
            }
          });
      assertThat(Machines.await(() -> swap.writes() >= 200 || storing.isDone(), 30_000_000_000L))
          .isTrue();
      assertThat(storing.isDone()).isFalse();
      broken.set(false);
      storing.get(60, TimeUnit.SECONDS);
      Machines.requireClean(rig.vm(), rig);
    }
  }

  private static void store(View view, long base, long lap) {
    for (long at = base; at < base + BYTES; at += PAGE) {
      view.putLong(at, at + lap);
    }
  }

  private static void requireStored(View view, long base, long lap) {
    for (long at = base; at < base + BYTES; at += PAGE) {
      assertThat(view.getLong(at)).isEqualTo(at + lap);
    }
  }
}
