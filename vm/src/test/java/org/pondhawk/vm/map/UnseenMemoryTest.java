package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.UnseenPages;

/// Memory that nobody can see must not make an access fail. Nobody runs the collapser here, nor the
/// daemon, and there is no swap: what comes back comes back because a fault asks for it.
@Timeout(60)
class UnseenMemoryTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int FRAMES = 1200;
  private static final int PAGES = 400;
  private static final long WAIT_NANOS = 300_000_000L;

  private final TestMachine machine = new TestMachine(FRAMES);
  private final Space parent = machine.vm.newSpace();
  private final long base = machine.map(parent, PAGES);

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// Stores as a view does: straight through the page table, faulting as often as needed.
  private void store(Space space, long start, int pages, long value) {
    Fault fault = new Fault(machine.self, space);
    for (long at = start; at < start + pages * SIZE; at += SIZE) {
      while (!space.pmap().touch(at, true)) {
        machine.vm.faults().resolve(fault, at, Access.WRITE);
      }
      RawMemory.putLong(Pte.frame(space.pmap().entry(at)), value + at);
    }
  }

  private void requireStored(Space space, long start, int pages, long value) {
    for (long at = start; at < start + pages * SIZE; at += SIZE) {
      assertThat(machine.get(space, at)).as("0x%x", at).isEqualTo(value + at);
    }
  }

  private Space fork(Space space) {
    return machine.vm.fork(machine.self, space);
  }

  private void close(Space space) {
    machine.vm.closeSpace(machine.self, space);
  }

  /// Asks for all the memory that is left beside `taken` pages.
  private void useTheRest(int taken) {
    Space other = machine.vm.newSpace();
    int pages = FRAMES - taken - 150; // levels, tables and nodes
    try {
      store(other, machine.map(other, pages), pages, 7);
    } finally {
      close(other);
    }
  }

  private long count(Event event) {
    return machine.vm.page().stats().total(event);
  }

  @Test
  void isReclaimedWhereAClosedCopyLeftItHidden() {
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);
    close(child);

    useTheRest(PAGES);

    requireStored(parent, base, PAGES, 2);
    assertThat(count(Event.HIDDEN_FREED)).isGreaterThan(PAGES / 2);
  }

  @Test
  void isReclaimedWhereTheChildUnmappedIt() {
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);
    child.unmap(machine.self, base, base + PAGES * SIZE);

    useTheRest(PAGES);

    requireStored(parent, base, PAGES, 2);
  }

  @Test
  void isReclaimedWhereAMappingIsInPartsOnBothSides() {
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);
    long hole = base + 100 * SIZE;
    parent.unmap(machine.self, hole, hole + SIZE);
    child.unmap(machine.self, base + SIZE, base + PAGES * SIZE);

    useTheRest(PAGES);

    requireStored(parent, base, 100, 2);
    requireStored(parent, hole + SIZE, PAGES - 101, 2);
    requireStored(child, base, 1, 1);
  }

  @Test
  void isReclaimedWhereEachOfTwoLivingSpacesHidesIt() {
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);
    store(child, base, PAGES - 1, 3); // a third copy of everything
    assertThat(child.depth()).as("still above what it shares").isEqualTo(1);

    useTheRest(2 * PAGES);

    requireStored(parent, base, PAGES, 2);
    requireStored(child, base, PAGES - 1, 3);
    requireStored(child, base + (PAGES - 1) * SIZE, 1, 1);
  }

  @Test
  void isReclaimedGenerationAfterGenerationWithoutACollapser() {
    store(parent, base, PAGES, 0);
    for (int n = 1; n <= 60; n++) {
      Space child = fork(parent);
      store(parent, base, PAGES, n);
      requireStored(child, base, 3, n - 1);
      close(child);
    }
    requireStored(parent, base, PAGES, 60);
  }

  @Test
  void isNotFoundByWhoDoesNotAskForIt() {
    machine.vm.page().gate().reclaimBy(UnseenPages.NONE);
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);
    close(child);

    machine.self.setDeadline(System::nanoTime, System.nanoTime() + WAIT_NANOS);
    assertThatThrownBy(() -> useTheRest(PAGES)).isInstanceOf(OutOfPagesException.class);
    machine.self.clearDeadline();
  }

  @Test
  void isNotReclaimedWhileOneSpaceSeesIt() {
    store(parent, base, PAGES, 1);
    Space child = fork(parent);
    store(parent, base, PAGES, 2);

    machine.self.setDeadline(System::nanoTime, System.nanoTime() + WAIT_NANOS);
    assertThatThrownBy(() -> useTheRest(PAGES)).isInstanceOf(OutOfPagesException.class);
    machine.self.clearDeadline();

    requireStored(parent, base, PAGES, 2);
    requireStored(child, base, PAGES, 1);
    assertThat(count(Event.HIDDEN_FREED)).isZero();
  }
}
