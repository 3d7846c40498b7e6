package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// The levels are min 391, reserved 202, severe 195, start 1173.
class FreeGateTest {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
  private static final long FAR = TimeUnit.SECONDS.toNanos(15);

  private final AtomicLong clock = new AtomicLong();
  private final HaltSwitch halt = new HaltSwitch();
  private final VmStats stats = new VmStats(1);
  private final Pressure pressure = new Pressure(FreeLevels.withBase(64, 65_536, 65_536), stats);
  private final FreeGate gate =
      new FreeGate(pressure, stats, clock::get, halt, PATIENCE, ContentParts.HYSTERESIS);
  private final VmThread self = new VmThread("self", 0, false, 0);
  private final VmThread daemon = new VmThread("daemon", 0, true, 0);

  private void free(int count) {
    for (int i = 0; i < count; i++) {
      stats.increment(0, PageCount.FREE);
    }
    stats.rollup();
  }

  @Nested
  class AFault {
    @Test
    void goesOnAtOnceAtTheMinimum() {
      free(391);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
      assertThat(gate.pagesNeeded()).isZero();
    }

    @Test
    void isDelayedOnceBelowTheMinimum() {
      free(390);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(1);
      assertThat(gate.pagesNeeded()).as("the daemon was asked").isEqualTo(1);
    }

    @Test
    void waitsOnWhileMemoryIsSevereAndIsWokenWhenEnoughIsFreed() {
      free(100);
      Helper<Boolean> waiter =
          Helper.run(() -> gate.awaitForFault(self, gate.patience())).awaitAsleep();

      free(306);
      gate.pageFreed(0);
      assertThat(stats.total(Event.WAITER_WAKEUPS)).as("one page is missing").isZero();
      free(1);
      gate.pageFreed(0);

      waiter.join();
      assertThat(stats.total(Event.WAITER_WAKEUPS)).isEqualTo(1);
      gate.pageFreed(0);
      assertThat(stats.total(Event.WAITER_WAKEUPS)).as("nobody waits any more").isEqualTo(1);
    }

    @Test
    void ofAFavouredThreadGoesOnWhereOthersWait() {
      free(390);
      gate.awaitForFault(new VmThread("favoured", 0, false, -5), gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
    }
  }

  @Nested
  class AWait {
    @Test
    void endsAtOnceWhenNothingCanBeFreed() {
      gate.setExhausted(true);
      assertThatThrownBy(() -> gate.await(self, gate.patience()))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("swap is full")
          .hasMessageContaining("free 0");
      gate.setExhausted(false);
      gate.await(self, gate.patience());
    }

    @Test
    void isBrokenOffWhenNothingCanBeFreedAnyMore() {
      Helper<Boolean> waiter =
          Helper.start(() -> {
            Patience patience = gate.patience();
            for (; ; ) {
              gate.await(self, patience);
            }
          });
      waiter.awaitAsleep();
      gate.setExhausted(true);
      assertThatThrownBy(waiter::join).hasRootCauseInstanceOf(OutOfPagesException.class);
    }

    @Test
    void endsWhenNothingMovesForTheWholePatience() {
      Patience patience = gate.patience();
      gate.await(self, patience);
      clock.addAndGet(PATIENCE);
      gate.await(self, patience);
      clock.incrementAndGet();
      assertThatThrownBy(() -> gate.await(self, patience))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("5000 ms");
    }

    @Test
    void goesOnAsLongAsAnythingMoves() {
      Patience patience = gate.patience();
      for (Event event : new Event[] {Event.FREED, Event.SWAP_PAGES_OUT, Event.SWAP_PAGES_IN}) {
        gate.await(self, patience);
        clock.addAndGet(PATIENCE + 1);
        stats.count(0, event, 1);
        gate.await(self, patience);
      }
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(6);
    }

    @Test
    void endsWithTheMachine() {
      halt.halt(new VmPanic("on purpose"));
      assertThatThrownBy(() -> gate.await(self, gate.patience()))
          .isInstanceOf(MachineHaltedException.class);
    }
  }

  @Nested
  class TheDaemon {
    @Test
    void isAskedOnlyWhenMemoryCallsForIt() {
      free(1173);
      gate.requestPaging(self);
      assertThat(gate.pagesNeeded()).isZero();

      stats.decrement(0, PageCount.FREE);
      gate.requestPaging(self);
      assertThat(gate.pagesNeeded()).isEqualTo(1);
    }

    @Test
    void isWokenOnceAndOnlyHintedAtMoreDemand() {
      gate.serveBy(daemon);
      Helper<Boolean> sleeper = Helper.start(() -> gate.awaitWork(daemon, FAR)).awaitAsleep();

      gate.requestPaging(self);
      assertThat(sleeper.join()).isTrue();
      assertThat(gate.pagesNeeded()).isEqualTo(1);

      gate.requestPaging(self);
      assertThat(gate.pagesNeeded()).as("below the minimum it is urgent").isEqualTo(2);
      free(1000);
      gate.requestPaging(self);
      assertThat(gate.pagesNeeded()).as("above it nothing is added").isEqualTo(2);
    }

    @Test
    void findsWorkThatCameBeforeItLooked() {
      gate.requestPaging(self);
      assertThat(gate.awaitWork(daemon, FAR)).isTrue();
    }

    @Test
    void isWokenForOtherThingsWithoutWork() {
      Helper<Boolean> sleeper = Helper.start(() -> gate.awaitWork(daemon, FAR)).awaitAsleep();
      gate.wakeDaemon();
      assertThat(sleeper.join()).isFalse();
    }

    @Test
    void neverAsksItself() {
      gate.serveBy(daemon);
      gate.requestPaging(daemon);
      assertThat(gate.pagesNeeded()).isZero();
    }

    @Test
    void isToldHowManyAllocationsFailedAndOnlyOnce() {
      gate.noteShortage(self);
      gate.noteShortage(self);
      assertThat(gate.takeDeficit()).isEqualTo(2);
      assertThat(gate.takeDeficit()).isZero();
    }
  }
}
