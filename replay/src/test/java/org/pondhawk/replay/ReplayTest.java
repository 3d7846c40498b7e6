package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.error.OutOfPagesException;

/// The replay itself, on a machine that is a map; the real one is tested with the command line.
@Timeout(60)
class ReplayTest {
  private static final Trace TRACE = trace(2_000);

  private static Trace trace(int references) {
    var trace = new CompactTraces().pages(5, 6, 7, 100, 0xf_ffff_ffff_f600L);
    for (int i = 0; i < references; i++) {
      int page = i < 5 ? i : i * 7 % 5;
      if (i % 3 == 0) {
        trace.write(page);
      } else {
        trace.read(page);
      }
    }
    return trace.trace("walk");
  }

  private static ReplayPlan plan(int copies, @Nullable Duration duration) {
    VmConfig config = VmConfig.builder().physicalMemory(1 << 20).swap(1 << 21).cpus(2).build();
    return new ReplayPlan(List.of(TRACE), copies, config, 9, duration);
  }

  private static Replay replay(ReplayPlan plan, Machine machine) {
    return new Replay(plan, machine, Thread.ofPlatform().daemon().factory(), System::nanoTime);
  }

  private static ReplayReport run(int copies, FakeMachine machine) {
    try (Replay replay = replay(plan(copies, null), machine)) {
      return replay.run(_ -> {});
    }
  }

  @Test
  void showsItsMachineUntilItIsClosed() {
    try (Replay replay = replay(plan(1, null), new FakeMachine(4096))) {
      assertThat(replay.show(Exhibit.PAGEQ)).isEqualTo("a fake PAGEQ");
    }
  }

  @Test
  void ofAGoodMachineIsGood() {
    var machine = new FakeMachine(4096);

    ReplayReport report = run(3, machine);

    assertThat(report.isGood()).isTrue();
    assertThat(report.failure()).isNull();
    assertThat(report.check()).isEqualTo("clean");
    assertThat(report.stopped()).isFalse();
    assertThat(report.references()).isEqualTo(3 * 2_000);
    assertThat(report.writes()).isEqualTo(3 * 667);
    assertThat(report.footprintBytes()).isEqualTo(3 * 5 * 4096);
    assertThat(report.wrongBytes()).isZero();
    assertThat(report.uncheckedBytes()).isZero();
    assertThat(report.checkedBytes()).isEqualTo(3 * (1_333 * 24 + 5 * 4096));
    assertThat(report.referencesPerSecond()).isPositive();
    assertThat(report.processes())
        .extracting(ProcessReport::name)
        .containsExactly("walk#1", "walk#2", "walk#3");
    assertThat(report.processes()).allMatch(process -> process.passes() == 1);
    assertThat(machine.open).hasValue(0);
  }

  @Test
  void givesNoTwoProcessesTheSameBytes() {
    var machine = new FakeMachine(4096);

    run(2, machine);

    assertThat(machine.processes.get(0).page(5 * 4096))
        .isNotEqualTo(machine.processes.get(1).page(5 * 4096));
  }

  @Test
  void reportsEveryWrongByte() {
    var machine =
        new FakeMachine(4096) {
          @Override
          public Memory newProcess() {
            return new Memory() {
              @Override
              public void read(long address, byte[] into) {
                super.read(address, into);
                into[100] ^= 1;
              }
            };
          }
        };

    ReplayReport report = run(1, machine);

    assertThat(report.isGood()).isFalse();
    assertThat(report.wrongBytes()).isEqualTo(5);
    assertThat(report.processes().getFirst().wrongPlaces())
        .hasSize(5)
        .allMatch(place -> place.offset() == 96 && place.atTheEnd());
  }

  @Test
  void noticesAStoreThatWasLostOnItsWay() {
    var stores = new AtomicInteger();
    var machine =
        new FakeMachine(4096) {
          @Override
          public Memory newProcess() {
            return new Memory() {
              @Override
              public void putLong(long address, long value) {
                if (stores.incrementAndGet() != 700) {
                  super.putLong(address, value);
                }
              }
            };
          }
        };

    assertThat(run(1, machine).wrongBytes()).isPositive();
  }

  @Test
  void reportsWhatTheExaminationFinds() {
    var machine =
        new FakeMachine(4096) {
          @Override
          public List<String> check() {
            return List.of("page 7 is on two queues");
          }
        };

    ReplayReport report = run(1, machine);

    assertThat(report.isGood()).isFalse();
    assertThat(report.check())
        .isEqualTo("page 7 is on two queues; page 7 is on two queues (after the processes closed)");
  }

  @Test
  void reportsAnExaminationThatFails() {
    var machine =
        new FakeMachine(4096) {
          @Override
          public List<String> check() {
            throw new IllegalStateException("halted");
          }
        };

    assertThat(run(1, machine).check()).contains("the examination failed").contains("halted");
  }

  @Test
  void outOfSwapEndsItAndTheOthersAreChecked() {
    var machine = new FailingMachine(new OutOfPagesException("swap is full"));

    ReplayReport report = run(2, machine);

    assertThat(report.isGood()).isFalse();
    assertThat(report.failure()).contains("out of memory and swap").contains("swap is full");
    assertThat(report.processes()).filteredOn(process -> process.failure() != null).hasSize(1);
    assertThat(report.processes())
        .filteredOn(process -> process.failure() == null)
        .allMatch(process -> process.finalCheckedBytes() == 5 * 4096);
    assertThat(report.wrongBytes()).isZero();
    assertThat(machine.open).hasValue(0);
  }

  @Test
  void anErrorOfAProcessIsItsFailure() {
    ReplayReport report = run(2, new FailingMachine(new AssertionError("broken")));

    assertThat(report.failure()).contains("AssertionError: broken");
  }

  /// Fails one process at its 300th store.
  private static final class FailingMachine extends FakeMachine {
    private final Throwable failure;
    private final AtomicBoolean failed = new AtomicBoolean();

    FailingMachine(Throwable failure) {
      super(4096);
      this.failure = failure;
    }

    @Override
    public Memory newProcess() {
      open.incrementAndGet();
      return new Memory() {
        private int stores;

        @Override
        public void putLong(long address, long value) {
          stores++;
          if (stores == 300 && failed.compareAndSet(false, true)) {
            switch (failure) {
              case RuntimeException e -> throw e;
              case Error e -> throw e;
              default -> throw new AssertionError(failure);
            }
          }
          super.putLong(address, value);
        }
      };
    }
  }

  @Test
  void repeatsUntilTheTimeIsOver() {
    try (Replay replay = replay(plan(1, Duration.ofMillis(300)), new FakeMachine(4096))) {
      ReplayReport report = replay.run(_ -> {});

      assertThat(report.isGood()).isTrue();
      assertThat(report.stopped()).isFalse();
      assertThat(report.processes().getFirst().passes()).isGreaterThan(1);
      assertThat(report.references()).isGreaterThan(4_000);
      assertThat(report.times().replayNanos()).isGreaterThan(300_000_000L);
    }
  }

  @Test
  void tellsItsListenerEverySecondAndStopsWhenAsked() {
    var samples = new ArrayList<ReplaySample>();
    try (Replay replay = replay(plan(2, Duration.ofHours(1)), new FakeMachine(4096))) {
      ReplayReport report =
          replay.run(sample -> {
            samples.add(sample);
            replay.requestStop();
          });

      assertThat(report.stopped()).isTrue();
      assertThat(report.isGood()).isTrue();
      assertThat(report.uncheckedBytes()).isZero();
      assertThat(report.times().elapsedNanos()).isLessThan(3_000_000_000L);
    }
    assertThat(samples)
        .hasSize(2)
        .allMatch(sample -> sample.stage() == Stage.REPLAY)
        .allMatch(sample -> sample.references() > 0)
        .allMatch(sample -> sample.elapsedNanos() >= 1_000_000_000L);
  }

  @Test
  void isGivenUpWhenAProcessDoesNotStop() throws InterruptedException {
    var machine = new StuckMachine();
    try (Replay replay = replay(plan(1, null), machine)) {
      ReplayReport report = replay.run(_ -> replay.requestStop());

      assertThat(report.stopped()).isTrue();
      assertThat(report.failure()).contains("did not end in time");
      assertThat(report.check()).startsWith("not examined");
      assertThat(report.uncheckedBytes()).isEqualTo(5 * 4096);
    }
    assertThat(machine.closed.await(1, TimeUnit.SECONDS)).isTrue();
    machine.never.countDown();
  }

  @Test
  void isGivenUpWhenNothingMoves() {
    var machine = new StuckMachine();
    var ahead = new AtomicLong();
    try (Replay replay =
        new Replay(
            plan(1, null),
            machine,
            Thread.ofPlatform().daemon().factory(),
            () -> System.nanoTime() + ahead.get())) {
      ReplayReport report = replay.run(_ -> ahead.set(TimeUnit.MINUTES.toNanos(3)));

      assertThat(report.failure()).contains("no progress for 120 s");
      assertThat(report.stopped()).isFalse();
      assertThat(report.isGood()).isFalse();
    }
    machine.never.countDown();
  }

  /// Reads never come back, until the test ends.
  private static final class StuckMachine extends FakeMachine {
    final CountDownLatch never = new CountDownLatch(1);
    final CountDownLatch closed = new CountDownLatch(1);

    StuckMachine() {
      super(4096);
    }

    @Override
    public Memory newProcess() {
      return new Memory() {
        @Override
        public long getLong(long address) {
          awaitForever(never);
          return 0;
        }
      };
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  private static void awaitForever(CountDownLatch never) {
    try {
      never.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void isInterruptedLikeARequestToStop() {
    try (Replay replay = replay(plan(1, Duration.ofHours(1)), new FakeMachine(4096))) {
      Thread.currentThread().interrupt();

      ReplayReport report = replay.run(_ -> {});

      assertThat(Thread.interrupted()).isTrue();
      assertThat(report.stopped()).isTrue();
      assertThat(report.isGood()).isTrue();
    }
  }
}
