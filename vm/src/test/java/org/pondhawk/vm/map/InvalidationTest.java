package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.MapInspection;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;

/// Ranges that the page table is to forget.
class InvalidationTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 40;

  @TempDir private Path folder;
  private TestMachine machine;
  private Space space;
  private long start;

  @BeforeEach
  void boot() {
    machine = new TestMachine(256, folder, 8 << 20);
    space = machine.vm.newSpace();
    start = machine.map(space, PAGES);
    for (long i = 0; i < PAGES; i++) {
      machine.put(space, start + i * SIZE, i + 1);
    }
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private boolean isMapped(long page) {
    return space.pmap().isMapped(start + page * SIZE);
  }

  private void invalidate(long from, long to) {
    space.use().invalidate(machine.self, start + from * SIZE, start + to * SIZE);
  }

  @Test
  void areMappedAnewWithTheSameBytes() {
    invalidate(5, 30);
    for (long i = 0; i < PAGES; i++) {
      assertThat(isMapped(i)).isEqualTo(i < 5 || i >= 30);
      assertThat(machine.get(space, start + i * SIZE)).isEqualTo(i + 1);
    }
  }

  @Test
  void keepWhatWasStoredWhenTheyAreEvictedNext() {
    invalidate(0, PAGES);
    long more = machine.map(space, 400);
    for (long i = 0; i < 400; i++) {
      machine.put(space, more + i * SIZE, 7);
    }
    for (long i = 0; i < PAGES; i++) {
      assertThat(machine.get(space, start + i * SIZE)).isEqualTo(i + 1);
    }
  }

  @Test
  void keepWiredPagesMapped() {
    space.wiring().wire(machine.self, start, start + SIZE);
    space.use().change(start + SIZE, start + 2 * SIZE, t -> t.withFlags(EntryFlags.NO_FAULT, 0));
    invalidate(0, 3);
    assertThat(isMapped(0)).isTrue();
    assertThat(isMapped(1)).as("no fault would map it again").isTrue();
    assertThat(isMapped(2)).isFalse();
    space.wiring().unwire(machine.self, start, start + SIZE);
    space.use().change(start + SIZE, start + 2 * SIZE, t -> t.withFlags(0, EntryFlags.NO_FAULT));
  }

  @Test
  void mayBeFrozenOrUntouchedOrHoles() {
    Space child = machine.vm.fork(machine.self, space);
    invalidate(0, PAGES + 8);
    machine.put(space, start, 9);
    assertThat(machine.get(child, start)).isEqualTo(1);
    child.use().invalidate(machine.self, 0, start + PAGES * SIZE);
    assertThat(machine.get(child, start)).isEqualTo(1);
    assertThat(machine.get(space, start)).isEqualTo(9);
  }

  @Test
  void areJoinedAgainWhenTheirFlagsAgree() {
    space.use().setFlags(start + SIZE, start + 2 * SIZE, EntryFlags.NO_DUMP, 0);
    assertThat(space.map().count()).isEqualTo(3);
    space.use().setFlags(start, start + SIZE, EntryFlags.NO_DUMP, 0);
    assertThat(space.map().count()).isEqualTo(2);
    space.use().setFlags(start, start + 3 * SIZE, 0, EntryFlags.NO_DUMP);
    assertThat(space.map().count()).isEqualTo(1);
  }

  @Test
  void areListedUnlessTheMapIsBeingChanged() {
    String id = "space " + space.id();
    assertThat(MapInspection.text(machine.vm)).startsWith(id + ": 1 mappings");
    long stamp = space.map().lockExclusive();
    try {
      assertThat(MapInspection.text(machine.vm)).isEqualTo(id + ": its map is being changed\n");
    } finally {
      space.map().unlockExclusive(stamp);
    }
  }
}
