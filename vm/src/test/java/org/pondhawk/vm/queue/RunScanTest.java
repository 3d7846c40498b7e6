package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.Helper;

/// Which pages a run is made of, and what is left to others; in a machine without a reserve.
class RunScanTest {
  private static final int FRAMES = 512;

  @TempDir private static Path folder;
  private final TestMachine machine = new TestMachine(FRAMES, folder, 16 << 20);
  private final PageParts parts = machine.vm.page();
  private final PageArray pages = parts.pages();

  @AfterEach
  void everythingIsSound() {
    if (!machine.vm.isClosed()) {
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      machine.close();
    }
  }

  private int allocate(RunLimits limits, int count) {
    return machine.vm.contig().allocate(limits, count, MemoryAttribute.WRITE_BACK);
  }

  private static RunLimits within(int low, int high) {
    return new RunLimits(low, high, 1, 0);
  }

  private boolean isFree(int page) {
    return PageQueue.FREE.isKindOf(pages.queue(page));
  }

  private long free() {
    parts.stats().rollup();
    return parts.stats().global(PageCount.FREE);
  }

  /// Takes the lowest free frames until so many are left.
  private void leaveFree(long count) {
    while (free() > count) {
      assertThat(allocate(RunLimits.ANYWHERE, 1)).isNotEqualTo(PageArray.NONE);
    }
  }

  @Test
  void theReserveIsLeftToOthersAndNotAPageMore() {
    long reserved = machine.pressure().levels().reserved();
    leaveFree(reserved + 5);
    for (int page = FRAMES - 6; page < FRAMES; page++) {
      assertThat(isFree(page)).isTrue();
    }
    RunLimits top = within(FRAMES - 6, FRAMES);
    assertThat(allocate(top, 6)).as("one page of the reserve").isEqualTo(PageArray.NONE);
    assertThat(allocate(top, 5)).as("none of it").isEqualTo(FRAMES - 6);
    assertThat(free()).isEqualTo(reserved);
    assertThat(allocate(RunLimits.ANYWHERE, 1)).isEqualTo(PageArray.NONE);
  }

  @Test
  void theDaemonIsAskedWhereLittleIsLeft() {
    PageoutWork work = parts.gate().work();
    allocate(RunLimits.ANYWHERE, 1);
    assertThat(work.pagesNeeded()).as("there is plenty").isZero();
    while (work.pagesNeeded() == 0) {
      assertThat(allocate(RunLimits.ANYWHERE, 1)).isNotEqualTo(PageArray.NONE);
    }
    assertThat(machine.pressure().start(0)).isTrue();
    assertThat(work.pagesNeeded()).isEqualTo(1);
  }

  @Test
  void theScanIsOpenToOthersAfterwards() {
    assertThat(allocate(RunLimits.ANYWHERE, FRAMES + 1)).isEqualTo(PageArray.NONE);
    int theirs = Helper.start(() -> allocate(RunLimits.ANYWHERE, 4)).join();
    assertThat(theirs).isNotEqualTo(PageArray.NONE);
    assertThat(Helper.start(() -> allocate(RunLimits.ANYWHERE, 4)).join())
        .isGreaterThanOrEqualTo(theirs + 4);
  }

  @Test
  void aFreePageThatSomebodyUsesIsAPanic() {
    int page = FRAMES - 1;
    assertThat(isFree(page)).isTrue();
    pages.setDirty(page);
    assertThatThrownBy(() -> allocate(within(page, page + 1), 1))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("a free page is in use: page " + page);
    machine.close();
  }

  /// Two frames side by side, the lower with a page of a space, the upper free.
  @Nested
  class BesideAPageInUse {
    private final Space space = machine.vm.newSpace();
    private long heap;
    private int used;

    @BeforeEach
    void storeIntoOne() {
      heap = machine.map(space, 1);
      machine.put(space, heap, 42);
      used = machine.pageAt(space, heap);
      assertThat(isFree(used + 1)).isTrue();
      assertThat(PageQueue.ACTIVE.isKindOf(pages.queue(used))).isTrue();
    }

    @AfterEach
    void nothingIsLost() {
      assertThat(machine.get(space, heap)).isEqualTo(42);
    }

    private void deactivate() {
      assertThat(parts.busy().tryHardBusy(used)).isTrue();
      parts.mover().deactivate(machine.self, used);
      parts.busy().unbusy(used);
    }

    private void emptied() {
      assertThat(allocate(within(used, used + 1), 1)).isEqualTo(used);
      assertThat(pages.flags(used)).isZero();
      assertThat(pages.dirty(used)).isZero();
      assertThat(pages.isFullyValid(used)).isTrue();
    }

    @Test
    void aFreePageIsTakenBeforeAnInactiveOne() {
      deactivate();
      assertThat(allocate(within(used, used + 2), 1)).isEqualTo(used + 1);
    }

    @Test
    void anInactivePageIsEmptied() {
      deactivate();
      emptied();
    }

    @Test
    void anActivePageIsEmptied() {
      emptied();
    }

    @Test
    void anInactivePageIsTakenBeforeAnActiveOne() {
      long other = machine.map(space, 1);
      machine.put(space, other, 43);
      int below = used;
      long first = heap;
      used = machine.pageAt(space, other);
      heap = other;
      deactivate();
      assertThat(used).as("in memory behind the other").isGreaterThan(below);
      leaveNoneFreeBetween(below, used + 1);
      assertThat(allocate(within(below, used + 1), 1)).isEqualTo(used);
      assertThat(machine.get(space, other)).isEqualTo(43);
      heap = first;
    }

    private void leaveNoneFreeBetween(int low, int high) {
      for (int page = low; page < high; page++) {
        if (isFree(page)) {
          assertThat(allocate(within(page, page + 1), 1)).isEqualTo(page);
        }
      }
    }

    @Test
    void aPageThatIsCleanIsEmptiedWithoutATransfer() {
      deactivate();
      emptied();
      assertThat(machine.get(space, heap)).as("back from swap, clean").isEqualTo(42);
      used = machine.pageAt(space, heap);
      long written = parts.stats().total(Event.SWAP_PAGES_OUT);
      deactivate();
      emptied();
      assertThat(parts.stats().total(Event.SWAP_PAGES_OUT)).isEqualTo(written);
    }
  }
}
