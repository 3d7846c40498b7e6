package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// What moving and reclaiming a page does beside moving and reclaiming it, and where it changes its
/// mind at the last moment.
class ReclaimEdgesTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageParts parts = machine.vm.page();
  private final PageArray pages = parts.pages();
  private final PageBusy busy = parts.busy();
  private final PageMover mover = parts.mover();
  private final PageReclaim reclaim = machine.vm.pageOperations().reclaim();
  private final VmThread self = machine.self;
  private final Space space = machine.vm.newSpace();
  private final long address = machine.map(space, 1);

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// A page that was read, hard-busy.
  private int taken() {
    assertThat(machine.get(space, address)).isZero();
    int page = machine.pageAt(space, address);
    busy.takeIdle(page);
    return page;
  }

  private boolean isOn(PageQueue kind, int page) {
    return kind.isKindOf(pages.queue(page));
  }

  @Nested
  class Activating {
    @ParameterizedTest(name = "from {0} to {1}")
    @CsvSource({"0, 5", "4, 5", "5, 5", "6, 6", "64, 64"})
    void raisesTheActivityAndNeverLowersIt(int before, int after) {
      int page = taken();
      pages.setActivity(page, before);
      mover.activate(self, page);
      assertThat(pages.activity(page)).isEqualTo(after);
      assertThat(Activity.INIT).isEqualTo(5);
      busy.unbusy(page);
    }
  }

  @Nested
  class Deactivating {
    @Test
    void ofACachedPageIsCountedAsItsReuse() {
      int page = taken();
      assertThat(reclaim.cache(self, page)).isTrue();
      long before = parts.stats().total(Event.REACTIVATED);
      mover.deactivate(self, page);
      assertThat(parts.stats().total(Event.REACTIVATED)).isEqualTo(before + 1);
      mover.activate(self, page);
      assertThat(parts.stats().total(Event.REACTIVATED)).as("not of this").isEqualTo(before + 1);
    }

    @Test
    void beginsTheFirstLapOfADirtyPage() {
      int page = taken();
      pages.setFlags(page, PageFlags.SECOND_CHANCE);
      mover.deactivate(self, page);
      assertThat(pages.hasFlag(page, PageFlags.SECOND_CHANCE)).isFalse();
      pages.setFlags(page, PageFlags.SECOND_CHANCE);
      mover.deactivate(self, page);
      assertThat(pages.hasFlag(page, PageFlags.SECOND_CHANCE)).as("is inactive already").isTrue();
      busy.unbusy(page);
    }
  }

  @Nested
  class Unmapping {
    @Test
    void leavesTheTicketOfWhoMayStillBeInside() {
      int page = taken();
      int before = pages.ticket(page);
      machine.vm.pageOperations().protection().revokeAll(page);
      assertThat(pages.ticket(page)).isNotEqualTo(before);
      int after = pages.ticket(page);
      machine.vm.pageOperations().protection().revokeAll(page);
      assertThat(pages.ticket(page)).as("nothing was mapped").isEqualTo(after);
      busy.unbusy(page);
    }

    @Test
    void toFreeAPageGivesItATicketToo() {
      int page = taken();
      busy.unbusy(page);
      int before = pages.ticket(page);
      assertThat(reclaim.tryToFree(self, page)).isTrue();
      assertThat(pages.ticket(page)).isNotEqualTo(before);
    }

    @Test
    void isNotDoneToAPageThatIsKnownToBeDirty() {
      machine.put(space, address, 42);
      int page = machine.pageAt(space, address);
      pages.clearDirty(page);
      assertThat(reclaim.tryToFree(self, page)).isFalse();
      assertThat(pages.dirty(page)).as("asked of the mapping").isEqualTo(0xff);
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isTrue();
      assertThat(busy.isIdle(page)).isTrue();
    }
  }

  @Nested
  class APageThatMayNotBeCachedInTheEnd {
    @Test
    void isNotSaidToBeCached() {
      int page = taken();
      busy.addSoftBusy(page);
      assertThat(reclaim.tryToCache(self, page)).isFalse();
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
      assertThat(busy.describe(page)).isEqualTo("--- n=1");
      busy.dropSoftBusy(page);
    }
  }

  @Nested
  class AStoreAtTheLastMoment {
    /// Mappings through which somebody stores just before they are taken away.
    private final Mappings stored =
        new Mappings() {
          @Override
          public void removeAll(int page) {
            pages.setDirty(page);
            machine.vm.mappings().removeAll(page);
          }

          @Override
          public int removeAllWired(int page) {
            return machine.vm.mappings().removeAllWired(page);
          }

          @Override
          public int wired(int page) {
            return machine.vm.mappings().wired(page);
          }

          @Override
          public void writeProtect(int page) {
            machine.vm.mappings().writeProtect(page);
          }

          @Override
          public boolean isModified(int page) {
            return false;
          }

          @Override
          public int testAndClearReferenced(int page) {
            return 0;
          }
        };

    private final PageReclaim late =
        new PageReclaim(
            parts,
            machine.vm.allocator(),
            new PageContent(parts, machine.vm.owner(), stored),
            new PageProtection(parts, stored, machine.vm.grace()));

    @Test
    void keepsThePageFromBeingFreed() {
      int page = taken();
      busy.unbusy(page);
      assertThat(late.tryToFree(self, page)).isFalse();
      assertThat(busy.isIdle(page)).isTrue();
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
      assertThat(pages.dirty(page)).isEqualTo(0xff);
    }

    @Test
    void makesThePageInactiveInsteadOfCached() {
      int page = taken();
      assertThat(late.tryToCache(self, page)).isFalse();
      assertThat(isOn(PageQueue.INACTIVE, page)).isTrue();
      assertThat(busy.isIdle(page)).isTrue();
    }
  }
}
