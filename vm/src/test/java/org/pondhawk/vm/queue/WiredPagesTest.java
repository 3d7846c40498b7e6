package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// Freed frames are poisoned here.
class WiredPagesTest {
  private static final long BOUND_NANOS = 10_000_000_000L;

  private final TestMachine machine = new TestMachine(256);
  private final WiredPages alone = machine.vm.pageOperations().alone();
  private final PageArray pages = machine.vm.page().pages();
  private final PageAllocator allocator = machine.vm.allocator();
  private final VmStats stats = machine.vm.page().stats();
  private final VmThread self = machine.self;

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private int take(boolean zeroed) {
    return alone.allocate(self, 3, AllocClass.NORMAL, zeroed, false);
  }

  private long wired() {
    stats.rollup();
    return stats.global(PageCount.WIRED);
  }

  private boolean isZero(int page) {
    return RawMemory.allBytesAre(pages.address(page), TestMachine.PAGE_SIZE, (byte) 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void areWiredOnceAndBusyForNobody(boolean zeroed) {
    long before = wired();
    int page = take(zeroed);
    assertThat(machine.vm.page().busy().isIdle(page)).isTrue();
    assertThat(pages.wireCount(page)).isEqualTo(1);
    assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
    assertThat(pages.object(page)).isEqualTo(PageArray.NO_OBJECT);
    assertThat(pages.flags(page)).isEqualTo(PageFlags.ALONE);
    assertThat(pages.valid(page)).isEqualTo(zeroed ? 0xff : 0);
    assertThat(wired()).isEqualTo(before + 1);
    assertThat(alone.inUse()).isEqualTo(1);
    assertThat(machine.vm.contig().isInUse(page)).as("part of a run").isFalse();
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();

    alone.free(self, page);

    assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
    assertThat(wired()).isEqualTo(before);
    assertThat(alone.inUse()).isZero();
  }

  @Test
  void areZeroIfAskedWhateverTheFrameHeld() {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      all.add(take(false));
      RawMemory.fill(pages.address(all.getLast()), TestMachine.PAGE_SIZE, (byte) 7);
    }
    all.forEach(page -> alone.free(self, page));
    all.clear();
    for (int i = 0; i < 100; i++) {
      all.add(take(true));
      assertThat(isZero(all.getLast())).isTrue();
    }
    all.forEach(page -> alone.free(self, page));
  }

  @Test
  void thatWereNotTakenCannotBeGivenBack() {
    int page = allocator.allocate(self, 0, AllocClass.NORMAL);
    machine.vm.page().mover().wire(self, page);
    machine.vm.page().busy().unbusy(page);
    assertThatThrownBy(() -> alone.free(self, page))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("given back, but not taken alone: page " + page);
    machine.vm.page().mover().unwireToFree(self, page);
    allocator.free(self, page);
  }

  @Test
  void thatAreWiredOnceMoreCannotBeGivenBack() {
    int page = take(false);
    pages.addWire(page, 1);
    assertThatThrownBy(() -> alone.free(self, page))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not wired exactly once: page " + page);
    pages.addWire(page, 1); // as before what failed, but for the flag and the busy word
    pages.addWire(page, -1);
    pages.setFlags(page, PageFlags.ALONE);
    machine.vm.page().busy().unbusy(page);
    alone.free(self, page);
  }

  private List<Integer> drained() {
    List<Integer> all = new ArrayList<>();
    for (int page = 0; page != PageArray.NONE; ) {
      page = allocator.allocate(self, 0, AllocClass.INTERRUPT);
      if (page != PageArray.NONE) {
        all.add(page);
      }
    }
    return all;
  }

  @Test
  void areWaitedForWhereTheCallerRetries() {
    VmThread other = machine.vm.newThread("other");
    List<Integer> all = drained();
    Helper<Integer> waiting =
        Helper.start(() -> alone.allocate(other, 0, AllocClass.NORMAL, true, true)).awaitAsleep();
    all.forEach(page -> allocator.free(self, page));
    alone.free(self, waiting.join());
  }

  @Test
  void areNotThereAfterOneWaitWhereTheCallerDoesNotRetry() {
    VmThread other = machine.vm.newThread("other");
    List<Integer> all = drained();
    Helper<Integer> waiting =
        Helper.start(() -> alone.allocate(other, 0, AllocClass.NORMAL, true, false)).awaitAsleep();
    all.forEach(page -> allocator.free(self, page));
    assertThat(waiting.join()).as("it had to wait").isEqualTo(PageArray.NONE);
  }

  @Test
  void areRefusedWhereNothingMovesForLongerThanThePatience() {
    VmThread other = machine.vm.newThread("other");
    List<Integer> all = drained();
    Helper<Integer> waiting =
        Helper.start(() -> alone.allocate(other, 0, AllocClass.NORMAL, true, true)).awaitAsleep();
    long began = System.nanoTime();
    while (!waiting.isDone() && System.nanoTime() - began < BOUND_NANOS) {
      machine.clock.addAndGet(1_000_000); // between its looks at the clock
    }
    assertThatThrownBy(waiting::join).hasCauseInstanceOf(OutOfPagesException.class);
    all.forEach(page -> allocator.free(self, page));
  }

  @Test
  void areMissedByTheCheckIfOneIsOnlyFlagged() {
    int page = take(false);
    pages.clearFlags(page, PageFlags.ALONE);
    assertThat(VmCheck.run(machine.vm).problems())
        .anyMatch(line -> line.contains("0 pages are alone, the count says 1"))
        .anyMatch(line -> line.contains("leaked"));
    pages.setFlags(page, PageFlags.ALONE);
    alone.free(self, page);
  }
}
