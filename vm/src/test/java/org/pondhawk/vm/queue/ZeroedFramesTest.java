package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// Frames that are known to be zero; freed ones are poisoned here.
class ZeroedFramesTest {
  private static final int COLOR = 5;
  private static final int PAGES = 100;

  private final TestMachine machine = new TestMachine(4096);
  private final PageArray pages = machine.vm.page().pages();
  private final PageAllocator allocator = machine.vm.allocator();
  private final PageZeroer zeroer = machine.vm.zeroer();
  private final VmThread self = machine.self;

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long total(Event event) {
    return machine.vm.page().stats().total(event);
  }

  private boolean isZeroed(int page) {
    return pages.hasFlag(page, PageFlags.ZERO);
  }

  private boolean isZero(int page) {
    return RawMemory.allBytesAre(pages.address(page), TestMachine.PAGE_SIZE, (byte) 0);
  }

  /// All pages of the colour, allocated.
  private List<Integer> allOfTheColour() {
    List<Integer> all = new ArrayList<>();
    while (machine.vm.page().queues().length(PageQueue.FREE.index(COLOR)) > 0) {
      all.add(allocator.allocate(self, COLOR, AllocClass.NORMAL));
    }
    return all;
  }

  private void mapAndStore(Space space) {
    long at = machine.map(space, PAGES);
    for (long i = 0; i < PAGES; i++) {
      long address = at + i * TestMachine.PAGE_SIZE;
      assertThat(machine.get(space, address)).isZero();
      assertThat(isZero(machine.pageAt(space, address))).isTrue();
      machine.put(space, address, -1);
    }
    space.unmap(self, at, at + (long) PAGES * TestMachine.PAGE_SIZE);
  }

  @Test
  void areAllThatAreFreeAtBoot() {
    mapAndStore(machine.vm.newSpace());
    assertThat(total(Event.ZERO_FILL)).isEqualTo(PAGES);
    assertThat(total(Event.ZERO_FILL_READY)).isEqualTo(PAGES);
  }

  @Test
  void areNotThoseThatWereUsed() {
    for (int page : allOfTheColour()) {
      assertThat(isZeroed(page)).as("allocated without asking for zeros").isFalse();
      allocator.free(self, page);
    }
    int page = allocator.allocateForZeros(self, COLOR, AllocClass.NORMAL);
    assertThat(isZeroed(page)).isFalse();
    assertThat(isZero(page)).isFalse();
    allocator.free(self, page);
  }

  @Test
  void areMadeAheadAndHandedOutToWhoWantsZeros() {
    List<Integer> all = allOfTheColour();
    assertThat(all).hasSizeGreaterThan(2);
    int last = all.removeLast();
    all.forEach(page -> allocator.free(self, page));
    assertThat(zeroer.round()).isTrue();
    allocator.free(self, last);

    int old = allocator.allocate(self, COLOR, AllocClass.NORMAL);
    assertThat(old).as("who wants no zeros gets old bytes").isEqualTo(last);
    allocator.free(self, old);
    int zeroed = allocator.allocateForZeros(self, COLOR, AllocClass.NORMAL);
    assertThat(isZeroed(zeroed)).isTrue();
    assertThat(isZero(zeroed)).isTrue();
    allocator.free(self, zeroed);
  }

  @Test
  void needNoZeroingInTheFault() {
    Space space = machine.vm.newSpace();
    for (int i = 0; i < 2 * PageQueue.COLORS / PAGES; i++) {
      mapAndStore(space); // until every colour has a frame that was used
    }
    while (zeroer.round()) {
      assertThat(total(Event.ZEROED_AHEAD)).isLessThan(100_000);
    }
    long ready = total(Event.ZERO_FILL_READY);
    mapAndStore(space);
    assertThat(total(Event.ZERO_FILL_READY) - ready).isEqualTo(PAGES);
  }

  @Test
  void areNotMadeOfMoreThanFourFifthsAndThenARoundDoesNothing() {
    allOfTheColour().forEach(page -> allocator.free(self, page));
    assertThat(zeroer.round()).isTrue();
    long done = total(Event.ZEROED_AHEAD);
    assertThat(done).isEqualTo(machine.vm.page().queues().zeroed(PageQueue.FREE.index(COLOR)));

    assertThat(zeroer.round()).isFalse();
    assertThat(total(Event.ZEROED_AHEAD)).isEqualTo(done);
  }

  @Test
  void areNotMadeWhileMemoryIsShort() {
    List<Integer> taken = new ArrayList<>();
    allOfTheColour().forEach(page -> allocator.free(self, page));
    machine.vm.page().stats().rollup();
    while (!machine.pressure().start(self.stripe())) {
      taken.add(allocator.allocate(self, COLOR + 1, AllocClass.NORMAL));
      machine.vm.page().stats().rollup();
    }
    int old = taken.removeLast();
    allocator.free(self, old);
    machine.vm.page().stats().rollup();
    taken.add(allocator.allocate(self, COLOR + 1, AllocClass.NORMAL));
    machine.vm.page().stats().rollup();

    assertThat(zeroer.round()).isFalse();
    assertThat(total(Event.ZEROED_AHEAD)).isZero();
    taken.forEach(page -> allocator.free(self, page));
    machine.vm.page().stats().rollup();
    assertThat(zeroer.round()).as("there was something to do").isTrue();
  }

  @Test
  void areLeftAloneWhileSomebodyHasThemBusy() {
    List<Integer> all = allOfTheColour();
    all.forEach(page -> allocator.free(self, page));
    all.forEach(page -> machine.vm.page().busy().tryHardBusy(page));
    assertThat(zeroer.round()).isFalse();
    all.forEach(page -> machine.vm.page().busy().unbusy(page));
    assertThat(zeroer.round()).isTrue();
  }
}
