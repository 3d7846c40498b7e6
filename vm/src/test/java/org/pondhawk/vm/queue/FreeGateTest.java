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
import org.pondhawk.vm.sync.Token;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmProcess;
import org.pondhawk.vm.sync.VmThread;

/// The levels are min 391, reserved 202, severe 195, start 1173.
class FreeGateTest {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
  private static final long FAR = TimeUnit.SECONDS.toNanos(15);

  private final AtomicLong clock = new AtomicLong();
  private final HaltSwitch halt = new HaltSwitch();
  private final VmStats stats = new VmStats(1);
  private final Pressure pressure = new Pressure(FreeLevels.withBase(64, 65_536, 65_536), stats);
  private final Tunable hysteresis =
      Tunable.live("vm.page_free_hysteresis", 0, 1 << 20, 16, "Pages.");
  private final FreeGate gate =
      new FreeGate(pressure, stats, clock::get, halt, PATIENCE, hysteresis);
  private final VmThread self = new VmThread("self", 0, false, 0);
  private final VmThread daemon = new VmThread("daemon", 0, true, 0);

  private void free(int count) {
    count(count);
    stats.rollup();
  }

  private void count(int pages) {
    for (int i = 0; i < pages; i++) {
      stats.increment(0, PageCount.FREE);
    }
  }

  @Nested
  class AFault {
    @Test
    void goesOnAtOnceAtTheMinimum() {
      free(391);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
      assertThat(gate.work().pagesNeeded()).isZero();
    }

    @Test
    void isDelayedOnceBelowTheMinimum() {
      free(390);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(1);
      assertThat(gate.work().pagesNeeded()).as("the daemon was asked").isEqualTo(1);
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
    void ofANiceThreadIsDelayedWhereOthersGoOn() {
      free(391 + 97); // a niceness of 10 waits 97 pages above the minimum
      VmThread nice = new VmThread("nice", 0, false, 10);
      gate.awaitForFault(nice, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).as("at equality").isZero();

      stats.decrement(0, PageCount.FREE);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).as("others go on").isZero();
      gate.awaitForFault(nice, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).as("it really sleeps").isEqualTo(1);
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
    void outsideAFaultBeginsOneNicenessEarlier() {
      free(391 + 9); // a niceness of 1 waits 9 pages above the minimum
      gate.await(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).as("at equality").isZero();

      stats.decrement(0, PageCount.FREE);
      gate.awaitForFault(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).as("a fault goes on").isZero();
      gate.await(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(1);
    }

    @Test
    void isOneSleepThatLastsNoLongerThanTheCallerSays() {
      free(100);
      gate.await(self, gate.patience(), 1);
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(1);
      gate.await(self, gate.patience(), 0); // the usual bound
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(2);
    }

    @Test
    void isEndedByAGateThatOpensAsFarAboveTheMinimumAsIsSet() {
      free(100);
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(self, gate.patience(), FAR)).awaitAsleep();
      free(291);
      gate.pageFreed(0);
      assertThat(stats.total(Event.WAITER_WAKEUPS)).as("16 pages are missing").isZero();

      hysteresis.set(0);
      gate.pageFreed(0);
      waiter.join();
      assertThat(stats.total(Event.WAITER_WAKEUPS)).isEqualTo(1);
    }

    @Test
    void isEndedAtTheFirstTargetHoweverLargeTheHysteresis() {
      hysteresis.set(1 << 20);
      free(100);
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(self, gate.patience(), FAR)).awaitAsleep();
      free(1463);
      gate.pageFreed(0);
      assertThat(stats.total(Event.WAITER_WAKEUPS)).isZero();
      free(1);
      gate.pageFreed(0);
      waiter.join();
    }

    @Test
    void losesNoWakeupOfWhoFreesAtTheSameTime() {
      free(390);
      for (int round = 0; round < 2_000; round++) {
        long began = System.nanoTime();
        Helper<Boolean> freer =
            Helper.run(() -> {
              count(17);
              gate.pageFreed(0);
            });
        gate.await(self, gate.patience(), FAR);
        freer.join();
        assertThat(System.nanoTime() - began).as("a lost wakeup, round %d", round).isLessThan(FAR);
        for (int i = 0; i < 17; i++) {
          stats.decrement(0, PageCount.FREE);
        }
      }
    }

    @Test
    void wouldLoseTheWakeupOfWhoLooksBeforeItFrees() {
      free(390);
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(self, gate.patience(), FAR)).awaitAsleep();
      gate.pageFreed(0);
      count(17); // too late: nobody looks again
      stats.rollup();
      assertThat(gate.isAwaited()).isTrue();
      assertThat(waiter.isDone()).isFalse();
      gate.pageFreed(0);
      waiter.join();
    }

    @Test
    void endsWithTheMachine() {
      halt.halt(new VmPanic("on purpose"));
      assertThatThrownBy(() -> gate.await(self, gate.patience()))
          .isInstanceOf(MachineHaltedException.class);
    }
  }

  @Nested
  class AHeavyOperation {
    @Test
    void goesOnAtTheMinimumAndWaitsBelowIt() {
      free(391);
      assertThat(gate.wouldWait(self)).isFalse();
      gate.awaitNominal(self, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();

      stats.decrement(0, PageCount.FREE);
      assertThat(gate.wouldWait(self)).isTrue();
      Helper<Boolean> waiter =
          Helper.run(() -> gate.awaitNominal(self, gate.patience())).awaitAsleep();
      free(17);
      gate.pageFreed(0);
      waiter.join();
      assertThat(stats.total(Event.MEMORY_WAITS)).isPositive();
    }

    @Test
    void isRefusedWhenNothingMoves() {
      Patience patience = gate.patience();
      gate.await(self, patience);
      clock.addAndGet(PATIENCE + 1);
      assertThatThrownBy(() -> gate.awaitNominal(self, patience))
          .isInstanceOf(OutOfPagesException.class);
    }

    @Test
    void isNotForTheMachinesOwnThreads() {
      assertThatThrownBy(() -> gate.awaitNominal(daemon, gate.patience()))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("daemon")
          .hasMessageContaining("free 0");
    }

    @Test
    void isNotForWhoHoldsAToken() {
      Token token = new Token(1);
      token.lock(self, true);
      assertThatThrownBy(() -> gate.awaitNominal(self, gate.patience()))
          .isInstanceOf(VmPanic.class);
      token.unlock(self);
    }
  }

  @Nested
  class ACondemnedProcess {
    private final VmProcess process = new VmProcess("space 7");
    private final VmThread member = new VmThread("member", 0, false, 0).in(process);

    @Test
    void isRefusedWhereItWouldWaitAndGoesOnElsewhere() {
      process.condemn();
      free(391);
      gate.awaitForFault(member, gate.patience());
      stats.decrement(0, PageCount.FREE);
      gate.awaitForFault(member, gate.patience()); // condemned it is favoured, and gets further

      for (int i = 0; i < 100; i++) {
        stats.decrement(0, PageCount.FREE);
      }
      assertThatThrownBy(() -> gate.awaitForFault(member, gate.patience()))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("member was condemned")
          .hasMessageContaining("free 290");
      assertThatThrownBy(() -> gate.await(member, gate.patience()))
          .isInstanceOf(OutOfPagesException.class);
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
    }

    @Test
    void isBrokenOffInItsSleep() {
      free(100);
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(member, gate.patience(), FAR)).awaitAsleep();
      process.condemn();
      gate.broadcast();
      assertThatThrownBy(waiter::join).hasRootCauseInstanceOf(OutOfPagesException.class);
    }

    @Test
    void waitsAgainOnceItIsPardoned() {
      free(100);
      process.condemn();
      process.pardon();
      gate.await(member, gate.patience());
      assertThat(stats.total(Event.MEMORY_WAITS)).isEqualTo(1);
    }
  }

  @Nested
  class TheDaemon {
    @Test
    void waitsForPagesApartFromTheOthersAndIsWokenAtItsOwnMinimum() {
      gate.serveBy(daemon);
      free(50);
      Helper<Boolean> sleeper =
          Helper.run(() -> gate.await(daemon, gate.patience(), FAR)).awaitAsleep();
      assertThat(gate.isAwaited()).as("nobody else").isFalse();

      free(53);
      gate.pageFreed(0);
      assertThat(sleeper.isDone()).as("one page is missing").isFalse();
      free(1);
      gate.pageFreed(0);
      sleeper.join();
      assertThat(stats.total(Event.DAEMON_WAITS)).isEqualTo(1);
      assertThat(stats.total(Event.WAITER_WAKEUPS)).isZero();
    }

    @Test
    void doesNotWaitAtTheMinimum() {
      gate.serveBy(daemon);
      free(391);
      gate.await(daemon, gate.patience(), FAR);
      assertThat(stats.total(Event.DAEMON_WAITS)).isZero();
    }

    @Test
    void andAThreadAreWokenEachAtItsOwnLevel() {
      gate.serveBy(daemon);
      Helper<Boolean> sleeper =
          Helper.run(() -> gate.await(daemon, gate.patience(), FAR)).awaitAsleep();
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(self, gate.patience(), FAR)).awaitAsleep();

      free(104);
      gate.pageFreed(0);
      sleeper.join();
      assertThat(gate.isAwaited()).isTrue();
      assertThat(waiter.isDone()).isFalse();
      free(303);
      gate.pageFreed(0);
      waiter.join();
    }

    @Test
    void isAskedOnlyWhenMemoryCallsForIt() {
      free(1173);
      gate.requestPaging(self);
      assertThat(gate.work().pagesNeeded()).isZero();

      stats.decrement(0, PageCount.FREE);
      gate.requestPaging(self);
      assertThat(gate.work().pagesNeeded()).isEqualTo(1);
    }

    @Test
    void isWokenOnceAndOnlyHintedAtMoreDemand() {
      gate.serveBy(daemon);
      Helper<Boolean> sleeper = Helper.start(() -> gate.work().await(daemon, FAR)).awaitAsleep();

      gate.requestPaging(self);
      assertThat(sleeper.join()).isTrue();
      assertThat(gate.work().pagesNeeded()).isEqualTo(1);

      gate.requestPaging(self);
      assertThat(gate.work().pagesNeeded()).as("below the minimum it is urgent").isEqualTo(2);
      free(1000);
      gate.requestPaging(self);
      assertThat(gate.work().pagesNeeded()).as("above it nothing is added").isEqualTo(2);
    }

    @Test
    void findsWorkThatCameBeforeItLooked() {
      gate.requestPaging(self);
      assertThat(gate.work().await(daemon, FAR)).isTrue();
    }

    @Test
    void isWokenForOtherThingsWithoutWork() {
      Helper<Boolean> sleeper = Helper.start(() -> gate.work().await(daemon, FAR)).awaitAsleep();
      gate.work().wakeDaemon();
      assertThat(sleeper.join()).isFalse();
    }

    @Test
    void neverAsksItself() {
      gate.serveBy(daemon);
      gate.requestPaging(daemon);
      assertThat(gate.work().pagesNeeded()).isZero();
    }

    @Test
    void isToldHowManyAllocationsFailedAndOnlyOnce() {
      gate.noteShortage(self);
      gate.noteShortage(self);
      assertThat(gate.work().takeDeficit()).isEqualTo(2);
      assertThat(gate.work().takeDeficit()).isZero();
    }
  }
}
