package org.pondhawk.vm.pmap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.SpinLock;
import org.pondhawk.vm.sync.VmThread;

/// The page table of a space with one mapping, and the reverse map over it.
@ParameterizedClass(name = "{0}")
@EnumSource(value = TableForm.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class PmapTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;

  private final TestMachine machine;
  private final Space space;
  private final Pmap pmap;
  private final PageArray pages;
  private final Mappings mappings;
  private final long heap;

  /// Pieces of words that one piece of entries needs.
  private final int words;

  PmapTest(TableForm tables) {
    machine = new TestMachine(256, null, 0, tables);
    space = machine.vm.newSpace();
    pmap = space.pmap();
    pages = machine.vm.page().pages();
    mappings = machine.vm.mappings();
    heap = machine.map(space, 2000);
    words = tables == TableForm.LINEAR ? 1 : 2;
    assertThat(pmap.form()).isEqualTo(tables);
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.vm.closeSpace(machine.self, space);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    assertThat(machine.vm.page().stats().total(Event.TABLE_FRAMES)).isZero();
    machine.close();
  }

  private int stored(long address) {
    machine.put(space, address, 1);
    return machine.pageAt(space, address);
  }

  private int loaded(long address) {
    machine.get(space, address);
    return machine.pageAt(space, address);
  }

  private void busy(int page, Runnable action) {
    assertThat(machine.vm.page().busy().tryHardBusy(page)).isTrue();
    action.run();
    machine.vm.page().busy().unbusy(page);
  }

  @Nested
  class AnEntry {
    @Test
    void ofALoadIsAccessedAndNotModified() {
      int page = loaded(heap);
      assertThat(Pte.describe(pmap.entry(heap))).startsWith("VWA- frame").endsWith("generation 1");
      assertThat(pages.flags(page)).isEqualTo(PageFlags.MAPPED | PageFlags.WRITABLE);
      assertThat(pages.dirty(page)).isZero();
      assertThat(pmap.resident()).isEqualTo(1);
    }

    @Test
    void ofAStoreIsModified() {
      stored(heap);
      assertThat(pmap.entry(heap) & Pte.WRITE_HIT).isEqualTo(Pte.WRITE_HIT);
    }

    @Test
    void getsTheModifiedBitAtTheFirstStoreThroughIt() {
      int page = loaded(heap);
      assertThat(mappings.isModified(page)).isFalse();

      assertThat(pmap.touch(heap, true)).isTrue();

      assertThat(mappings.isModified(page)).isTrue();
    }

    @Test
    void thatGetsARightIsNoSecondOne() {
      int page = loaded(heap);

      busy(page, () -> pmap.enter(heap, page, true, true));

      assertThat(pages.flags(page) & PageFlags.MAPPED_MULTI).isZero();
      assertThat(pmap.resident()).isEqualTo(1);
    }

    @Test
    void besideAnotherOfItsPageIsNotedAsSuch() {
      int page = loaded(heap);
      loaded(heap + SIZE); // the table's memory is charged
      pmap.remove(heap + SIZE, heap + 2 * SIZE);

      busy(page, () -> pmap.enter(heap + SIZE, page, true, false));

      assertThat(pages.flags(page) & PageFlags.MAPPED_MULTI).isNotZero();
      pmap.remove(heap + SIZE, page); // as it was, for the check that follows
      pages.clearFlags(page, PageFlags.MAPPED_MULTI);
    }

    @Test
    void thatIsNotThereAllowsNothing() {
      assertThat(pmap.touch(heap, false)).isFalse();
      assertThat(pmap.touch(heap, true)).isFalse();
    }

    @Test
    void thatIsReplacedByAnotherPageLeavesItsBitsWithTheOldOne() {
      int old = stored(heap);
      int other = stored(heap + SIZE);
      pages.clearDirty(old);
      long was = pmap.entry(heap);
      pmap.enter(heap, other, true, false);
      assertThat(pages.dirty(old)).isNotZero();
      assertThat(Pte.frame(pmap.entry(heap))).isEqualTo(pages.address(other)).isNotEqualTo(was);
      assertThat(pmap.resident()).isEqualTo(2);
      pmap.remove(heap, other); // as it was, for the check that follows
      pages.clearFlags(other, PageFlags.MAPPED_MULTI);
    }

    @Test
    void cannotBeInTableMemoryThatIsNotCharged() {
      int page = stored(heap);
      long far = 1L << 39;
      assertThatThrownBy(() -> pmap.enter(far, page, true, true))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("not charged");
    }
  }

  @Nested
  class Removing {
    @Test
    void collectsTheModifiedAndTheAccessedBit() {
      int page = loaded(heap);
      pmap.touch(heap, true);
      busy(page, () -> mappings.removeAll(page));

      assertThat(Pte.isValid(pmap.entry(heap))).isFalse();
      assertThat(pages.dirty(page)).isEqualTo(0xff);
      assertThat(pages.flags(page)).isEqualTo(PageFlags.REFERENCED);
      assertThat(pmap.resident()).isZero();
    }

    @Test
    void ofACleanEntryLeavesThePageClean() {
      int page = loaded(heap);
      busy(page, () -> mappings.removeAll(page));
      assertThat(pages.dirty(page)).isZero();
      assertThat(pages.hasFlag(page, PageFlags.REFERENCED)).isTrue();
    }

    @Test
    void raisesTheGenerationOfTheNextInstallation() {
      int page = loaded(heap);
      long before = pmap.entry(heap);
      busy(page, () -> mappings.removeAll(page));
      machine.get(space, heap);

      assertThat(machine.pageAt(space, heap)).isEqualTo(page);
      assertThat(pmap.entry(heap)).as("not the same word again").isNotEqualTo(before);
      assertThat(Pte.describe(pmap.entry(heap))).endsWith("generation 2");
    }

    @Test
    void ofAnotherPageThanTheOneThatIsMappedDoesNothing() {
      stored(heap);
      int other = stored(heap + SIZE);
      pmap.remove(heap, other);
      assertThat(Pte.isValid(pmap.entry(heap))).isTrue();
    }

    @Test
    void ofARangeClearsTheFlagsAndSkipsWhatIsNotThere() {
      int first = stored(heap);
      int last = stored(heap + 1999 * SIZE);
      pmap.remove(heap, heap + 1999 * SIZE);

      assertThat(pages.flags(first)).isEqualTo(PageFlags.REFERENCED);
      assertThat(pages.dirty(first)).isEqualTo(0xff);
      assertThat(pages.hasFlag(last, PageFlags.MAPPED)).isTrue();
      assertThat(pmap.resident()).isEqualTo(1);
    }
  }

  @Nested
  class Protecting {
    @Test
    void takesTheRightToStoreAndCollectsTheModifiedBit() {
      int page = loaded(heap);
      pmap.touch(heap, true);
      busy(page, () -> mappings.writeProtect(page));

      assertThat(Pte.isValid(pmap.entry(heap))).isTrue();
      assertThat(pmap.entry(heap) & (Pte.WRITABLE | Pte.MODIFIED)).isZero();
      assertThat(pages.dirty(page)).isEqualTo(0xff);
      assertThat(pages.flags(page)).isEqualTo(PageFlags.MAPPED);
      assertThat(pmap.touch(heap, true)).isFalse();
      assertThat(pmap.touch(heap, false)).isTrue();
    }

    @Test
    void isUndoneByTheNextWriteFault() {
      int page = loaded(heap);
      busy(page, () -> mappings.writeProtect(page));
      machine.put(space, heap, 77);
      assertThat(machine.get(space, heap)).isEqualTo(77);
      assertThat(pages.hasFlag(page, PageFlags.WRITABLE)).isTrue();
    }
  }

  @Nested
  class References {
    @Test
    void areCountedAndClearedOnce() {
      int page = loaded(heap);
      busy(
          page,
          () -> {
            assertThat(mappings.testAndClearReferenced(page)).isEqualTo(1);
            assertThat(mappings.testAndClearReferenced(page)).isZero();
          });
      assertThat(pmap.touch(heap, false)).as("the mapping is still there").isTrue();
      busy(page, () -> assertThat(mappings.testAndClearReferenced(page)).isEqualTo(1));
    }

    @Test
    void takeTheModifiedBitWithThemIntoThePage() {
      machine.put(space, heap, 7);
      int page = machine.pageAt(space, heap);
      busy(
          page,
          () -> {
            pages.clearDirty(page);
            assertThat(mappings.testAndClearReferenced(page)).isEqualTo(1);
          });
      assertThat(pages.dirty(page)).isNotZero();
      assertThat(pmap.entry(heap) & (Pte.ACCESSED | Pte.MODIFIED)).isZero();
      assertThat(pmap.touch(heap, true)).as("the next store finds out").isTrue();
      assertThat(Pte.isConsistent(pmap.entry(heap))).isTrue();
    }

    @Test
    void ofAPageThatIsNotMappedAreNone() {
      int page = loaded(heap);
      busy(
          page,
          () -> {
            mappings.removeAll(page);
            assertThat(mappings.testAndClearReferenced(page)).isZero();
            assertThat(mappings.isModified(page)).isFalse();
          });
    }
  }

  @Nested
  class TableMemory {
    @Test
    void isChargedByThePieceWhenItIsTouched() {
      assertThat(pmap.balloons()).isEmpty();
      machine.put(space, heap, 1);
      assertThat(pmap.balloons()).as("one for the entries, and their words").hasSize(1 + words);
      machine.put(space, heap + SIZE, 1);
      assertThat(pmap.balloons()).as("512 entries to a piece").hasSize(1 + words);
      machine.put(space, heap + 600 * SIZE, 1);
      assertThat(pmap.balloons()).as("512 words to a piece").hasSize(2 + words);
      assertThat(machine.vm.page().stats().total(Event.TABLE_FRAMES)).isEqualTo(2 + words);
    }

    @Test
    void isGivenBackWhenItsLastEntryIsUnmapped() {
      machine.put(space, heap, 1);
      machine.put(space, heap + 600 * SIZE, 1);
      space.unmap(machine.self, heap + 600 * SIZE, heap + 601 * SIZE);
      assertThat(pmap.balloons()).hasSize(1 + words);
      space.unmap(machine.self, heap, heap + SIZE);
      assertThat(pmap.balloons()).isEmpty();
    }

    @Test
    void isGivenBackWhenAnEntryThatIsBeingRemovedElsewhereHasBeenCounted() {
      long region = 1L << pmap.regionShift();
      long at = (heap + region - 1) & -region;
      machine.put(space, at, 1);
      TablePieces.Piece piece = pmap.piece(at);
      piece.raise(); // a reverse scan has removed an entry, and has not counted that yet
      VmThread unmapping = machine.vm.newThread("unmap");
      Helper<Boolean> unmap =
          Helper.start(() -> {
            space.unmap(unmapping, at, at + region);
            return true;
          });
      for (int round = 1; pmap.isMapped(at) || round < 10_000; round++) {
        SpinLock.giveWay();
      }
      assertThat(unmap.isDone()).isFalse();

      piece.lower();

      assertThat(unmap.join()).isTrue();
      assertThat(pmap.balloons()).isEmpty();
    }

    @Test
    void isNotWaitedForInAHaltedMachine() {
      TestMachine other = new TestMachine(256);
      Space halted = other.vm.newSpace();
      long region = 1L << halted.pmap().regionShift();
      long at = (other.map(halted, 2000) + region - 1) & -region;
      other.put(halted, at, 1);
      halted.pmap().piece(at).raise(); // by a reverse scan that has panicked since
      other.vm.halt(new VmPanic("a test"));

      assertThatThrownBy(() -> halted.unmap(other.vm.newThread("unmap"), at, at + region))
          .isInstanceOf(MachineHaltedException.class);
      other.close();
    }

    @Test
    void isNotPinnedAfterItWasGivenBack() {
      Space other = machine.vm.newSpace();
      assertThat(other.pmap().pin()).isTrue();
      machine.vm.closeSpace(machine.self, other);
      assertThat(other.pmap().pin()).isFalse();
      assertThat(Pte.isValid(other.pmap().entry(heap))).as("the pin keeps it readable").isFalse();
      other.pmap().unpin();
      assertThat(other.pmap().pin()).isFalse();
    }
  }
}
