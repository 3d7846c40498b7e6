package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class PageMagazineTest {
  @Nested
  class Alone {
    private final PageMagazine magazine = new PageMagazine(2, 3);

    @Test
    void givesThePageThatWasPutInLast() {
      assertThat(magazine.isOn()).isTrue();
      assertThat(magazine.take(0)).isEqualTo(PageArray.NONE);
      assertThat(magazine.put(0, 10)).isTrue();
      assertThat(magazine.put(0, 11)).isTrue();
      assertThat(magazine.count(0)).isEqualTo(2);
      assertThat(magazine.take(1)).as("the other processor's").isEqualTo(PageArray.NONE);
      assertThat(magazine.take(0)).isEqualTo(11);
      assertThat(magazine.take(0)).isEqualTo(10);
      assertThat(magazine.take(0)).isEqualTo(PageArray.NONE);
    }

    @Test
    void takesNoMoreThanItHolds() {
      for (int page = 0; page < 3; page++) {
        assertThat(magazine.put(1, page)).isTrue();
      }
      assertThat(magazine.put(1, 3)).isFalse();
      assertThat(magazine.count(1)).isEqualTo(3);
    }

    @Test
    void isDrainedOnce() {
      magazine.put(0, 5);
      magazine.put(1, 6);
      List<Integer> out = new ArrayList<>();
      assertThat(magazine.drain(out::add)).isTrue();
      assertThat(out).containsExactlyInAnyOrder(5, 6);
      assertThat(magazine.drain(out::add)).isFalse();
    }

    @Test
    void isFilledUpFromAQuarter() {
      assertThat(new PageMagazine(1, 1).low()).isEqualTo(1);
      assertThat(new PageMagazine(1, 64).low()).isEqualTo(16);
    }

    @Test
    void ofNoPagesIsOff() {
      PageMagazine none = new PageMagazine(2, 0);
      assertThat(none.isOn()).isFalse();
      assertThat(none.count(0)).isZero();
    }

    @Test
    void losesNothingWhereThreadsShareIt() {
      PageMagazine shared = new PageMagazine(1, 8);
      int each = 20_000;
      List<Helper<List<Integer>>> helpers = new ArrayList<>();
      for (int t = 0; t < 2; t++) {
        int from = t * each;
        helpers.add(Helper.start(() -> putAndTake(shared, from, from + each)));
      }
      BitSet seen = new BitSet();
      helpers.forEach(helper -> helper.join().forEach(page -> see(seen, page)));
      shared.drain(page -> see(seen, page));
      assertThat(seen.cardinality()).isEqualTo(2 * each);
    }

    private List<Integer> putAndTake(PageMagazine shared, int from, int to) {
      List<Integer> mine = new ArrayList<>();
      for (int page = from; page < to; page++) {
        if (!shared.put(0, page)) {
          mine.add(page);
        }
        int got = (page & 1) == 0 ? shared.take(0) : PageArray.NONE;
        if (got != PageArray.NONE) {
          mine.add(got);
        }
      }
      return mine;
    }

    private void see(BitSet seen, int page) {
      assertThat(seen.get(page)).as("page %d twice", page).isFalse();
      seen.set(page);
    }
  }

  /// Magazines of 16 for each of two processors; the levels are min 84, start 252.
  @Nested
  class InAMachine {
    private static final int PAGES = 200;

    private final TestMachine machine = new TestMachine(4096, Map.of("vm.magazine_pages", 16L));
    private final PageAllocator allocator = machine.vm.allocator();
    private final PageArray pages = machine.vm.page().pages();
    private final VmStats stats = machine.vm.page().stats();
    private final VmThread self = machine.self;

    @AfterEach
    void everythingIsSound() {
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      machine.close();
    }

    private int setAside() {
      int[] count = new int[1];
      allocator.forEachInMagazines(_ -> count[0]++);
      return count[0];
    }

    private long free() {
      stats.rollup();
      return stats.global(PageCount.FREE);
    }

    private int take() {
      return allocator.allocateForZeros(self, 0, AllocClass.NORMAL);
    }

    @Test
    void pagesThatAreSetAsideAreZeroAndNoLongerFree() {
      long before = free();
      int page = take();
      assertThat(setAside()).isEqualTo(15);
      assertThat(free()).isEqualTo(before - 16);
      assertThat(pages.flags(page)).isEqualTo(PageFlags.ZERO);
      assertThat(machine.vm.page().busy().isOnlyHardBusy(page)).isTrue();
      assertThat(machine.vm.page().busy().isOnlyHardBusy(take())).isTrue();
      assertThat(setAside()).as("not filled up before it is nearly empty").isEqualTo(14);
      allocator.forEachInMagazines(
          aside -> assertThat(pages.flags(aside)).isEqualTo(PageFlags.ZERO));
      allocator.drainMagazines(self);
      assertThat(free()).isEqualTo(before - 2);
      giveBack(before);
    }

    private void giveBack(long count) {
      for (int page = 0; page < pages.frameCount(); page++) {
        if (machine.vm.page().busy().isHardBusy(page)) {
          allocator.free(self, page);
        }
      }
      assertThat(free()).isEqualTo(count);
    }

    @Test
    void faultsFindTheirFramesReady() {
      Space space = machine.vm.newSpace();
      for (int round = 0; round < 3; round++) {
        long at = machine.map(space, PAGES);
        for (long i = 0; i < PAGES; i++) {
          assertThat(machine.get(space, at + i * TestMachine.PAGE_SIZE)).isZero();
          machine.put(space, at + i * TestMachine.PAGE_SIZE, i + 1);
        }
        assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
        space.unmap(self, at, (long) PAGES * TestMachine.PAGE_SIZE);
      }
      assertThat(stats.total(Event.ZERO_FILL_READY)).isEqualTo(stats.total(Event.ZERO_FILL));
      machine.vm.closeSpace(self, space);
    }

    @Test
    void areEmptiedByWhoFindsMemoryBelowItsMinimum() {
      long before = free();
      allocator.free(self, take());
      assertThat(setAside()).isEqualTo(15);
      while (free() >= 84) {
        assertThat(allocator.allocate(self, 0, AllocClass.NORMAL)).isNotEqualTo(PageArray.NONE);
      }
      assertThat(setAside()).isZero();
      assertThat(take()).as("not from a magazine").isNotEqualTo(PageArray.NONE);
      assertThat(setAside()).as("not filled while memory is short").isZero();
      giveBack(before);
    }

    @Test
    void areEmptiedByTheDaemonWhereNobodyAllocates() {
      long before = free();
      allocator.free(self, take());
      allocator.drainMagazinesIfShort(self);
      assertThat(setAside()).as("memory is not short").isPositive();
      int hidden = 0;
      while (free() >= 84) {
        stats.decrement(self.stripe(), PageCount.FREE); // as if others had taken them
        hidden++;
      }
      machine.vm.daemon().runPass();
      assertThat(setAside()).isZero();
      for (int i = 0; i < hidden; i++) {
        stats.increment(self.stripe(), PageCount.FREE);
      }
      assertThat(free()).isEqualTo(before);
    }

    @Test
    void serveAnAllocationThatFindsNothingElse() {
      long before = free();
      List<Integer> taken = new ArrayList<>();
      allocator.free(self, take());
      VmThread other = machine.vm.newThread("other"); // another stripe, which has seen nothing yet
      int aside = setAside();
      assertThat(allocator.drainMagazines(other)).isTrue();
      assertThat(aside).isEqualTo(15);
      allocator.free(self, take());
      for (int page = 0; page != PageArray.NONE; ) {
        page = allocator.allocate(other, 0, AllocClass.INTERRUPT);
        taken.add(page);
      }
      assertThat(taken).hasSize((int) before + 1);
      assertThat(setAside()).isZero();
      giveBack(before);
    }

    @Test
    void areLookedIntoByTheCheck() {
      allocator.free(self, take());
      int[] first = {PageArray.NONE};
      allocator.forEachInMagazines(page -> first[0] = page);
      pages.clearFlags(first[0], PageFlags.ZERO);
      assertThat(VmCheck.run(machine.vm).problems())
          .anyMatch(line -> line.contains("set aside, but not as it should be"));
      pages.setFlags(first[0], PageFlags.ZERO);
    }
  }

  @Test
  void areEmptyWhenTheMachineIsClosed() {
    TestMachine machine = new TestMachine(4096, Map.of("vm.magazine_pages", 16L));
    PageAllocator allocator = machine.vm.allocator();
    allocator.free(machine.self, allocator.allocateForZeros(machine.self, 0, AllocClass.NORMAL));
    List<Integer> aside = new ArrayList<>();
    allocator.forEachInMagazines(aside::add);
    assertThat(aside).hasSize(15);
    assertThat(machine.vm.retain()).as("its memory outlives it").isTrue();
    machine.close();
    allocator.forEachInMagazines(page -> aside.add(PageArray.NONE));
    assertThat(aside).hasSize(15);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.vm.release();
  }
}
