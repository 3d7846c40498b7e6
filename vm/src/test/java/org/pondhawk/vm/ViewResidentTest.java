package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;

/// Accesses that never wait, and accesses that wait until a deadline.
class ViewResidentTest {
  private static final int PAGE = 4096;

  @Nested
  class WhatIsNotResident {
    @Test
    void isAnAnswerAndStaysAbsent() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(8 * PAGE, Protection.READ_WRITE);
        byte[] bytes = {7, 7, 7};

        assertThat(view.isResident(base)).isFalse();
        assertThat(view.tryGetLong(base, -5)).isEqualTo(-5);
        assertThat(view.tryCopyTo(base, bytes, 0, 3)).isZero();
        assertThat(view.tryCopyFrom(bytes, 0, 3, base)).isZero();
        assertThat(bytes).containsExactly(7, 7, 7);
        assertThat(view.isResident(base)).as("none of them brought it in").isFalse();
        assertThat(view.isResident(0)).as("where nothing is mapped").isFalse();
      }
    }

    @Test
    void endsACopy() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(8 * PAGE, Protection.READ_WRITE);
        view.fill(base, 2 * PAGE, (byte) 3);
        byte[] bytes = new byte[3 * PAGE];

        assertThat(view.tryCopyTo(base + 100, bytes, 50, 2 * PAGE)).isEqualTo(2 * PAGE - 100);
        assertThat(bytes[49]).isZero();
        assertThat(bytes[50]).isEqualTo((byte) 3);
        assertThat(bytes[2 * PAGE - 51]).isEqualTo((byte) 3);
        assertThat(bytes[2 * PAGE - 50]).isZero();
        Arrays.fill(bytes, (byte) 9);
        assertThat(view.tryCopyFrom(bytes, 0, 2 * PAGE, base + PAGE)).isEqualTo(PAGE);
        assertThat(view.getByte(base + 2 * PAGE - 1)).isEqualTo((byte) 9);
        assertThat(view.isResident(base + 2 * PAGE)).isFalse();
      }
    }

    @Test
    void makesALongAcrossTwoPagesAbsent() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(8 * PAGE, Protection.READ_WRITE);
        view.putByte(base, (byte) 1);

        assertThat(view.tryGetLong(base + PAGE - 4, -5)).isEqualTo(-5);
        view.putLong(base + PAGE - 4, 0x0123_4567_89ab_cdefL);
        assertThat(view.tryGetLong(base + PAGE - 4, -5)).isEqualTo(0x0123_4567_89ab_cdefL);
        assertThat(view.tryGetLong(base + PAGE, -5)).isEqualTo(view.getLong(base + PAGE));
      }
    }

    @Test
    void mayHaveBeenEvicted() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.mapTwiceTheMemory();
        view.putLong(base, 42);
        view.fill(base + PAGE, 2 * fixture.frameBytes() - PAGE, (byte) 1);

        assertThat(view.tryGetLong(base, -5)).isEqualTo(-5);
        assertThat(view.getLong(base)).isEqualTo(42);
        assertThat(view.tryGetLong(base, -5)).isEqualTo(42);
      }
    }
  }

  @Nested
  class ADeadline {
    private final NoGrace grace = new NoGrace();

    @Test
    void endsAWaitThatTheMachineWouldGoOnWith() {
      Duration took = timeOfAFillThatFails(Duration.ofMillis(300));

      assertThat(took).isBetween(Duration.ofMillis(300), Duration.ofSeconds(20));
    }

    @Test
    void ofZeroWaitsForNothing() {
      Duration took = timeOfAFillThatFails(Duration.ZERO);

      assertThat(took).isLessThan(Duration.ofSeconds(20));
    }

    /// Nothing can be reclaimed while no grace period ends, and the machine would wait for 30 s.
    private Duration timeOfAFillThatFails(Duration deadline) {
      try (ViewFixture fixture = new ViewFixture(PAGE, 0, grace)) {
        View view = fixture.view;
        long base = fixture.mapTwiceTheMemory();
        long bytes = 2 * fixture.frameBytes();
        long from = System.nanoTime();
        try {
          grace.end(false);
          view.setDeadline(deadline);
          assertThatThrownBy(() -> view.fill(base, bytes, (byte) 1))
              .isInstanceOf(OutOfPagesException.class)
              .hasMessageContaining("deadline");
        } finally {
          grace.end(true); // or the machine could not be closed
        }
        Duration took = Duration.ofNanos(System.nanoTime() - from);
        view.clearDeadline();
        view.fill(base, bytes, (byte) 2);
        assertThat(view.getByte(base + bytes - 1)).isEqualTo((byte) 2);
        return took;
      }
    }

    @Test
    void liesInTheFuture() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;

        assertThatThrownBy(() -> view.setDeadline(Duration.ofNanos(-1)))
            .isInstanceOf(IllegalArgumentException.class);
        view.setDeadline(Duration.ofSeconds(Long.MAX_VALUE));
        long base = fixture.mapTwiceTheMemory();
        view.fill(base, 2 * fixture.frameBytes(), (byte) 1);
      }
    }
  }

  /// A grace period that is not over until it is told so: then nothing can be reclaimed.
  private static final class NoGrace implements Seams {
    private volatile boolean ends = true;
    private volatile int lastThatEnds;

    void end(boolean end) {
      lastThatEnds = end ? 0 : lastBegun;
      ends = end;
    }

    private volatile int lastBegun;

    @Override
    public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
      return new Grace(asymmetric, ticker, patienceNanos, halt) {
        @Override
        public int begin() {
          int ticket = super.begin();
          lastBegun = ticket;
          return ticket;
        }

        @Override
        public boolean isOver(int ticket) {
          return (ends || ticket - lastThatEnds <= 0) && super.isOver(ticket);
        }
      };
    }
  }
}
