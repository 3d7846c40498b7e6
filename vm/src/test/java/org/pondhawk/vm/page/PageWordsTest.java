package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.Helper;

/// What the words of a descriptor answer, at the edges.
class PageWordsTest {
  private static final int PAGE = 1;

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(3, 4096);
  private final PageArray pages = new PageArray(memory, frames, 0);
  private final PageBusy busy = new PageBusy(pages);

  @AfterEach
  void close() {
    frames.close();
    memory.close();
  }

  @Nested
  class TheWireCount {
    @Test
    void changesOnlyFromWhatWasSeen() {
      assertThat(pages.changeWire(PAGE, 1, 2)).isFalse();
      assertThat(pages.wireCount(PAGE)).isZero();
      assertThat(pages.changeWire(PAGE, 0, 2)).isTrue();
      assertThat(pages.wireCount(PAGE)).isEqualTo(2);
    }
  }

  @Nested
  class ANewPage {
    @Test
    void hasNothingToLose() {
      assertThat(pages.isNew(PAGE)).isTrue();
      pages.setFlags(PAGE, PageFlags.REFERENCED);
      pages.setValid(PAGE);
      assertThat(pages.isNew(PAGE)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {PageFlags.MAPPED, PageFlags.SWAPPED, PageFlags.SECOND_CHANCE})
    void isNotFlagged(int flag) {
      pages.setFlags(PAGE, flag);
      assertThat(pages.isNew(PAGE)).isFalse();
    }

    @Test
    void isNeitherDirtyNorActive() {
      pages.setDirty(PAGE);
      assertThat(pages.isNew(PAGE)).isFalse();
      pages.clearDirty(PAGE);
      pages.setActivity(PAGE, 1);
      assertThat(pages.isNew(PAGE)).isFalse();
    }

    @Test
    void beginsWithWhatItIsGiven() {
      pages.begin(PAGE, PageFlags.MAPPED, false);
      assertThat(pages.flags(PAGE)).isEqualTo(PageFlags.MAPPED);
      assertThat(pages.isFullyValid(PAGE)).isTrue();
      assertThat(pages.dirty(PAGE)).isZero();
      assertThat(pages.activity(PAGE)).isEqualTo(Activity.INIT);
      pages.begin(PAGE, 0, true);
      assertThat(pages.dirty(PAGE)).isEqualTo(0xff);
    }
  }

  @Nested
  class TheSpinLock {
    @Test
    void isTriedInVainWhileItIsTaken() {
      assertThat(pages.tryLock(PAGE)).isTrue();
      assertThat(Helper.start(() -> pages.tryLock(PAGE)).join()).isFalse();
      pages.unlock(PAGE);
      assertThat(pages.tryLock(PAGE)).isTrue();
      pages.unlock(PAGE);
    }
  }

  @Nested
  class TheInterlock {
    @Test
    void isWaitedForByWhoComesMeanwhile() throws InterruptedException {
      pages.interlock(PAGE, 1);
      Helper<Integer> waiter =
          Helper.start(() -> {
            pages.awaitInterlock(PAGE);
            return pages.dirty(PAGE);
          });
      for (int i = 0; i < 20_000 && !waiter.isDone(); i++) {
        Thread.onSpinWait();
      }
      assertThat(waiter.isDone()).isFalse();
      pages.setDirty(PAGE);
      pages.interlock(PAGE, -1);
      assertThat(waiter.join()).isEqualTo(0xff);
    }
  }

  @Nested
  class ALease {
    @Test
    void toReadIsSharedAndKeepsWritersOut() {
      assertThat(busy.tryLease(PAGE, false)).isTrue();
      assertThat(busy.tryLease(PAGE, false)).isTrue();
      assertThat(busy.describe(PAGE)).isEqualTo("--- n=2");
      assertThat(busy.tryLease(PAGE, true)).isFalse();
      busy.endLease(PAGE, false);
      busy.endLease(PAGE, false);
      assertThat(busy.isIdle(PAGE)).isTrue();
    }

    @Test
    void toWriteIsForOne() {
      assertThat(busy.tryLease(PAGE, true)).isTrue();
      assertThat(busy.describe(PAGE)).isEqualTo("L-- n=0");
      assertThat(busy.tryLease(PAGE, true)).isFalse();
      assertThat(busy.tryLease(PAGE, false)).isFalse();
      assertThatThrownBy(() -> busy.endLease(PAGE, false)).isInstanceOf(VmPanic.class);
      busy.endLease(PAGE, true);
      assertThat(busy.isIdle(PAGE)).isTrue();
    }
  }

  @Nested
  class AWaiter {
    private int epoch() {
      return busy.waits.of(PAGE).ticket();
    }

    @Test
    void isWokenByTheLastDropAndByNoneBefore() {
      RawMemory.setIntRelease(pages.word(PAGE, PageLayout.BUSY), BusyWord.WANTED | 2);
      int before = epoch();
      busy.dropSoftBusy(PAGE);
      assertThat(epoch()).as("one is left").isEqualTo(before);
      busy.dropSoftBusy(PAGE);
      assertThat(epoch()).isNotEqualTo(before);
      assertThat(busy.describe(PAGE)).isEqualTo("--- n=0");
    }

    @Test
    void isNotWokenWhereNobodyWaits() {
      int before = epoch();
      busy.trySoftBusy(PAGE);
      busy.dropSoftBusy(PAGE);
      busy.takeIdle(PAGE);
      busy.unbusy(PAGE);
      busy.flash(PAGE);
      assertThat(epoch()).isEqualTo(before);
    }
  }
}
