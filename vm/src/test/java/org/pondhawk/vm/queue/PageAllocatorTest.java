package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// A machine of 256 frames: min 17, reserved 15, interruptMin 9.
class PageAllocatorTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageAllocator allocator = machine.vm.allocator();
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final PageMover mover = machine.vm.page().mover();
  private final VmStats stats = machine.vm.page().stats();
  private final VmThread self = machine.self;
  private final List<Integer> taken = new ArrayList<>();

  @AfterEach
  void everythingIsFreedAndSound() {
    for (int page : taken) {
      allocator.free(self, page);
    }
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long freePages() {
    stats.rollup();
    return stats.global(PageCount.FREE);
  }

  private int allocate(AllocClass klass) {
    int page = allocator.allocate(self, 0, klass);
    if (page != PageArray.NONE) {
      taken.add(page);
    }
    return page;
  }

  private void drainTo(long free) {
    while (freePages() > free) {
      assertThat(allocate(AllocClass.INTERRUPT)).isNotEqualTo(PageArray.NONE);
    }
  }

  /// Pages that were freed by another processor are not in this one's view yet.
  @Test
  void aClassThatLeavesTheCacheAloneFindsWhatOthersFreed() {
    drainTo(0);
    VmThread elsewhere = new VmThread("elsewhere", self.stripe() + 1, false, 0);
    for (int n = 0; n < 200; n++) {
      allocator.free(elsewhere, taken.removeLast());
    }
    assertThat(allocate(AllocClass.QUICK)).isNotEqualTo(PageArray.NONE);
  }

  /// Makes an allocated page a cached one without an owner.
  private int cache() {
    int page = taken.removeLast();
    pages.setValid(page);
    assertThat(mover.toCache(self, page)).isTrue();
    return page;
  }

  @Nested
  class AnAllocatedPage {
    @Test
    void isHardBusyAndHasNothingOfItsPast() {
      int page = allocate(AllocClass.NORMAL);
      assertThat(busy.describe(page)).isEqualTo("L-- n=0");
      assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
      assertThat(pages.object(page)).isEqualTo(PageArray.NO_OBJECT);
      assertThat(pages.valid(page)).isZero();
      assertThat(pages.flags(page)).isZero();
      pages.setFlags(page, PageFlags.REFERENCED | PageFlags.SECOND_CHANCE | PageFlags.SWAPPED);
      pages.setValid(page);
      pages.setDirty(page);
      pages.setActivity(page, 9);
      taken.removeLast();
      allocator.free(self, page);

      int again = allocate(AllocClass.NORMAL);
      assertThat(again).as("the one freed last").isEqualTo(page);
      assertThat(pages.flags(page)).isZero();
      assertThat(pages.valid(page) | pages.dirty(page) | pages.activity(page)).isZero();
    }

    @Test
    void hasTheColourThatWasAskedForWhileThereIsOne() {
      for (int color : new int[] {30, 200, 77}) {
        int page = allocator.allocate(self, color, AllocClass.NORMAL);
        taken.add(page);
        assertThat(ColorPolicy.ofPage(page)).isEqualTo(color);
      }
    }

    @Test
    void isPoisonedWhenFreed() {
      int page = allocate(AllocClass.NORMAL);
      RawMemory.fill(pages.address(page), 4096, (byte) 1);
      taken.removeLast();
      allocator.free(self, page);
      assertThat(RawMemory.allBytesAre(pages.address(page), 4096, FrameMemory.POISON)).isTrue();
    }

    @Test
    void isCounted() {
      long before = freePages();
      allocate(AllocClass.NORMAL);
      assertThat(freePages()).isEqualTo(before - 1);
      allocator.free(self, taken.removeLast());
      assertThat(freePages()).isEqualTo(before);
      assertThat(stats.total(Event.FREED)).isEqualTo(1);
    }
  }

  @Nested
  class Classes {
    @ParameterizedTest(name = "{0} stops at {1} with nothing cached")
    @CsvSource({
      "NORMAL, 14",
      "QUICK, 14",
      "SYSTEM, 9",
      "INTERRUPT, 0",
      "SYSTEM_ONLY, 9",
      "INTERRUPT_ONLY, 0"
    })
    void stopAtTheirFloors(AllocClass klass, long floor) {
      drainTo(20);
      while (allocate(klass) != PageArray.NONE) {
        assertThat(freePages()).isGreaterThanOrEqualTo(floor);
      }
      assertThat(freePages()).isEqualTo(floor);
      assertThat(machine.vm.page().gate().work().takeDeficit()).isEqualTo(1);
      assertThat(machine.vm.page().gate().work().pagesNeeded()).isPositive();
    }

    @Test
    void ofADaemonAreSystem() {
      drainTo(14);
      VmThread daemon = new VmThread("daemon", 0, true, 0);
      int page = allocator.allocate(daemon, 0, AllocClass.NORMAL);
      assertThat(page).isNotEqualTo(PageArray.NONE);
      taken.add(page);
    }

    @Test
    void thatMayUseTheCacheTurnACachedPageIntoAFreeOne() {
      drainTo(14);
      int cached = cache();
      assertThat(allocate(AllocClass.QUICK)).isEqualTo(PageArray.NONE);
      assertThat(pages.queue(cached)).isNotEqualTo(PageQueue.NONE);

      assertThat(allocate(AllocClass.NORMAL)).isNotEqualTo(PageArray.NONE);

      stats.rollup();
      assertThat(stats.global(PageCount.CACHE)).isZero();
    }

    @Test
    void thatLeaveTheCacheAloneFailBesideACachedPageUnlessTheyMayTakeTheLast() {
      drainTo(14);
      cache();
      assertThat(allocate(AllocClass.SYSTEM_ONLY)).isEqualTo(PageArray.NONE);
      assertThat(allocate(AllocClass.INTERRUPT_ONLY)).isNotEqualTo(PageArray.NONE);
      stats.rollup();
      assertThat(stats.global(PageCount.CACHE)).as("nobody touched it").isEqualTo(1);
      assertThat(allocate(AllocClass.SYSTEM)).isNotEqualTo(PageArray.NONE);
      stats.rollup();
      assertThat(stats.global(PageCount.CACHE)).isZero();
    }

    @Test
    void systemLeavesTheReserveWhileSomethingIsCached() {
      drainTo(14);
      cache();
      allocate(AllocClass.SYSTEM);
      stats.rollup();
      assertThat(stats.global(PageCount.CACHE)).as("the cache goes first").isZero();
      assertThat(freePages()).isEqualTo(14);
    }
  }

  @Nested
  class TheGracePeriod {
    @Test
    void keepsACachedFrameFromBeingReused() {
      Guard guard = machine.vm.grace().register();
      drainTo(14);
      guard.enter();
      int page = taken.getLast();
      pages.setTicket(page, machine.vm.grace().next());
      int cached = cache();
      machine.vm.grace().begin();

      assertThat(allocate(AllocClass.NORMAL)).as("the guard is still inside").isEqualTo(-1);
      assertThat(PageQueue.CACHE.isKindOf(pages.queue(cached))).isTrue();

      guard.leave();
      assertThat(allocate(AllocClass.NORMAL)).isNotEqualTo(PageArray.NONE);
      machine.vm.grace().unregister(guard);
    }

    /// As when a range is unmapped while the daemon has just cached a page of it.
    @Test
    void isBegunAndAwaitedByWhoFreesAPageThatWasJustCached() {
      Guard guard = machine.vm.grace().register();
      VmThread other = machine.vm.newThread("other");
      int page = allocate(AllocClass.NORMAL);
      guard.enter();
      pages.setTicket(page, machine.vm.grace().next());
      taken.removeLast();
      Helper<Boolean> freer = Helper.run(() -> allocator.free(other, page)).awaitAsleep();
      assertThat(pages.queue(page)).as("the guard is still inside").isEqualTo(PageQueue.NONE);

      guard.leave();
      freer.join();

      assertThat(allocator.allocate(self, ColorPolicy.ofPage(page), AllocClass.NORMAL))
          .isEqualTo(page);
      taken.add(page);
      machine.vm.grace().unregister(guard);
    }
  }

  @Nested
  class Hold {
    @Test
    void keepsAFreedFrameOffTheFreeQueueUntilTheLastIsGivenBack() {
      int page = allocate(AllocClass.NORMAL);
      allocator.hold(page);
      allocator.hold(page);
      taken.removeLast();
      allocator.free(self, page);
      assertThat(PageQueue.HOLD.isKindOf(pages.queue(page))).isTrue();
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();

      allocator.unhold(self, page);
      assertThat(PageQueue.HOLD.isKindOf(pages.queue(page))).isTrue();
      allocator.unhold(self, page);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
    }

    @Test
    void wakesWhoWaitsForMemoryWhenTheLastIsGivenBack() {
      AtomicBoolean enough = new AtomicBoolean();
      drainTo(90);
      int page = taken.removeLast();
      allocator.hold(page);
      allocator.free(self, page);
      VmThread other = machine.vm.newThread("other");
      FreeGate gate = machine.vm.page().gate();
      drainTo(14);
      Helper<Boolean> waiter =
          Helper.run(
                  () -> {
                    Patience patience = gate.patience();
                    while (!enough.get()) {
                      gate.await(other, patience);
                    }
                  })
              .awaitAsleep();
      while (freePages() < 32) {
        allocator.free(self, taken.removeLast());
      }
      assertThat(stats.total(Event.WAITER_WAKEUPS)).as("one page is missing").isZero();
      enough.set(true);

      allocator.unhold(self, page);

      assertThat(stats.total(Event.WAITER_WAKEUPS)).isEqualTo(1);
      waiter.join();
    }

    @Test
    void thatWasGivenBackInARaceIsSweptUp() {
      int page = allocate(AllocClass.NORMAL);
      allocator.hold(page);
      taken.removeLast();
      allocator.free(self, page);
      pages.addHold(page, -1); // as an unhold that did not yet see the queue

      allocator.sweepHeld(self, ColorPolicy.ofPage(page));

      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
    }

    @Test
    void thatNobodyTookCannotBeGivenBack() {
      int page = allocate(AllocClass.NORMAL);
      assertThatThrownBy(() -> allocator.unhold(self, page)).isInstanceOf(VmPanic.class);
      pages.addHold(page, 1);
    }

    @Test
    void ofAPageThatHasBecomeFreeDoesNoHarm() {
      int page = allocate(AllocClass.NORMAL);
      taken.removeLast();
      allocator.free(self, page);
      allocator.hold(page);
      assertThat(allocator.allocate(self, ColorPolicy.ofPage(page), AllocClass.NORMAL))
          .isEqualTo(page);
      allocator.free(self, page);
      assertThat(PageQueue.HOLD.isKindOf(pages.queue(page))).isTrue();

      allocator.unhold(self, page);

      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
      assertThat(allocator.holdsAny()).isFalse();
    }
  }

  @Nested
  class FreeingAZeroedPage {
    private int zeroed() {
      int page = allocate(AllocClass.NORMAL);
      RawMemory.fill(pages.address(page), 4096, (byte) 0);
      taken.removeLast();
      return page;
    }

    @Test
    void keepsItForWhoWantsZeros() {
      int page = zeroed();
      int other = allocate(AllocClass.NORMAL);
      assertThat(other).isNotEqualTo(page);
      allocator.freeZeroed(self, page);
      assertThat(pages.flags(page)).isEqualTo(PageFlags.ZERO);
      assertThat(machine.vm.page().queues().zeroed(pages.queue(page))).isEqualTo(1);
      assertThat(stats.total(Event.FREED)).isEqualTo(1);

      int again = allocator.allocateForZeros(self, ColorPolicy.ofPage(page), AllocClass.NORMAL);
      taken.add(again);
      assertThat(again).isEqualTo(page);
      assertThat(pages.hasFlag(page, PageFlags.ZERO)).isTrue();
    }

    @Test
    void forgetsThatItIsZeroWhileItIsHeld() {
      int page = zeroed();
      allocator.hold(page);
      allocator.freeZeroed(self, page);
      assertThat(PageQueue.HOLD.isKindOf(pages.queue(page))).isTrue();
      assertThat(pages.flags(page)).isZero();
      pages.frames().poison(page);
      allocator.unhold(self, page);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
    }

    @Test
    void thatIsNotZeroIsAPanic() {
      int page = zeroed();
      RawMemory.putByte(pages.address(page) + 4095, (byte) 1);
      taken.add(page);
      assertThatThrownBy(() -> allocator.freeZeroed(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("freed as zero, but it is not: page " + page);
    }
  }

  @Nested
  class Freeing {
    @Test
    void anActivePageTakesItOffItsQueue() {
      int page = allocate(AllocClass.NORMAL);
      mover.activate(self, page);
      taken.removeLast();
      allocator.free(self, page);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).isTrue();
      assertThat(stats.total(Event.FREED)).isEqualTo(1);
      stats.rollup();
      assertThat(stats.global(PageCount.ACTIVE)).isZero();
    }

    @Test
    void aPageThatSomebodyWaitsForWakesHim() {
      int page = allocate(AllocClass.NORMAL);
      VmThread other = machine.vm.newThread("other");
      Helper<Boolean> sleeper =
          Helper.run(() -> {
            while (busy.sleepWhileHardBusy(other, page)) {
              Thread.onSpinWait();
            }
          });
      sleeper.awaitAsleep();
      taken.removeLast();
      allocator.free(self, page);
      sleeper.join();
      assertThat(busy.describe(page)).isEqualTo("--- n=0");
      assertThat(pages.flags(page) & ~PageFlags.REFERENCED).isZero();
    }

    private void isRefused(int page, String why) {
      assertThatThrownBy(() -> allocator.free(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining(why)
          .hasMessageContaining("page " + page + ":");
    }

    @Test
    void aPageThatIsNotBusyIsAPanic() {
      int page = allocate(AllocClass.NORMAL);
      busy.unbusy(page);
      isRefused(page, "not hard-busy");
      busy.tryHardBusy(page);
    }

    @Test
    void aPageThatOthersHaveBusyIsAPanic() {
      int page = allocate(AllocClass.NORMAL);
      busy.addSoftBusy(page);
      isRefused(page, "others have busy");
      busy.finishIo(page);
    }

    @Test
    void aWiredPageIsAPanic() {
      int page = allocate(AllocClass.NORMAL);
      mover.wire(self, page);
      isRefused(page, "wired");
      mover.unwireToFree(self, page);
    }

    @Test
    void aFreePageIsAPanic() {
      int page = allocate(AllocClass.NORMAL);
      taken.removeLast();
      allocator.free(self, page);
      busy.tryHardBusy(page);
      isRefused(page, "freeing a free page");
      busy.unbusy(page);
    }

    @Test
    void aPageWithStaleMappedFlagsIsLookedAtAndFreed() {
      int page = allocate(AllocClass.NORMAL);
      pages.setFlags(page, PageFlags.MAPPED | PageFlags.WRITABLE);
      taken.removeLast();
      allocator.free(self, page);
      assertThat(pages.flags(page) & PageFlags.MAPPED).isZero();
    }
  }

  @Nested
  class AFreePageThatIsInUse {
    private void isNotHandedOut(int page) {
      assertThatThrownBy(() -> allocator.allocate(self, ColorPolicy.ofPage(page), AllocClass.QUICK))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("a free page is in use: page " + page);
      taken.add(page);
    }

    private int freed() {
      int page = allocate(AllocClass.NORMAL);
      allocator.free(self, taken.removeLast());
      return page;
    }

    @Test
    void becauseItIsWiredIsAPanic() {
      int page = freed();
      pages.addWire(page, 1);
      isNotHandedOut(page);
      pages.addWire(page, -1);
    }

    @Test
    void becauseItIsDirtyIsAPanic() {
      int page = freed();
      pages.setDirty(page);
      isNotHandedOut(page);
      pages.clearDirty(page);
    }

    @Test
    void becauseSomebodyHasItBusyIsPassedOver() {
      int page = freed();
      busy.tryHardBusy(page);
      int other = allocator.allocate(self, ColorPolicy.ofPage(page), AllocClass.QUICK);
      assertThat(other).isNotEqualTo(page).isNotEqualTo(PageArray.NONE);
      taken.add(other);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).as("left where it is").isTrue();
      busy.unbusy(page);
    }
  }

  @Nested
  class Wiring {
    @Test
    void isCountedOncePerPageAndUndoneAsOften() {
      stats.rollup();
      long before = stats.global(PageCount.WIRED);
      int page = allocate(AllocClass.NORMAL);
      mover.wire(self, page);
      mover.wire(self, page);
      stats.rollup();
      assertThat(stats.global(PageCount.WIRED)).isEqualTo(before + 1);

      mover.unwire(self, page, true);
      assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
      mover.unwire(self, page, true);
      assertThat(PageQueue.ACTIVE.isKindOf(pages.queue(page))).isTrue();
      stats.rollup();
      assertThat(stats.global(PageCount.WIRED)).isEqualTo(before);
    }

    @Test
    void thatWasNotDoneCannotBeUndone() {
      int page = allocate(AllocClass.NORMAL);
      assertThatThrownBy(() -> mover.unwire(self, page, false)).isInstanceOf(VmPanic.class);
      pages.addWire(page, 1);
    }
  }
}
