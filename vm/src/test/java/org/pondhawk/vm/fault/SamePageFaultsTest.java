package org.pondhawk.vm.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// Several threads fault on the same page at once: one makes it, the others find it.
class SamePageFaultsTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 200;
  private static final int THREADS = 3;

  private final TestMachine machine = new TestMachine(2048);

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long total(Event event) {
    return machine.vm.page().stats().total(event);
  }

  private void faultTogether(Space space, long at) {
    for (int i = 0; i < PAGES; i++) {
      space.pmap().charge(machine.self, at + i * SIZE); // or each thread may bring a frame for it
    }
    CyclicBarrier barrier = new CyclicBarrier(THREADS);
    List<Helper<Boolean>> helpers = new ArrayList<>();
    for (int t = 0; t < THREADS; t++) {
      VmThread self = machine.vm.newThread("faulting " + t);
      helpers.add(
          Helper.start(() -> {
            Fault fault = new Fault(self, space);
            for (int i = 0; i < PAGES; i++) {
              barrier.await(30, TimeUnit.SECONDS);
              machine.vm.faults().resolve(fault, at + i * SIZE, Access.WRITE);
            }
            machine.vm.nodes().unload(self);
            return true;
          }));
    }
    helpers.forEach(Helper::join);
  }

  @Test
  void eachPageIsZeroedOnce() {
    Space space = machine.vm.newSpace();
    long at = machine.map(space, PAGES);

    faultTogether(space, at);

    assertThat(total(Event.ZERO_FILL)).isEqualTo(PAGES);
    assertThat(total(Event.FREED)).as("none was made in vain").isZero();
    assertThat(total(Event.FAULT_MINOR)).isEqualTo((long) THREADS * PAGES);
    assertThat(total(Event.IN_TRANSIT)).isLessThanOrEqualTo(2L * THREADS * PAGES);
  }

  @Test
  void eachPageIsCopiedOnce() {
    Space space = machine.vm.newSpace();
    long at = machine.map(space, PAGES);
    for (int i = 0; i < PAGES; i++) {
      machine.put(space, at + i * SIZE, i + 1);
    }
    Space child = machine.vm.fork(machine.self, space);

    faultTogether(child, at);

    assertThat(total(Event.COPIED)).isEqualTo(PAGES);
    assertThat(total(Event.FREED)).isZero();
    for (int i = 0; i < PAGES; i++) {
      assertThat(machine.get(child, at + i * SIZE)).isEqualTo(i + 1);
    }
  }
}
