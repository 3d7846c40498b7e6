package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageQueue;

/// Pages that were written together are read together. The daemon works only when memory is short.
class SwapReaderTest {
  private static final int PAGE = TestMachine.PAGE_SIZE;
  private static final int FRAMES = 600;
  private static final int EVICTED = 64;

  @TempDir private Path folder;
  private TestMachine machine;
  private PageArray pages;
  private Space space;
  private VmObject object;
  private long base;

  /// Stores into pages, and into so many others that the first are all on swap only.
  @BeforeEach
  void evict() {
    machine = new TestMachine(FRAMES, folder, 4L * FRAMES * PAGE);
    pages = machine.vm.page().pages();
    space = machine.vm.newSpace();
    base = machine.map(space, EVICTED);
    machine.put(space, base, 1);
    object = Objects.requireNonNull(space.map().find(base)).head().object();
    for (int n = 0; n < EVICTED; n++) {
      machine.put(space, base + (long) n * PAGE, n + 1);
    }
    long others = machine.map(space, 2 * FRAMES);
    for (int n = 0; n < 2 * FRAMES; n++) {
      machine.put(space, others + (long) n * PAGE, n);
    }
    assertThat(object.resident().size()).isZero();
    assertThat(Objects.requireNonNull(object.swap()).blocks()).isEqualTo(EVICTED);
    space.unmap(machine.self, others, 2L * FRAMES * PAGE);
    machine.vm.page().stats().rollup();
  }

  @AfterEach
  void everythingIsRight() {
    for (int n = 0; n < EVICTED; n++) {
      assertThat(machine.get(space, base + (long) n * PAGE)).isEqualTo(n + 1);
    }
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long count(Event event) {
    return machine.vm.page().stats().total(event);
  }

  /// How many pages behind an index follow it on swap as well, at most 16 and in its leaf.
  private int following(int index) {
    var pager = Objects.requireNonNull(object.swap());
    int n = 0;
    while (n < 16
        && (index + n + 1) % 32 != 0
        && pager.block(index + n + 1) == pager.block(index) + n + 1) {
      n++;
    }
    return n;
  }

  /// The first index that more than one page follows.
  private int startOfARun() {
    int index = 0;
    while (following(index) < 2) {
      index++;
    }
    return index;
  }

  @Test
  void bringsInWhatFollowsInOneRequest() {
    int first = startOfARun();
    int ahead = following(first);

    long reads = count(Event.SWAP_IN);
    assertThat(machine.get(space, base + (long) first * PAGE)).isEqualTo(first + 1);

    assertThat(count(Event.SWAP_IN) - reads).isEqualTo(1);
    assertThat(count(Event.READ_AHEAD)).isEqualTo(ahead);
    assertThat(object.resident().size()).isEqualTo(ahead + 1L);
    for (int n = 1; n <= ahead; n++) {
      int page = object.resident().get(first + n);
      assertThat(PageQueue.INACTIVE.isKindOf(pages.queue(page))).isTrue();
      assertThat(pages.dirty(page)).isZero();
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).isFalse();
      assertThat(pages.hasFlag(page, PageFlags.SWAPPED)).isTrue();
      assertThat(machine.vm.page().busy().isIdle(page)).isTrue();
    }
    assertThat(machine.get(space, base + (first + 1L) * PAGE)).isEqualTo(first + 2);
    assertThat(count(Event.SWAP_IN) - reads).as("no second read").isEqualTo(1);
  }

  @Test
  void endsBeforeAPageThatIsResident() {
    int first = startOfARun();
    machine.put(space, base + (first + 1L) * PAGE, first + 2);
    long resident = object.resident().size();

    machine.get(space, base + (long) first * PAGE);

    assertThat(object.resident().size()).isEqualTo(resident + 1);
  }

  @Test
  void takesNoPageThatOthersWaitFor() {
    long others = machine.map(space, FRAMES);
    int n = 0;
    while (!machine.pressure().nearMin(0)) {
      machine.put(space, others + (long) n++ * PAGE, n);
      machine.vm.page().stats().rollup();
    }
    int first = startOfARun();

    machine.get(space, base + (long) first * PAGE);

    assertThat(count(Event.READ_AHEAD)).isZero();
    assertThat(object.resident().get(first + 1L)).isEqualTo(IntRadix.NONE);
  }
}
