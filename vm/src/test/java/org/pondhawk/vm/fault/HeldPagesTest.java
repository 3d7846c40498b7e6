package org.pondhawk.vm.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Transfers to and from the frames of a range, while others do with the range what they like.
@Timeout(60)
class HeldPagesTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 4;

  @TempDir private Path folder;
  private TestMachine machine;
  private Space space;
  private long base;

  @BeforeEach
  void boot() {
    machine = new TestMachine(300, folder, 8 << 20);
    space = machine.vm.newSpace();
    base = machine.map(space, PAGES);
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private HeldPages hold(int access) {
    return machine.vm.rangeFaults().hold(machine.self, space, base, base + PAGES * SIZE, access);
  }

  private void storeAll() {
    for (int n = 0; n < PAGES; n++) {
      machine.put(space, base + n * SIZE, n + 1);
    }
  }

  /// Touches more memory than there is, so that everything that may go has gone.
  private void crowd() {
    long heap = machine.map(space, 400);
    for (int n = 0; n < 400; n++) {
      machine.put(space, heap + n * SIZE, n);
    }
    space.unmap(machine.self, heap, heap + 400 * SIZE);
  }

  @Test
  void framesShowTheBytesOfTheRange() {
    storeAll();
    try (HeldPages held = hold(Access.READ)) {
      assertThat(held.count()).isEqualTo(PAGES);
      for (int n = 0; n < PAGES; n++) {
        assertThat(RawMemory.getLong(held.frame(n))).isEqualTo(n + 1);
      }
    }
  }

  @Test
  void aRangeThatNobodyTouchedIsZeros() {
    try (HeldPages held = hold(Access.READ)) {
      assertThat(RawMemory.allBytesAre(held.frame(3), SIZE, (byte) 0)).isTrue();
    }
  }

  @Test
  void framesKeepTheirBytesWhenTheRangeIsUnmapped() {
    storeAll();
    try (HeldPages held = hold(Access.READ)) {
      space.unmap(machine.self, base, base + PAGES * SIZE);
      crowd();

      for (int n = 0; n < PAGES; n++) {
        assertThat(RawMemory.getLong(held.frame(n))).isEqualTo(n + 1);
      }
    }
  }

  @Test
  void whatATransferBringsSurvivesEveryPageout() {
    storeAll();
    try (HeldPages held = hold(Access.WRITE)) {
      crowd(); // the pages are written out, and look clean
      for (int n = 0; n < PAGES; n++) {
        RawMemory.putLong(held.frame(n), 100 + n);
      }
    }
    crowd();

    for (int n = 0; n < PAGES; n++) {
      assertThat(machine.get(space, base + n * SIZE)).isEqualTo(100 + n);
    }
  }

  @Test
  void aTransferIntoAForkIsNotSeenByItsParent() {
    storeAll();
    Space child = machine.vm.fork(machine.self, space);
    try (HeldPages held =
        machine.vm.rangeFaults().hold(machine.self, child, base, base + SIZE, Access.WRITE)) {
      RawMemory.putLong(held.frame(0), 77);
    }
    assertThat(machine.get(space, base)).isEqualTo(1);
    assertThat(machine.get(child, base)).isEqualTo(77);
    machine.vm.closeSpace(machine.self, child);
  }

  @Test
  void nothingIsHeldOfARangeWithAHole() {
    storeAll();
    space.unmap(machine.self, base + 2 * SIZE, base + 3 * SIZE);

    assertThatThrownBy(() -> hold(Access.READ)).isInstanceOf(AccessViolationException.class);

    assertThat(machine.vm.allocator().holdsAny()).isFalse();
  }
}
