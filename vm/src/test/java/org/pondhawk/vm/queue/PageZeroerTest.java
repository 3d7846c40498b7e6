package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;

/// The zeroer's own thread: when it works, sleeps, rests and ends. [ZeroedFramesTest] has what it
/// does to frames.
class PageZeroerTest {
  private static final int COLOR = 5;

  /// Much less than the zeroer sleeps when nobody wakes it.
  private static final long WELL_BEFORE_IT_WAKES_NANOS = TimeUnit.SECONDS.toNanos(7);

  private final TestMachine machine = new TestMachine(4096);
  private final PageParts parts = machine.vm.page();
  private final PageAllocator allocator = machine.vm.allocator();
  private final PageZeroer zeroer = machine.vm.zeroer();
  private final VmThread self = machine.self;
  private final HaltSwitch halt = new HaltSwitch();

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private PageZeroer zeroerWith(Ticker ticker) {
    return new PageZeroer(
        parts.pages(),
        parts.busy(),
        parts.queues(),
        parts.stats(),
        parts.gate().pressure(),
        halt,
        ticker,
        new VmThread("zero", 0, true, 0).endsWith(halt));
  }

  private long zeroedAhead() {
    return parts.stats().total(Event.ZEROED_AHEAD);
  }

  /// Uses every frame of some colours, so that none of them is zero.
  private void use(int colors) {
    List<Integer> all = new ArrayList<>();
    for (int color = COLOR; color < COLOR + colors; color++) {
      while (parts.queues().length(PageQueue.FREE.index(color)) > 0) {
        all.add(allocator.allocate(self, color, AllocClass.NORMAL));
      }
    }
    all.forEach(page -> allocator.free(self, page));
  }

  private void awaitZeroedAhead(long more) {
    long began = System.nanoTime();
    while (zeroedAhead() < more) {
      assertThat(System.nanoTime() - began).isLessThan(WELL_BEFORE_IT_WAKES_NANOS);
      Thread.onSpinWait();
    }
  }

  @Test
  void sleepsUntilAPageIsFreed() {
    Helper<Boolean> thread = Helper.run(zeroer).awaitAsleep();
    assertThat(zeroedAhead()).isZero();
    use(1);
    awaitZeroedAhead(1);
    zeroer.stop();
    thread.join();
  }

  @Test
  void worksBeforeItSleeps() {
    use(8);
    Helper<Boolean> thread = Helper.run(zeroer);
    awaitZeroedAhead(8);
    zeroer.stop();
    thread.join();
  }

  @Test
  void isEndedInItsSleep() {
    Helper<Boolean> thread = Helper.run(zeroer).awaitAsleep();
    long began = System.nanoTime();
    zeroer.stop();
    thread.join();
    assertThat(System.nanoTime() - began).isLessThan(WELL_BEFORE_IT_WAKES_NANOS);
  }

  @Test
  void doesNothingOnceItIsStopped() {
    use(8);
    zeroer.stop();
    zeroer.run();
    assertThat(zeroer.round()).isFalse();
    assertThat(zeroedAhead()).isZero();
  }

  @Test
  void endsWithTheMachine() {
    use(8);
    PageZeroer halted = zeroerWith(() -> 0);
    halt.halt(new VmPanic("on purpose"));
    halted.run();
    assertThat(zeroedAhead()).isZero();
  }

  @Test
  void restsWhereABatchTookSoLongThatSomebodyElseHadTheProcessor() {
    use(512);
    AtomicLong clock = new AtomicLong();
    PageZeroer slow = zeroerWith(() -> clock.addAndGet(1_000_000));
    Helper<Boolean> round = Helper.start(slow::round).awaitAsleep();
    slow.stop();
    assertThat(round.join()).isTrue();
  }

  @Test
  void doesNotRestWhereNobodyElseWantsTheProcessor() {
    use(512);
    AtomicLong asked = new AtomicLong();
    PageZeroer quick =
        zeroerWith(() -> {
          asked.incrementAndGet();
          return 0;
        });
    long began = System.nanoTime();
    assertThat(quick.round()).isTrue();
    assertThat(asked.get() / 2).as("it looks at the clock around each batch").isGreaterThan(32);
    assertThat(System.nanoTime() - began)
        .as("a rest after each, twice as long each time, lasts more than 8 seconds")
        .isLessThan(TimeUnit.SECONDS.toNanos(5));
  }

  @Test
  void lendsItsWorkToNobodyForGood() {
    use(8);
    assertThat(zeroer.round()).isTrue();
    Helper.run(
            () -> {
              zeroer.pause();
              zeroer.resume();
            })
        .join();
    zeroer.pause();
    zeroer.resume();
  }

  @Test
  void waitsWhileSomebodyInspects() {
    use(8);
    zeroer.pause();
    Helper<Boolean> round = Helper.start(zeroer::round).awaitAsleep();
    assertThat(zeroedAhead()).isZero();
    zeroer.resume();
    assertThat(round.join()).isTrue();
  }

  @Test
  void haltsTheMachineWhereItFails() {
    PageZeroer broken =
        zeroerWith(() -> {
          throw new VmPanic("no clock");
        });
    broken.run();
    assertThatThrownBy(halt::check).isInstanceOf(MachineHaltedException.class);
  }

  @Test
  void haltsTheMachineAndPassesOnWhatIsNotItsOwn() {
    PageZeroer broken =
        zeroerWith(() -> {
          throw new OutOfMemoryError("on purpose");
        });
    assertThatThrownBy(broken::run).isInstanceOf(OutOfMemoryError.class);
    assertThatThrownBy(halt::check).isInstanceOf(MachineHaltedException.class);
  }
}
