package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// Reclaim, protection and exemption of pages that are really mapped.
class PageReclaimTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageOperations operations = machine.vm.pageOperations();
  private final PageReclaim reclaim = operations.reclaim();
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final Space space = machine.vm.newSpace();
  private final long address = machine.map(space, 1);

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// A page that was read through a mapping: zeros, and clean.
  private int readPage() {
    assertThat(machine.get(space, address)).isZero();
    return machine.pageAt(space, address);
  }

  /// A page that was stored into, which only its mapping knows yet.
  private int storedPage() {
    machine.put(space, address, 42);
    int page = machine.pageAt(space, address);
    pages.clearDirty(page);
    return page;
  }

  private boolean isOn(PageQueue kind, int page) {
    return kind.isKindOf(pages.queue(page));
  }

  private void pin(String how, int page) {
    switch (how) {
      case "held" -> machine.vm.allocator().hold(page);
      case "wired" -> machine.vm.page().mover().wire(self, page);
      case "to be committed" -> operations.exemption().needCommit(page);
      case "unmanaged" -> operations.exemption().unmanage(self, page);
      default -> throw new AssertionError(how);
    }
  }

  private void unpin(String how, int page) {
    busy.takeIdle(page);
    switch (how) {
      case "held" -> machine.vm.allocator().unhold(self, page);
      case "wired" -> machine.vm.page().mover().unwire(self, page, true);
      case "to be committed" -> operations.exemption().clearCommit(page);
      default -> pages.clearFlags(page, PageFlags.UNQUEUED);
    }
    busy.unbusy(page);
  }

  @Nested
  class ACleanPage {
    @Test
    void isUnmappedAndCached() {
      int page = readPage();
      busy.takeIdle(page);
      assertThat(reclaim.cache(self, page)).isTrue();
      assertThat(isOn(PageQueue.CACHE, page)).isTrue();
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isFalse();
      assertThat(busy.isIdle(page)).isTrue();

      assertThat(readPage()).as("had back").isEqualTo(page);
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
    }

    @Test
    void thatIsCachedStaysSo() {
      int page = readPage();
      busy.takeIdle(page);
      assertThat(reclaim.tryToCache(self, page)).isTrue();
      busy.takeIdle(page);
      assertThat(reclaim.cache(self, page)).isTrue();
      busy.takeIdle(page);
      assertThat(reclaim.tryToCache(self, page)).as("not by this call").isFalse();
      assertThat(isOn(PageQueue.CACHE, page)).isTrue();
      assertThat(busy.isIdle(page)).isTrue();
    }

    @Test
    void isFreed() {
      int page = readPage();
      assertThat(reclaim.tryToFree(self, page)).isTrue();
      assertThat(isOn(PageQueue.FREE, page)).isTrue();
      assertThat(reclaim.tryToFree(self, page)).as("free already").isFalse();
      assertThat(machine.get(space, address)).isZero();
    }

    @Test
    void isFreedFromTheCache() {
      int page = readPage();
      busy.takeIdle(page);
      reclaim.cache(self, page);
      assertThat(reclaim.tryToFree(self, page)).isTrue();
      assertThat(isOn(PageQueue.FREE, page)).isTrue();
    }

    @Test
    void thatSomebodyHasBusyIsNotFreed() {
      int page = readPage();
      assertThat(busy.trySoftBusy(page)).isTrue();
      assertThat(reclaim.tryToFree(self, page)).isFalse();
      busy.dropSoftBusy(page);
      busy.takeIdle(page);
      assertThat(reclaim.tryToFree(self, page)).isFalse();
      busy.unbusy(page);
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
    }

    @Test
    void thatIsSoftBusyIsNotCached() {
      int page = readPage();
      assertThat(busy.trySoftBusy(page)).isTrue();
      assertThat(busy.tryHardBusyBesideSoft(page)).isTrue();
      assertThat(reclaim.cache(self, page)).isFalse();
      assertThat(busy.describe(page)).isEqualTo("--- n=1");
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).as("left alone").isTrue();
      busy.dropSoftBusy(page);
    }

    @ParameterizedTest
    @ValueSource(strings = {"held", "wired", "to be committed", "unmanaged"})
    void thatIsPinnedStaysWhereItIs(String how) {
      int page = readPage();
      busy.takeIdle(page);
      pin(how, page);
      int queue = pages.queue(page);
      assertThat(reclaim.cache(self, page)).isFalse();
      busy.takeIdle(page);
      assertThat(reclaim.tryToCache(self, page)).isFalse();
      assertThat(reclaim.tryToFree(self, page)).isFalse();
      busy.takeIdle(page);
      assertThat(machine.vm.page().mover().toCache(self, page)).isFalse();
      assertThat(pages.queue(page)).isEqualTo(queue);
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isTrue();
      unpin(how, page);
    }
  }

  @Nested
  class AStoredPage {
    @Test
    void becomesInactiveInsteadOfCached() {
      int page = storedPage();
      busy.takeIdle(page);
      assertThat(reclaim.cache(self, page)).isFalse();
      assertThat(isOn(PageQueue.INACTIVE, page)).isTrue();
      assertThat(pages.dirty(page)).as("collected from the mapping").isEqualTo(0xff);
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isFalse();
      assertThat(machine.get(space, address)).isEqualTo(42);
    }

    @Test
    void isMovedOnlyIfItIsActive() {
      int page = storedPage();
      busy.takeIdle(page);
      assertThat(reclaim.tryToCache(self, page)).isFalse();
      assertThat(isOn(PageQueue.INACTIVE, page)).isTrue();
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).as("not unmapped for that").isTrue();
      busy.takeIdle(page);
      machine.vm.page().mover().unqueue(self, page);
      assertThat(reclaim.tryToCache(self, page)).isFalse();
      assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
      assertThat(busy.isIdle(page)).isTrue();
    }

    @Test
    void isNotFreed() {
      int page = storedPage();
      assertThat(reclaim.tryToFree(self, page)).isFalse();
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
      assertThat(machine.get(space, address)).isEqualTo(42);
    }

    @Test
    void losesTheRightToBeStoredInto() {
      int page = storedPage();
      busy.takeIdle(page);
      operations.protection().revokeStores(page);
      busy.unbusy(page);
      assertThat(pages.hasFlag(page, PageFlags.WRITABLE)).isFalse();
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isTrue();
      assertThat(pages.dirty(page)).isEqualTo(0xff);
      assertThat(space.pmap().touch(address, true)).as("a store faults").isFalse();
      assertThat(space.pmap().touch(address, false)).as("a load does not").isTrue();
    }

    @Test
    void losesItsMappings() {
      int page = storedPage();
      busy.takeIdle(page);
      operations.protection().revokeAll(page);
      busy.unbusy(page);
      assertThat(pages.hasFlag(page, PageFlags.MAPPED | PageFlags.WRITABLE)).isFalse();
      assertThat(pages.dirty(page)).isEqualTo(0xff);
      assertThat(space.pmap().touch(address, false)).isFalse();
      assertThat(machine.get(space, address)).isEqualTo(42);
    }
  }

  @Nested
  class AnExemptPage {
    @Test
    void leavesItsQueueForGood() {
      int page = readPage();
      busy.takeIdle(page);
      operations.exemption().unmanage(self, page);
      machine.vm.page().mover().activate(self, page);
      machine.vm.page().mover().deactivate(self, page);
      assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
      machine.vm.mappings().removeAll(page);
      machine.vm.allocator().free(self, page);
      assertThat(isOn(PageQueue.FREE, page)).isTrue();
    }

    @Test
    void leavesItsQueueWithoutAWord() {
      int page = readPage();
      busy.takeIdle(page);
      operations.exemption().unqueueQuietly(self, page);
      assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
      busy.unbusy(page);
    }

    @Test
    void isKeptUntilItIsCommitted() {
      int page = readPage();
      busy.takeIdle(page);
      operations.exemption().needCommit(page);
      assertThat(machine.vm.objects().get(pages.object(page)).isMaybeDirty()).isTrue();
      machine.vm.page().mover().deactivate(self, page);
      busy.unbusy(page);
      pages.clearFlags(page, PageFlags.REFERENCED);
      for (int i = 0; i < 40; i++) {
        machine.vm.daemon().runPass();
      }
      assertThat(isOn(PageQueue.CACHE, page) || isOn(PageQueue.FREE, page)).isFalse();
      busy.takeIdle(page);
      operations.exemption().clearCommit(page);
      assertThat(reclaim.cache(self, page)).isTrue();
    }

    @Test
    void isAnOrdinaryOneOnceItWasFreed() {
      int page = readPage();
      busy.takeIdle(page);
      operations.exemption().needCommit(page);
      machine.vm.mappings().removeAll(page);
      machine.vm.allocator().free(self, page);
      assertThat(pages.hasFlag(page, PageFlags.NEED_COMMIT)).isFalse();
    }
  }

  @Nested
  class Misuse {
    @Test
    void ofAPageThatIsNotHardBusyIsAPanic() {
      int page = readPage();
      List<IntConsumer> operation =
          List.of(
              p -> reclaim.cache(self, p),
              p -> reclaim.tryToCache(self, p),
              p -> operations.protection().revokeAll(p),
              p -> operations.protection().revokeStores(p),
              p -> operations.exemption().unmanage(self, p),
              p -> operations.exemption().unqueueQuietly(self, p),
              p -> operations.exemption().needCommit(p),
              p -> operations.exemption().clearCommit(p));
      for (IntConsumer each : operation) {
        assertThatThrownBy(() -> each.accept(page))
            .isInstanceOf(VmPanic.class)
            .hasMessageContaining("not hard-busy: page " + page + ": busy --- n=0");
      }
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
    }

    @Test
    void ofACachedPageThatIsMappedIsAPanic() {
      int page = readPage();
      busy.takeIdle(page);
      reclaim.cache(self, page);
      busy.takeIdle(page);
      pages.setFlags(page, PageFlags.MAPPED);
      assertThatThrownBy(() -> reclaim.cache(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("cached, but mapped: page " + page);
      pages.clearFlags(page, PageFlags.MAPPED);
      busy.unbusy(page);
    }

    @Test
    void ofAPageOfNothingIsAPanic() {
      int page = machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
      assertThatThrownBy(() -> operations.exemption().needCommit(page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("belongs to nothing: page " + page);
      machine.vm.allocator().free(self, page);
    }
  }
}
