package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;

@ParameterizedClass(name = "membarrier {0}")
@ValueSource(booleans = {true, false})
class GraceTest {
  private static final long FAR = 60_000_000_000L;

  @Parameter boolean membarrier;

  private Grace grace() {
    return new Grace(membarrier, Ticker.system(), FAR, new HaltSwitch());
  }

  @Test
  void usesTheBarrierItWasAskedFor() {
    assertThat(grace().isAsymmetric()).isEqualTo(membarrier);
  }

  @Test
  void isOverAtOnceWithNobodyInside() {
    Grace grace = grace();
    Guard guard = grace.register();
    guard.enter();
    guard.leave();

    assertThat(grace.isOver(grace.begin())).isTrue();
    assertThat(grace.waited()[0]).isZero();
  }

  @Test
  void isNotOverWhileAGuardThatWasInsideIsStillInside() {
    Grace grace = grace();
    Guard guard = grace.register();
    guard.enter();

    int ticket = grace.begin();
    assertThat(grace.isOver(ticket)).isFalse();
    assertThat(grace.isOver(ticket)).isFalse();

    guard.leave();
    assertThat(grace.isOver(ticket)).isTrue();
  }

  @Test
  void isOverForAGuardThatLeftAndIsInsideAgain() {
    Grace grace = grace();
    Guard guard = grace.register();
    guard.enter();
    int ticket = grace.begin();

    guard.leave();
    guard.enter();

    assertThat(grace.isOver(ticket)).isTrue();
    guard.leave();
  }

  @Test
  void doesNotWaitForAGuardThatEnteredAfterTheBegin() {
    Grace grace = grace();
    Guard first = grace.register();
    Guard late = grace.register();
    first.enter();
    int ticket = grace.begin();
    late.enter();
    first.leave();

    assertThat(grace.isOver(ticket)).isTrue();
    late.leave();
  }

  @Test
  void waitsForEveryGuardThatWasInside() {
    Grace grace = grace();
    Guard[] guards = new Guard[5];
    for (int i = 0; i < guards.length; i++) {
      guards[i] = grace.register();
      guards[i].enter();
    }
    int ticket = grace.begin();
    for (int i : new int[] {3, 0, 4, 2}) {
      guards[i].leave();
      assertThat(grace.isOver(ticket)).isFalse();
    }
    guards[1].leave();
    assertThat(grace.isOver(ticket)).isTrue();
  }

  @Test
  void ticketsAreOverInTheirOrder() {
    Grace grace = grace();
    Guard early = grace.register();
    Guard late = grace.register();
    early.enter();
    int first = grace.begin();
    late.enter();
    int second = grace.begin();

    late.leave();
    assertThat(grace.isOver(second)).as("only the first one's guard is inside").isFalse();
    assertThat(grace.isOver(first)).isFalse();

    early.leave();
    assertThat(grace.isOver(first)).isTrue();
    assertThat(grace.isOver(second)).isTrue();
  }

  @Test
  void nextIsTheTicketOfTheNextBeginAndNotOverBeforeIt() {
    Grace grace = grace();
    int next = grace.next();

    assertThat(grace.isOver(next)).isFalse();
    assertThat(grace.begin()).isEqualTo(next);
    assertThat(grace.isOver(next)).isTrue();
  }

  /// The one who clears during a begin may have cleared after its barrier: that begin is not for
  /// it.
  @Test
  void whatIsClearedDuringABeginWaitsForTheNextOne() {
    AtomicInteger during = new AtomicInteger();
    Grace grace =
        new Grace(membarrier, Ticker.system(), FAR, new HaltSwitch()) {
          @Override
          void barrier() {
            during.set(next());
            super.barrier();
          }
        };

    int ticket = grace.begin();

    assertThat(during.get() - ticket).isPositive();
    assertThat(grace.isOver(during.get())).isFalse();
  }

  @Test
  void aTicketOfLongAgoStaysOverWhenTheNumbersWrap() {
    Grace grace =
        new Grace(membarrier, Ticker.system(), FAR, new HaltSwitch(), Integer.MAX_VALUE - 1);
    int old = grace.begin();
    int wrapped = grace.begin();

    assertThat(old).isEqualTo(Integer.MAX_VALUE);
    assertThat(wrapped).isEqualTo(Integer.MIN_VALUE);
    assertThat(grace.isOver(old)).isTrue();
    assertThat(grace.isOver(wrapped)).isTrue();
    assertThat(grace.isOver(0)).as("a frame that has not moved since boot").isTrue();
    assertThat(grace.isOver(grace.next())).isFalse();
  }

  @Test
  void awaitReturnsWhenTheGuardHasLeftAndCountsTheWait() {
    AtomicLong clock = new AtomicLong();
    Grace grace = new Grace(membarrier, clock::get, FAR, new HaltSwitch());
    Guard guard = grace.register();
    guard.enter();
    int ticket = grace.begin();
    Helper<Boolean> waiter = Helper.start(() -> grace.await(ticket));
    waiter.awaitAsleep();

    clock.set(14);
    guard.leave();

    assertThat(waiter.join()).isTrue();
    assertThat(grace.waited()).containsExactly(1, 14, 0);
    assertThat(grace.latencies()).containsExactly(1, 16, 16);
  }

  /// A thread that is inside whenever somebody looks: how often must one look?
  @Nested
  class AThreadThatIsInsideAgainAndAgain {
    private static final int LOOKS = 1_000;

    private int looksUntilOver(Grace grace) {
      Guard guard = grace.register();
      guard.enter();
      int ticket = grace.begin();
      int looks = 0;
      boolean over = false;
      while (!over && looks < LOOKS) {
        guard.leave();
        guard.enter();
        over = grace.isOver(ticket);
        looks++;
      }
      return looks;
    }

    @Test
    void isSeenToHaveLeftAtTheFirstLook() {
      assertThat(looksUntilOver(grace())).isEqualTo(1);
    }

    @Test
    void wouldNeverBeSeenToHaveLeftIfTheGuardWereAFlag() {
      Grace flags =
          new Grace(membarrier, Ticker.system(), FAR, new HaltSwitch()) {
            @Override
            protected long look(Guard guard) {
              return super.look(guard) & 1;
            }
          };
      assertThat(looksUntilOver(flags)).isEqualTo(LOOKS);
    }
  }

  @Nested
  class AGuardThatDoesNotLeave {
    private final AtomicLong clock = new AtomicLong();
    private final HaltSwitch halt = new HaltSwitch();
    private final Grace grace = new Grace(membarrier, clock::get, 1_000, halt);
    private final Guard guard = grace.register();

    @Test
    void isWaitedForAsLongAsThePatienceGoesAndTheTicketStaysOpen() {
      guard.enter();
      int ticket = grace.begin();
      Helper<Boolean> waiter = Helper.start(() -> grace.await(ticket));
      waiter.awaitAsleep();
      clock.set(1_000);
      waiter.awaitAsleep();

      clock.set(1_001);

      assertThat(waiter.join()).isFalse();
      assertThat(grace.waited()).containsExactly(1, 1_001, 1);
      assertThat(grace.isOver(ticket)).isFalse();
      guard.leave();
      assertThat(grace.isOver(ticket)).isTrue();
    }

    @Test
    void isWaitedForOnceNotOnceByEachWhoNeedsIt() {
      guard.enter();
      grace.begin();
      clock.set(1_001);
      int late = grace.begin();

      assertThat(grace.await(late)).isFalse();
      assertThatThrownBy(() -> grace.synchronize("unmap"))
          .isInstanceOf(AccessUnderWayException.class)
          .hasMessageStartingWith("unmap: ");
      guard.leave();
      assertThat(grace.await(late)).isTrue();
      grace.synchronize("unmap");
    }

    @Test
    void isNotWaitedForOnceTheMachineIsHalted() {
      guard.enter();
      int ticket = grace.begin();
      Helper<Boolean> waiter =
          Helper.start(() -> {
            assertThatThrownBy(() -> grace.await(ticket))
                .isInstanceOf(MachineHaltedException.class);
            return true;
          });
      waiter.awaitAsleep();

      halt.halt(new VmPanic("on purpose"));

      assertThat(waiter.join()).isTrue();
    }
  }

  @Test
  void aGuardThatWasUnregisteredIsNotLookedAt() {
    Grace grace = grace();
    Guard guard = grace.register();
    guard.enter();
    grace.unregister(guard);

    assertThat(grace.isOver(grace.begin())).isTrue();
  }

  /// A frame goes from thread to thread: a store after its grace period would show in it.
  @Test
  void noGuardedStoreLandsAfterTheGracePeriod() {
    Grace grace = grace();
    AtomicInteger entry = new AtomicInteger();
    AtomicInteger frame = new AtomicInteger();
    int rounds = 3_000;
    Helper<Boolean> writer =
        Helper.run(() -> {
          Guard guard = grace.register();
          for (int seen = 0; seen >= 0; ) {
            guard.enter();
            seen = entry.getAcquire();
            if (seen > 0) {
              frame.setOpaque(seen);
            }
            guard.leave();
          }
        });
    for (int i = 1; i <= rounds; i++) {
      entry.set(i);
      while (frame.get() != i && !writer.isDone()) {
        Thread.onSpinWait();
      }
      entry.set(0);
      grace.await(grace.begin());
      frame.set(0);
      for (int spin = 0; spin < 20; spin++) {
        assertThat(frame.getOpaque()).as("round %d", i).isZero();
      }
    }
    entry.set(-1);
    writer.join();
  }
}
