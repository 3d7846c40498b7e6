package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WaitChannelTest {
  private static final long FAR = TimeUnit.SECONDS.toNanos(15);

  private final WaitChannel channel = new WaitChannel("a test");

  @Test
  void aWakeupBetweenTicketAndSleepIsNotLost() {
    int ticket = channel.ticket();
    channel.wakeAll();

    assertThat(channel.await(ticket, FAR)).isTrue();
  }

  @Test
  void aSleepEndsWhenItsTimeIsOver() {
    assertThat(channel.await(channel.ticket(), 1_000_000)).isFalse();
  }

  @Test
  void aWakeupWakesEverySleeper() {
    int ticket = channel.ticket();
    Helper<Boolean> one = Helper.start(() -> channel.await(ticket, FAR));
    Helper<Boolean> two = Helper.start(() -> channel.await(ticket, FAR));
    one.awaitAsleep();
    two.awaitAsleep();

    channel.wakeAll();

    assertThat(one.join()).isTrue();
    assertThat(two.join()).isTrue();
  }

  @Test
  void aTicketOfAfterTheWakeupSleepsOn() {
    channel.wakeAll();

    assertThat(channel.await(channel.ticket(), 1)).isFalse();
  }

  @Test
  void anInterruptDoesNotWakeAndStaysPending() {
    int ticket = channel.ticket();
    Helper<Boolean> sleeper =
        Helper.start(() -> {
          boolean woken = channel.await(ticket, FAR);
          return woken && Thread.interrupted();
        });
    sleeper.awaitAsleep();

    sleeper.interrupt();
    sleeper.awaitAsleep();
    assertThat(sleeper.isDone()).isFalse();
    channel.wakeAll();

    assertThat(sleeper.join()).as("woken by the wakeup, interrupted all the same").isTrue();
  }

  @Test
  void aStormOfInterruptsDoesNotMakeASleepLonger() {
    Helper<Boolean> sleeper =
        Helper.start(() -> channel.await(channel.ticket(), TimeUnit.MILLISECONDS.toNanos(50)));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (!sleeper.isDone() && System.nanoTime() < end) {
      sleeper.interrupt();
    }

    assertThat(sleeper.isDone()).isTrue();
    assertThat(sleeper.join()).isFalse();
  }

  @Test
  void noHandshakeIsLostInManyRounds() {
    int rounds = 20_000;
    WaitChannel back = new WaitChannel("the other direction");
    int[] sent = new int[1];
    int[] received = new int[1];
    Object lock = new Object();
    Helper<Boolean> receiver =
        Helper.run(() -> {
          for (int i = 1; i <= rounds; i++) {
            awaitValue(channel, lock, sent, i);
            synchronized (lock) {
              received[0] = i;
            }
            back.wakeAll();
          }
        });
    for (int i = 1; i <= rounds; i++) {
      synchronized (lock) {
        sent[0] = i;
      }
      channel.wakeAll();
      awaitValue(back, lock, received, i);
    }
    receiver.join();
  }

  /// A lost wakeup shows as a sleep that ends by its time.
  private static void awaitValue(WaitChannel channel, Object lock, int[] cell, int wanted) {
    for (; ; ) {
      int ticket = channel.ticket();
      synchronized (lock) {
        if (cell[0] == wanted) {
          return;
        }
      }
      assertThat(channel.await(ticket, FAR)).as("a wakeup was lost").isTrue();
    }
  }

  @Test
  void aWakeupUnderASpinLockIsRefused() {
    LockOrder.took(LockRank.QUEUE);
    try {
      assertThatThrownBy(channel::wakeAll).isInstanceOf(AssertionError.class);
    } finally {
      LockOrder.gave(LockRank.QUEUE);
    }
  }

  @Test
  void aSleepUnderASpinLockIsRefused() {
    VmThread self = new VmThread("self", 0, false, 0);
    LockOrder.took(LockRank.PAGE);
    try {
      assertThatThrownBy(() -> self.sleep(channel, channel.ticket(), 1))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("a test");
      assertThatThrownBy(() -> self.blocking(() -> true)).isInstanceOf(AssertionError.class);
    } finally {
      LockOrder.gave(LockRank.PAGE);
    }
  }

  @Test
  void theChannelOfAKeyIsAlwaysTheSame() {
    WaitTable table = new WaitTable("a test");
    for (long key = -3; key < 1000; key++) {
      assertThat(table.of(key)).isSameAs(table.of(key));
    }
  }
}
