package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class TokenTest {
  private static final long FAR = TimeUnit.SECONDS.toNanos(10);

  private final Token first = new Token(1);
  private final Token second = new Token(2);
  private final VmThread self = thread("self");

  private static VmThread thread(String name) {
    return new VmThread(name, 0, false, 0);
  }

  @AfterEach
  void nothingIsLeftTaken() {
    assertThat(first).hasToString("token 1 -- n=0");
    assertThat(second).hasToString("token 2 -- n=0");
    assertThat(self.holdsNothing()).isTrue();
  }

  @Nested
  class Shared {
    @Test
    void isHeldByManyAndExcludesAnExclusiveOne() {
      VmThread other = thread("other");
      first.lock(self, false);

      assertThat(first.tryLock(other, false)).isTrue();
      assertThat(first.tryLock(thread("third"), true)).isFalse();

      assertThat(first).hasToString("token 1 -- n=2");
      first.unlock(other);
      first.unlock(self);
    }

    @Test
    void isTakenAgainByItsHolderWithoutTouchingTheWord() {
      first.lock(self, false);
      first.lock(self, false);
      assertThat(first).hasToString("token 1 -- n=1");

      first.unlock(self);
      assertThat(self.holds(first)).isTrue();
      first.unlock(self);
    }

    @Test
    void doesNotBecomeExclusiveByTakingItAgain() {
      first.lock(self, false);

      assertThatThrownBy(() -> first.lock(self, true))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("shared and wants it exclusively");

      first.unlock(self);
    }
  }

  @Nested
  class Exclusive {
    @Test
    void excludesEverybodyElse() {
      VmThread other = thread("other");
      first.lock(self, true);

      assertThat(first.tryLock(other, false)).isFalse();
      assertThat(first.tryLock(other, true)).isFalse();
      assertThat(self.holdsExclusively(first)).isTrue();

      first.unlock(self);
    }

    @Test
    void mayBeTakenSharedAgainAndStaysExclusive() {
      first.lock(self, true);
      first.lock(self, false);

      first.unlock(self);
      assertThat(self.holdsExclusively(first)).isTrue();
      first.unlock(self);
    }

    @Test
    void isWaitedForUntilTheLastSharedHolderGivesUp() {
      VmThread other = thread("other");
      first.lock(self, false);
      first.lock(other, false);
      Helper<Boolean> waiter =
          Helper.run(() -> {
            VmThread me = thread("waiter");
            first.lock(me, true);
            first.unlock(me);
          });
      waiter.awaitAsleep();

      first.unlock(other);
      assertThat(waiter.isDone()).isFalse();
      first.unlock(self);

      waiter.join();
    }

    @Test
    void thatIsWaitedForIsNotOvertakenByNewSharedHolders() {
      first.lock(self, false);
      Helper<Boolean> waiter =
          Helper.run(() -> {
            VmThread me = thread("waiter");
            first.lock(me, true);
            first.unlock(me);
          });
      waiter.awaitAsleep();

      assertThat(first.tryLock(thread("newcomer"), false)).as("queues behind the waiter").isFalse();

      first.unlock(self);
      waiter.join();
    }
  }

  @Nested
  class Upgrade {
    @Test
    void ofTheOnlySharedHolderGivesNothingUp() {
      first.lock(self, false);

      assertThat(first.upgrade(self)).isFalse();

      assertThat(self.holdsExclusively(first)).isTrue();
      assertThat(first).hasToString("token 1 E- n=0");
      first.unlock(self);
    }

    @Test
    void ofAnExclusiveHolderDoesNothing() {
      first.lock(self, true);
      assertThat(first.upgrade(self)).isFalse();
      first.unlock(self);
    }

    @Test
    void besideAnotherHolderWaitsForItAndSaysThatTheTokenWasGivenUp() {
      VmThread other = thread("other");
      first.lock(other, false);
      Helper<Boolean> upgrader =
          Helper.start(() -> {
            VmThread me = thread("upgrader");
            first.lock(me, false);
            boolean givenUp = first.upgrade(me);
            first.unlock(me);
            return givenUp;
          });
      upgrader.awaitAsleep();

      first.unlock(other);

      assertThat(upgrader.join()).isTrue();
    }

    @Test
    void ofTwoAtOnceLetsBothThroughInTurn() {
      CountDownLatch bothShare = new CountDownLatch(2);
      Runnable body =
          () -> {
            VmThread me = thread("upgrader");
            first.lock(me, false);
            bothShare.countDown();
            while (bothShare.getCount() > 0) {
              Thread.onSpinWait();
            }
            first.upgrade(me);
            assertThat(me.holdsExclusively(first)).isTrue();
            first.unlock(me);
          };
      Helper<Boolean> one = Helper.run(body);
      Helper<Boolean> two = Helper.run(body);
      one.join();
      two.join();
    }
  }

  @Nested
  class WhileItsHolderSleeps {
    @Test
    void othersTakeItAndItIsBackAfterwards() {
      WaitChannel channel = new WaitChannel("a test");
      Helper<Boolean> sleeper =
          Helper.start(() -> {
            VmThread me = thread("sleeper");
            second.lock(me, true);
            first.lock(me, false);
            boolean woken = me.sleep(channel, channel.ticket(), FAR);
            assertThat(me.holdsExclusively(second)).isTrue();
            assertThat(me.holds(first)).isTrue();
            first.unlock(me);
            second.unlock(me);
            return woken;
          });
      sleeper.awaitAsleep();

      first.lock(self, true);
      second.lock(self, true);
      second.unlock(self);
      first.unlock(self);
      channel.wakeAll();

      assertThat(sleeper.join()).isTrue();
    }

    @Test
    void itIsWaitedForAgainIfSomebodyHasItWhenTheSleepEnds() {
      WaitChannel channel = new WaitChannel("a test");
      Helper<Boolean> sleeper =
          Helper.run(() -> {
            VmThread me = thread("sleeper");
            first.lock(me, true);
            me.sleep(channel, channel.ticket(), FAR);
            first.unlock(me);
          });
      sleeper.awaitAsleep();
      first.lock(self, true);

      channel.wakeAll();
      sleeper.awaitAsleep();
      assertThat(sleeper.isDone()).isFalse();

      first.unlock(self);
      sleeper.join();
    }

    @Test
    void itIsGivenUpAroundABlockingCallEvenOneThatFails() throws Exception {
      first.lock(self, true);
      VmThread other = thread("other");

      assertThatThrownBy(() ->
              self.blocking(() -> {
                assertThat(first.tryLock(other, true)).isTrue();
                first.unlock(other);
                throw new java.io.IOException("on purpose");
              }))
          .hasMessage("on purpose");

      assertThat(self.holdsExclusively(first)).isTrue();
      first.unlock(self);
    }

    @Test
    void recursionIsKept() {
      WaitChannel channel = new WaitChannel("a test");
      first.lock(self, true);
      first.lock(self, true);
      self.sleep(channel, channel.ticket(), 1);
      first.unlock(self);
      assertThat(self.holdsExclusively(first)).isTrue();
      first.unlock(self);
    }
  }

  @Nested
  class TwoTokens {
    @Test
    void anotherIsGivenUpWhileOneIsWaitedFor() {
      first.lock(self, true);
      Helper<Boolean> waiter =
          Helper.start(() -> {
            VmThread me = thread("waiter");
            second.lock(me, true);
            boolean givenUp = first.lock(me, true);
            assertThat(me.holdsExclusively(second)).isTrue();
            first.unlock(me);
            second.unlock(me);
            return givenUp;
          });
      waiter.awaitAsleep();

      assertThat(second.tryLock(self, true)).as("the waiter gave it up").isTrue();

      second.unlock(self);
      first.unlock(self);
      assertThat(waiter.join()).isTrue();
    }

    @Test
    void takenInOppositeOrdersDoNotDeadlockAndExclude() {
      int[] plain = new int[1];
      int rounds = 20_000;
      Helper<Boolean> one = Helper.run(() -> increment(first, second, plain, rounds));
      Helper<Boolean> two = Helper.run(() -> increment(second, first, plain, rounds));

      one.join();
      two.join();

      assertThat(plain[0]).isEqualTo(2 * rounds);
    }

    private void increment(Token outer, Token inner, int[] plain, int rounds) {
      VmThread me = thread("incrementer");
      for (int i = 0; i < rounds; i++) {
        outer.lock(me, true);
        inner.lock(me, true);
        plain[0]++;
        inner.unlock(me);
        outer.unlock(me);
      }
    }

    @Test
    void mixedModesNeverShowAHalfDoneChange() {
      int[] pair = new int[2];
      int rounds = 20_000;
      Helper<Boolean> writer =
          Helper.run(() -> {
            VmThread me = thread("writer");
            for (int i = 0; i < rounds; i++) {
              first.lock(me, true);
              pair[0]++;
              pair[1]++;
              first.unlock(me);
            }
          });
      Helper<Boolean> reader =
          Helper.run(() -> {
            VmThread me = thread("reader");
            for (int i = 0; i < rounds; i++) {
              first.lock(me, false);
              assertThat(pair[0]).isEqualTo(pair[1]);
              first.unlock(me);
            }
          });
      writer.join();
      reader.join();
    }
  }

  @Nested
  class Misuse {
    @Test
    void givingBackWhatIsNotHeldIsRefused() {
      assertThatThrownBy(() -> first.unlock(self))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("without holding it");
    }

    @Test
    void moreTokensThanAThreadCanHoldAreRefusedAndNotKept() {
      Token[] many = new Token[9];
      for (int i = 0; i < many.length; i++) {
        many[i] = new Token(10 + i);
      }
      for (int i = 0; i < 8; i++) {
        many[i].lock(self, true);
      }
      assertThatThrownBy(() -> many[8].lock(self, true)).isInstanceOf(IllegalStateException.class);
      assertThat(many[8].tryLock(thread("other"), true)).isTrue();
      for (int i = 0; i < 8; i++) {
        many[i].unlock(self);
      }
    }
  }
}
