package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.queue.Event;

class LowMemoryKillTest {
  private static final int PAGE = TestMachine.PAGE_SIZE;
  private static final String SWITCH = "vm.lowmem_kill";

  private final TestMachine machine;
  private final LowMemoryKill kill;

  LowMemoryKillTest(@TempDir Path folder) {
    machine = new TestMachine(256, folder, 8 << 20, Map.of(SWITCH, 1L));
    kill = machine.vm.lowMemory();
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private Space filled(int pages) {
    Space space = machine.vm.newSpace();
    long at = machine.map(space, pages);
    for (int i = 0; i < pages; i++) {
      machine.put(space, at + (long) i * PAGE, i);
    }
    return space;
  }

  private boolean relieve() {
    return kill.relieve(machine.self);
  }

  private static boolean isCondemned(Space space) {
    return space.process().isCondemned();
  }

  @Test
  void aSpaceIsAsLargeAsWhatItShowsDirectly() {
    Space space = filled(20);
    assertThat(kill.sizeOf(space)).isEqualTo(20);

    Space child = machine.vm.fork(machine.self, space);
    assertThat(kill.sizeOf(child)).as("shared, each counts it").isEqualTo(20);
    assertThat(kill.sizeOf(machine.vm.newSpace())).isZero();
  }

  @Test
  void whatIsInSwapCountsByTheShareThatIsMapped() {
    Space space = filled(400);
    long swapped = machine.vm.swap().used();
    long resident = machine.vm.objects().all().getFirst().resident().size();
    assertThat(swapped).isPositive();
    assertThat(kill.sizeOf(space)).isEqualTo(resident + swapped + 1);

    long start = space.map().all().getFirst().start();
    space.unmap(machine.self, start + 200L * PAGE, start + 400L * PAGE);
    long left = machine.vm.swap().used();
    long stays = machine.vm.objects().all().getFirst().resident().size();
    assertThat(kill.sizeOf(space)).as("half of the object").isEqualTo(stays + left / 2 + 1);
  }

  @Test
  void nobodyIsCondemnedWhereItIsSwitchedOff() {
    machine.vm.tunables().find(SWITCH).set(0);
    Space space = filled(20);
    assertThat(relieve()).isFalse();
    assertThat(isCondemned(space)).isFalse();
  }

  @Test
  void nobodyIsCondemnedWhereNobodyHasAnything() {
    Space empty = machine.vm.newSpace();
    assertThat(relieve()).isFalse();
    assertThat(isCondemned(empty)).isFalse();
  }

  @Test
  void theLargestIsCondemnedAndTheOthersGetASecond() {
    Space small = filled(10);
    Space large = filled(30);
    Space middle = filled(20);

    assertThat(relieve()).isTrue();
    assertThat(isCondemned(large)).isTrue();
    machine.clock.addAndGet(TimeUnit.SECONDS.toNanos(1) - 1);
    assertThat(relieve()).as("a moment ago").isTrue();
    assertThat(isCondemned(middle)).isFalse();

    machine.clock.addAndGet(1);
    assertThat(relieve()).as("the largest did not give anything up").isFalse();
    assertThat(isCondemned(middle)).as("no more are sacrificed").isFalse();

    machine.vm.closeSpace(machine.self, large);
    assertThat(relieve()).isTrue();
    assertThat(isCondemned(middle)).isTrue();
    assertThat(isCondemned(small)).isFalse();
    assertThat(machine.vm.page().stats().total(Event.CONDEMNED)).isEqualTo(2);
  }

  @Test
  void theFirstOfEqualsIsChosen() {
    Space first = filled(10);
    Space second = filled(10);
    assertThat(relieve()).isTrue();
    assertThat(isCondemned(first)).isTrue();
    assertThat(isCondemned(second)).isFalse();
  }

  @Test
  void aMapThatIsBeingChangedIsPassedBy() {
    Space large = filled(30);
    Space small = filled(10);
    long stamp = large.map().lockExclusive();
    try {
      assertThat(relieve()).isTrue();
    } finally {
      large.map().unlockExclusive(stamp);
    }
    assertThat(isCondemned(large)).isFalse();
    assertThat(isCondemned(small)).isTrue();
  }
}
