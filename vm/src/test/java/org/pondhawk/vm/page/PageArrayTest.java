package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.sync.Helper;

class PageArrayTest {
  private static final int PAGE = 3;
  private static final int PAGES = 8;

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(PAGES, 4096);
  private final PageArray pages = new PageArray(memory, frames, 2);

  @AfterEach
  void theNeighboursAreAsTheyWereAtBoot() {
    for (int page : new int[] {PAGE - 1, PAGE + 1}) {
      assertThat(pages.describe(page))
          .isEqualTo(
              "page "
                  + page
                  + ": busy --- n=0, flags none, wire 0, hold 0, cow 0, object -1 at 0, queue 0,"
                  + " colour "
                  + page
                  + ", valid 00, dirty 00, activity 0, ticket 0");
      assertThat(pages.address(page)).isEqualTo(frames.address(page));
      assertThat(pages.next(page)).isEqualTo(PageArray.NONE);
      assertThat(pages.prev(page)).isEqualTo(PageArray.NONE);
    }
    frames.close();
    memory.close();
  }

  @Test
  void eachFieldKeepsItsValueBesideAllOthers() {
    pages.setFlags(PAGE, PageFlags.MAPPED | PageFlags.SWAPPED);
    pages.addWire(PAGE, 2);
    pages.addHold(PAGE, 3);
    pages.interlock(PAGE, 1);
    assertThat(pages.tryRaiseCow(PAGE)).isTrue();
    assertThat(pages.tryRaiseCow(PAGE)).isTrue();
    pages.setIdentity(PAGE, 77, 1L << 40);
    pages.setQueue(PAGE, 5120);
    pages.setColor(PAGE, 1023);
    pages.setNext(PAGE, 6);
    pages.setPrev(PAGE, 5);
    pages.setValid(PAGE);
    pages.setActivity(PAGE, 9);
    pages.setTicket(PAGE, -4);

    assertThat(pages.describe(PAGE))
        .isEqualTo(
            "page 3: busy --- n=0, flags MAPPED|SWAPPED, wire 2, hold 3, cow 2, object 77 at"
                + " 1099511627776, queue 5120, colour 1023, valid ff, dirty 00, activity 9, ticket -4");
    assertThat(pages.next(PAGE)).isEqualTo(6);
    assertThat(pages.prev(PAGE)).isEqualTo(5);
    assertThat(pages.address(PAGE)).isEqualTo(frames.address(PAGE));
  }

  @Test
  void sendersAreCountedBesideTheInterlock() {
    for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
      assertThat(pages.tryRaiseCow(PAGE)).isTrue();
    }
    assertThat(pages.tryRaiseCow(PAGE)).as("one too many").isFalse();
    pages.interlock(PAGE, 1);
    pages.interlock(PAGE, -1);
    pages.awaitInterlock(PAGE);
    assertThat(pages.cowCount(PAGE)).isEqualTo(PageArray.MOST_SENDERS);
    for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
      assertThat(pages.tryLowerCow(PAGE)).isTrue();
    }
    assertThat(pages.tryLowerCow(PAGE)).as("there is none").isFalse();
    assertThat(pages.cowCount(PAGE)).isZero();
    assertThat(pages.cowCount(PAGE - 1) + pages.cowCount(PAGE + 1)).isZero();
  }

  /// Of more than one piece, with help: 300,000 pages whose frames are never touched.
  @Test
  void aLargeOneIsTheSameAllOver() {
    List<Helper<Boolean>> helpers = new ArrayList<>();
    try (OwnMemory own = new OwnMemory();
        FrameMemory many = FrameMemory.reserve(300_000, 4096)) {
      PageArray large = new PageArray(own, many, 2, 1, task -> helpers.add(Helper.run(task)));
      assertThat(helpers).hasSize(2);
      for (int page = 0; page < 300_000; page++) {
        if (large.object(page) != PageArray.NO_OBJECT
            || large.next(page) != PageArray.NONE
            || large.prev(page) != PageArray.NONE
            || large.flags(page) != 0
            || large.address(page) != many.address(page)) {
          throw new AssertionError(large.describe(page));
        }
      }
      assertThat(large.hasFlag(300_001, PageFlags.MARKER)).isTrue();
      assertThat(large.flags(300_002)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    }
    helpers.forEach(helper -> assertThat(helper.join()).isTrue());
  }

  @Nested
  class Color {
    @Test
    void isThatOfTheNumberAtFirst() {
      assertThat(pages.color(PAGE)).isEqualTo(PageColor.atFirst(PAGE)).isEqualTo(3);
    }

    @Test
    void andTheQueueShareAWordWithoutChangingEachOther() {
      pages.setColor(PAGE, 1023);
      assertThat(pages.queue(PAGE)).isZero();
      pages.setQueue(PAGE, 5120);
      assertThat(pages.color(PAGE)).isEqualTo(1023);
      pages.setColor(PAGE, 0);
      assertThat(pages.queue(PAGE)).isEqualTo(5120);
      pages.setQueue(PAGE, 0);
      assertThat(pages.color(PAGE)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1024, 1 << 20})
    void outOfRangeIsRefused(int color) {
      assertThatThrownBy(() -> pages.setColor(PAGE, color))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("color=" + color + " of page " + PAGE);
      assertThat(pages.color(PAGE)).isEqualTo(PAGE);
    }
  }

  @Nested
  class WordsReadTogether {
    @Test
    void bothLinksAreOneStore() {
      pages.setLinks(PAGE, 6, 5);
      assertThat(pages.next(PAGE)).isEqualTo(6);
      assertThat(pages.prev(PAGE)).isEqualTo(5);
      pages.setLinks(PAGE, PageArray.NONE, 2);
      assertThat(pages.next(PAGE)).isEqualTo(PageArray.NONE);
      assertThat(pages.prev(PAGE)).isEqualTo(2);
    }

    @Test
    void aPageIsUnpinnedWhileNeitherWiredNorHeld() {
      assertThat(pages.isUnpinned(PAGE)).isTrue();
      pages.addWire(PAGE, 1);
      assertThat(pages.isUnpinned(PAGE)).isFalse();
      pages.addWire(PAGE, -1);
      pages.addHold(PAGE, 1);
      assertThat(pages.isUnpinned(PAGE)).isFalse();
    }

    @Test
    void aPageIsLooseWithoutObjectQueueAndLock() {
      assertThat(pages.isLoose(PAGE)).isTrue();
      pages.setIdentity(PAGE, 0, 4);
      assertThat(pages.isLoose(PAGE)).isFalse();
      pages.setIdentity(PAGE, PageArray.NO_OBJECT, 4);
      assertThat(pages.isLoose(PAGE)).isTrue();
      pages.setQueue(PAGE, 5120);
      assertThat(pages.isLoose(PAGE)).isFalse();
      pages.setQueue(PAGE, 0);
      pages.lock(PAGE);
      assertThat(pages.isLoose(PAGE)).as("a search may be moving it").isFalse();
      pages.unlock(PAGE);
    }

    @Test
    void flagsOfOnesOwnAreClearedByAStore() {
      pages.setFlags(PAGE, PageFlags.SWAPPED | PageFlags.NO_SYNC);
      pages.clearFlagsOfOwn(PAGE, pages.flags(PAGE), PageFlags.SWAPPED | PageFlags.MAPPED);
      assertThat(pages.flags(PAGE)).isEqualTo(PageFlags.NO_SYNC);
      pages.clearFlagsOfOwn(PAGE, pages.flags(PAGE), PageFlags.MAPPED);
      assertThat(pages.flags(PAGE)).isEqualTo(PageFlags.NO_SYNC);
    }
  }

  @Nested
  class Content {
    @Test
    void isNothingAtFirst() {
      assertThat(pages.isFullyValid(PAGE)).isFalse();
      assertThat(pages.valid(PAGE)).isZero();
      assertThat(pages.dirty(PAGE)).isZero();
    }

    @Test
    void dirtyComesAndGoesWithoutTouchingTheRest() {
      pages.setValid(PAGE);
      pages.setActivity(PAGE, 17);
      pages.setDirty(PAGE);
      assertThat(pages.dirty(PAGE)).isEqualTo(0xff);
      assertThat(pages.valid(PAGE)).isEqualTo(0xff);
      assertThat(pages.activity(PAGE)).isEqualTo(17);

      pages.clearDirty(PAGE);
      assertThat(pages.dirty(PAGE)).isZero();
      assertThat(pages.isFullyValid(PAGE)).isTrue();
      assertThat(pages.activity(PAGE)).isEqualTo(17);
    }

    @Test
    void isForgottenAllAtOnce() {
      pages.setValid(PAGE);
      pages.setDirty(PAGE);
      pages.setActivity(PAGE, 17);
      pages.clearContent(PAGE);
      assertThat(pages.valid(PAGE) | pages.dirty(PAGE) | pages.activity(PAGE)).isZero();
    }

    @Test
    void activityIsCutToItsRange() {
      pages.setActivity(PAGE, Activity.MAX + 1);
      assertThat(pages.activity(PAGE)).isEqualTo(Activity.MAX);
      pages.setActivity(PAGE, -1);
      assertThat(pages.activity(PAGE)).isZero();
    }

    @Test
    void theWordKeepsItsFourPartsApart() {
      int word = ContentWord.withActivity(0xAA12_3456, 0x7f);
      assertThat(word).isEqualTo(0xAA7F_3456);
      assertThat(ContentWord.valid(word)).isEqualTo(0x56);
      assertThat(ContentWord.dirty(word)).isEqualTo(0x34);
      assertThat(ContentWord.activity(word)).isEqualTo(0x7f);
    }

    @Test
    void loosesNothingWhenTwoThreadsChangeDifferentParts() {
      int rounds = 20_000;
      Helper<Boolean> other =
          Helper.run(() -> {
            for (int i = 0; i < rounds; i++) {
              pages.setActivity(PAGE, i % 60);
            }
          });
      for (int i = 0; i < rounds; i++) {
        pages.setDirty(PAGE);
        assertThat(pages.dirty(PAGE)).isEqualTo(0xff);
        pages.clearDirty(PAGE);
        assertThat(pages.dirty(PAGE)).isZero();
      }
      other.join();
      assertThat(pages.activity(PAGE)).isEqualTo((rounds - 1) % 60);
    }
  }

  @Nested
  class Flags {
    @Test
    void haveTheValuesOfTheReference() {
      assertThat(
              new int[] {
                PageFlags.SECOND_CHANCE,
                PageFlags.FICTITIOUS,
                PageFlags.WRITABLE,
                PageFlags.MAPPED,
                PageFlags.MAPPED_MULTI,
                PageFlags.REFERENCED,
                PageFlags.UNQUEUED,
                PageFlags.MARKER,
                PageFlags.SWAPPED
              })
          .containsExactly(0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0x800, 0x1000, 0x4000);
    }

    @Test
    void areNamedInMessages() {
      assertThat(PageFlags.describe(0)).isEqualTo("none");
      assertThat(PageFlags.describe(-1))
          .contains("SECOND_CHANCE|FICTITIOUS|WRITABLE|MAPPED|MAPPED_MULTI|REFERENCED|bit8")
          .contains("UNQUEUED|MARKER|bit13|SWAPPED|bit15")
          .endsWith("bit31");
    }

    @Test
    void areSetAndClearedOneByOne() {
      pages.setFlags(PAGE, PageFlags.MAPPED | PageFlags.WRITABLE);
      pages.clearFlags(PAGE, PageFlags.MAPPED);
      assertThat(pages.flags(PAGE)).isEqualTo(PageFlags.WRITABLE);
      assertThat(pages.hasFlag(PAGE, PageFlags.MAPPED | PageFlags.WRITABLE)).isTrue();
    }

    @Test
    void ofOneMappingAreClearedWithIt() {
      pages.setFlags(PAGE, PageFlags.MAPPED | PageFlags.WRITABLE | PageFlags.REFERENCED);
      pages.clearMappedUnlessMulti(PAGE);
      assertThat(pages.flags(PAGE)).isEqualTo(PageFlags.REFERENCED);
    }

    @Test
    void ofSeveralMappingsStay() {
      int multi = PageFlags.MAPPED | PageFlags.WRITABLE | PageFlags.MAPPED_MULTI;
      pages.setFlags(PAGE, multi);
      pages.clearMappedUnlessMulti(PAGE);
      assertThat(pages.flags(PAGE)).isEqualTo(multi);
    }
  }

  @Nested
  class Interlock {
    @Test
    void isAwaitedUntilTheBitsAreCollected() {
      pages.interlock(PAGE, 1);
      Helper<Integer> waiter =
          Helper.start(() -> {
            pages.awaitInterlock(PAGE);
            return pages.dirty(PAGE);
          });
      pages.setDirty(PAGE);
      pages.interlock(PAGE, -1);

      assertThat(waiter.join()).isEqualTo(0xff);
    }
  }

  @Nested
  class Markers {
    @Test
    void lieAboveTheFramesAndCanNeitherBeQueuedNorBusied() {
      int marker = pages.marker(1);
      assertThat(marker).isEqualTo(PAGES + 1);
      assertThat(pages.isMarker(marker)).isTrue();
      assertThat(pages.isMarker(PAGES - 1)).isFalse();
      assertThat(pages.hasFlag(marker, PageFlags.UNQUEUED)).isTrue();
      assertThat(new PageBusy(pages).tryHardBusy(marker)).isFalse();
      assertThat(pages.wireCount(marker)).isEqualTo(1);
    }

    @Test
    void thereAreNoMoreThanWereMade() {
      assertThatThrownBy(() -> pages.marker(2)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> pages.marker(-1)).isInstanceOf(IllegalArgumentException.class);
    }
  }
}
