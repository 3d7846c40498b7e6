package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// At which end of its queue a page goes, and what the inactive queues count. The pages have colour
/// 0, all of them.
class PageOrderTest {
  private static final int OLD = 0;
  private static final int NEW = 2047;

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(3_000, 4096);
  private final PageArray pages = new PageArray(memory, frames, 0);
  private final PageQueues queues = new PageQueues(memory, pages, new VmStats(1));

  @AfterEach
  void release() {
    frames.close();
    memory.close();
  }

  private void add(int page, PageQueue kind, boolean atHead) {
    pages.lock(page);
    queues.add(0, page, kind, atHead);
    pages.unlock(page);
  }

  @ParameterizedTest(name = "{0}, at the head if asked {1}: {2} comes out first")
  @CsvSource({
    "FREE, false, 2047",
    "FREE, true, 2047",
    "ACTIVE, false, 0",
    "CACHE, false, 0",
    "HOLD, false, 0",
    "INACTIVE, false, 0",
    "INACTIVE, true, 2047"
  })
  void aPageGoesToTheEndOfItsKind(PageQueue kind, boolean atHead, int first) {
    add(OLD, kind, false);
    add(NEW, kind, atHead);
    assertThat(ColorPolicy.ofPage(NEW)).isEqualTo(ColorPolicy.ofPage(OLD));
    assertThat(queues.take(0, kind.index(0), false, _ -> true)).isEqualTo(first);
  }

  @Test
  void aFreedPageGoesToTheHeadToo() {
    queues.pushFreed(0, OLD);
    queues.pushFreed(0, NEW);
    assertThat(queues.length(PageQueue.FREE.index(0))).isEqualTo(2);
    assertThat(pages.prev(OLD)).isEqualTo(NEW);
    assertThat(queues.take(0, PageQueue.FREE.index(0), false, _ -> true)).isEqualTo(NEW);
    assertThat(queues.take(0, PageQueue.FREE.index(0), false, _ -> true)).isEqualTo(OLD);
    assertThat(queues.head(PageQueue.FREE.index(0))).isEqualTo(PageArray.NONE);
  }

  @Test
  void aZeroedFrameGoesToTheTail() {
    add(OLD, PageQueue.FREE, false);
    pages.setFlags(NEW, PageFlags.ZERO);
    add(NEW, PageQueue.FREE, false);
    assertThat(queues.zeroed(PageQueue.FREE.index(0))).isEqualTo(1);
    assertThat(queues.take(0, PageQueue.FREE.index(0), false, _ -> true)).isEqualTo(OLD);
  }

  @Test
  void theTailOfAnInactiveQueueIsCountedUntilItIsRead() {
    add(OLD, PageQueue.INACTIVE, false);
    add(NEW, PageQueue.INACTIVE, true);
    assertThat(queues.takeAdds(0)).as("at the tail only").isEqualTo(1);
    assertThat(queues.takeAdds(0)).isZero();
    add(1, PageQueue.INACTIVE, false);
    add(1025, PageQueue.ACTIVE, false);
    assertThat(queues.takeAdds(0)).as("of this colour").isZero();
    assertThat(queues.takeAdds(1)).isEqualTo(1);
    assertThat(queues.takeAdds(2)).as("of this kind").isZero();
  }
}
