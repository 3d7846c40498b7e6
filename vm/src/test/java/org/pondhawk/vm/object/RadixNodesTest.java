package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class RadixNodesTest {
  private final TestMachine machine = new TestMachine(256);
  private final RadixNodes nodes = machine.vm.nodes();
  private final VmThread daemon = new VmThread("daemon", 0, true, 0);
  private final List<Integer> pages = new ArrayList<>();

  @AfterEach
  void nothingIsInUse() {
    freePages();
    nodes.unload(machine.self);
    assertThat(nodes.inUse()).isZero();
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private void freePages() {
    pages.forEach(page -> machine.vm.allocator().free(machine.self, page));
    pages.clear();
  }

  private void takeAllPages() {
    for (int page = 0; page != PageArray.NONE; ) {
      page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.INTERRUPT);
      if (page != PageArray.NONE) {
        pages.add(page);
      }
    }
  }

  @Test
  void aPreloadCoversAnInsertAndIsGivenBack() {
    nodes.preload(machine.self);
    assertThat(machine.self.spareNodes.size()).isEqualTo(RadixNodes.INSERT_NEEDS);
    assertThat(nodes.inUse()).isEqualTo(RadixNodes.INSERT_NEEDS);
    nodes.preload(machine.self);
    assertThat(nodes.inUse()).isEqualTo(RadixNodes.INSERT_NEEDS);
  }

  @Test
  void aTakenNodeIsEmptyHoweverItWasLeft() {
    int node = nodes.take(daemon);
    assertThat(nodes.isEmpty(node)).isTrue();
    for (int slot = 0; slot < RadixNodes.FANOUT; slot++) {
      nodes.set(node, slot, -1);
    }
    nodes.free(node);
    int again = nodes.take(daemon);
    assertThat(again).isEqualTo(node);
    assertThat(nodes.isEmpty(again)).isTrue();
    nodes.set(again, 31, 5);
    assertThat(nodes.isEmpty(again)).isFalse();
    assertThat(nodes.get(again, 31)).isEqualTo(5);
    assertThat(nodes.get(again, 30)).isZero();
    nodes.free(again);
  }

  @Test
  void theReserveIsForDaemonsOnly() {
    takeAllPages();
    List<Integer> taken = new ArrayList<>();
    for (int node = nodes.take(daemon); node != RadixNodes.NONE; node = nodes.take(daemon)) {
      taken.add(node);
    }
    assertThat(taken).hasSizeGreaterThanOrEqualTo(48).doesNotHaveDuplicates();
    for (int i = 0; i < 48; i++) {
      nodes.free(taken.removeLast());
    }

    machine.vm.page().gate().setExhausted(true);
    assertThatThrownBy(() -> nodes.preload(machine.self)).isInstanceOf(OutOfPagesException.class);
    machine.vm.page().gate().setExhausted(false);

    assertThat(machine.self.spareNodes.size()).isZero();
    int node = nodes.take(daemon);
    assertThat(node).isNotEqualTo(RadixNodes.NONE);
    nodes.free(node);
    taken.forEach(nodes::free);
  }

  @Test
  void aPreloadWaitsForMemoryAndGoesOnWhenThereIsSome() {
    takeAllPages();
    VmThread other = machine.vm.newThread("other");
    List<Integer> hoard = new ArrayList<>();
    for (int node = nodes.take(daemon); node != RadixNodes.NONE; node = nodes.take(daemon)) {
      hoard.add(node);
    }
    Helper<Boolean> waiter = Helper.run(() -> nodes.preload(other)).awaitAsleep();

    freePages();

    waiter.join();
    assertThat(other.spareNodes.size()).isEqualTo(RadixNodes.INSERT_NEEDS);
    nodes.unload(other);
    hoard.forEach(nodes::free);
  }

  @Test
  void aPreloadGivesUpWhenNothingMoves() {
    takeAllPages();
    List<Integer> hoard = new ArrayList<>();
    for (int node = nodes.take(daemon); node != RadixNodes.NONE; node = nodes.take(daemon)) {
      hoard.add(node);
    }
    VmThread other = machine.vm.newThread("other");
    Helper<Boolean> waiter = Helper.run(() -> nodes.preload(other)).awaitAsleep();
    while (!waiter.isDone()) {
      machine.clock.addAndGet(1_000_000);
    }
    assertThatThrownBy(waiter::join).hasRootCauseInstanceOf(OutOfPagesException.class);
    hoard.forEach(nodes::free);
  }
}
