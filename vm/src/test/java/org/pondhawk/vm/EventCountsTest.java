package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// What the counters of events count, on a machine where one thread does everything.
class EventCountsTest {
  private static final int FRAMES = 300;
  private static final int PAGE = TestMachine.PAGE_SIZE;

  private final TestMachine machine;

  EventCountsTest(@TempDir Path swap) {
    machine = new TestMachine(FRAMES, swap, 8L << 20);
  }

  @AfterEach
  void closes() {
    machine.vm.page().stats().rollup();
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long count(Event event) {
    return machine.vm.page().stats().total(event);
  }

  private long mapped(Space space, int pages) {
    long address = machine.map(space, pages);
    for (int i = 0; i < pages; i++) {
      machine.put(space, address + (long) i * PAGE, i);
    }
    return address;
  }

  @Test
  void aFirstStoreIsAMinorFaultThatZeroes() {
    Space space = machine.vm.newSpace();

    mapped(space, 8);

    assertThat(count(Event.FAULT_MINOR)).isEqualTo(8);
    assertThat(count(Event.ZERO_FILL)).isEqualTo(8);
    assertThat(count(Event.FAULT_MAJOR)).isZero();
    assertThat(count(Event.COPIED)).isZero();
  }

  @Test
  void aStoreAfterAForkCopiesAndALaterMergeMovesTheFewerPages() {
    Space parent = machine.vm.newSpace();
    long address = mapped(parent, 8);

    Space child = machine.vm.fork(machine.self, parent);
    machine.put(parent, address, 77);
    machine.put(parent, address + PAGE, 78);

    assertThat(count(Event.FORKS)).isEqualTo(1);
    assertThat(count(Event.COPIED)).isEqualTo(2);
    assertThat(count(Event.MOVED)).isZero();

    machine.vm.closeSpace(machine.self, child);
    machine.vm.collapser().collapseNow(parent);

    assertThat(count(Event.MOVED)).isEqualTo(2); // of two that were stored and six that were not
    assertThat(count(Event.COPIED)).isEqualTo(2);
    assertThat(count(Event.HIDDEN_FREED)).isEqualTo(2);
    assertThat(count(Event.COLLAPSED)).isEqualTo(1);
    assertThat(machine.get(parent, address)).isEqualTo(77);
    assertThat(machine.get(parent, address + 7L * PAGE)).isEqualTo(7);
  }

  @Test
  void aFaultThatFindsItsPageBusyIsInTransit() {
    Space space = machine.vm.newSpace();
    long address = mapped(space, 1);
    int page = machine.pageAt(space, address);
    PageBusy busy = machine.vm.page().busy();
    busy.tryHardBusy(page);
    machine.vm.mappings().removeAll(page);
    VmThread other = machine.vm.newThread("other");

    Helper<Boolean> fault =
        Helper.run(
            () -> machine.vm.faults().resolve(new Fault(other, space), address, Access.READ));
    while (!busy.describe(page).contains("W") && !fault.isDone()) {
      Thread.onSpinWait();
    }
    busy.unbusy(page);
    fault.join();
    machine.vm.nodes().unload(other);

    assertThat(count(Event.IN_TRANSIT)).isPositive();
    assertThat(count(Event.FAULT_MINOR)).isEqualTo(2);
  }

  @Test
  void pagingCountsWhatTheDaemonAndTheFaultsDo() {
    Space space = machine.vm.newSpace();
    int pages = 2 * FRAMES;
    long address = mapped(space, pages);

    assertThat(count(Event.DAEMON_PASSES)).isPositive();
    assertThat(count(Event.DAEMON_FREED)).isPositive();
    assertThat(count(Event.PAGES_SCANNED)).isGreaterThan(count(Event.DAEMON_FREED));
    assertThat(count(Event.SWAP_OUT)).isPositive();
    assertThat(count(Event.SWAP_PAGES_OUT)).isGreaterThanOrEqualTo(pages - FRAMES);
    assertThat(count(Event.SWAP_IN)).isZero();
    assertThat(count(Event.REACTIVATED)).isZero();

    for (int i = pages - 1; i >= 0; i--) {
      assertThat(machine.get(space, address + (long) i * PAGE)).isEqualTo(i);
    }

    assertThat(count(Event.FAULT_MAJOR)).isGreaterThanOrEqualTo(pages - FRAMES);
    assertThat(count(Event.SWAP_IN)).isPositive();
    assertThat(count(Event.SWAP_PAGES_IN)).isGreaterThanOrEqualTo(count(Event.FAULT_MAJOR));
    assertThat(count(Event.REACTIVATED)).isPositive();
    assertThat(count(Event.ZERO_FILL)).isEqualTo(pages);
  }
}
