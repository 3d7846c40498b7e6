package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// With 1,024 pages each colour has one: page n has colour n.
class ColorSearchTest {
  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(PageQueue.COLORS, 4096);
  private final PageArray pages = new PageArray(memory, frames, 0);
  private final PageQueues queues = new PageQueues(memory, pages, new VmStats(1));
  private final ColorSearch search = new ColorSearch(queues, 16);

  @BeforeEach
  void queueAll() {
    for (int page = 0; page < PageQueue.COLORS; page++) {
      pages.lock(page);
      queues.add(0, page, PageQueue.FREE, true);
      pages.unlock(page);
    }
  }

  @AfterEach
  void release() {
    frames.close();
    memory.close();
  }

  private List<Integer> order(int color) {
    List<Integer> met = new ArrayList<>();
    search.take(0, PageQueue.FREE, color, false, p -> !met.add(p));
    return met;
  }

  private static void range(List<Integer> into, int from, int to) {
    for (int color = from; color < to; color++) {
      into.add(color);
    }
  }

  private int take(int color) {
    return search.take(0, PageQueue.FREE, color, false, _ -> true);
  }

  /// Refuses each colour the first time only: the home, probed again by the wide search, is taken.
  private List<Integer> refusingOnce(int color, int accept) {
    List<Integer> met = new ArrayList<>();
    int page =
        search.take(
            0,
            PageQueue.FREE,
            color,
            false,
            p -> {
              met.add(p);
              return p == accept;
            });
    assertThat(page).isEqualTo(accept);
    return met;
  }

  @Test
  void probesInTheOrderOfTheWorkedExample() {
    List<Integer> expected = new ArrayList<>(List.of(37));
    range(expected, 37, 48);
    range(expected, 32, 37);
    range(expected, 48, 64);
    range(expected, 0, 32);
    range(expected, 64, 1023);

    assertThat(refusingOnce(37, 1022)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"0", "15", "16", "511", "512", "777", "1023"})
  void visitsEveryColourOnceFromAnyStart(int start) {
    List<Integer> met = new ArrayList<>();
    assertThat(
            search.take(
                0,
                PageQueue.FREE,
                start,
                false,
                p -> {
                  met.add(p);
                  return false;
                }))
        .isEqualTo(PageArray.NONE);

    assertThat(met.getFirst()).as("home, directly").isEqualTo(start);
    assertThat(met.subList(1, met.size())).hasSize(1024).doesNotHaveDuplicates();
  }

  /// The reference's rule word by word: windows that double, each gone round from the end of the
  /// last one, without what was seen.
  private static List<Integer> reference(int start, int firstWindow) {
    List<Integer> order = new ArrayList<>();
    BitSet seen = new BitSet();
    int from = start;
    for (int window = firstWindow; window <= PageQueue.COLORS; window *= 2) {
      int base = start / window * window;
      for (int i = 0; i < window; i++) {
        int color = base + (from - base + i) % window;
        if (!seen.get(color)) {
          order.add(color);
        }
      }
      order.forEach(seen::set);
      from = base + (order.getLast() + 1 - base) % window;
    }
    return order;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 16, 128, 512, 1024})
  void goesOverAllColoursOnceAsTheReferenceDoesFromEveryStart(int firstWindow) {
    for (int start = 0; start < PageQueue.COLORS; start++) {
      int from = start;
      List<Integer> order =
          IntStream.range(0, PageQueue.COLORS)
              .map(n -> ColorSearch.candidate(from, firstWindow, n))
              .boxed()
              .toList();
      assertThat(order).as("from %d", start).isEqualTo(reference(start, firstWindow));
      assertThat(Set.copyOf(order)).hasSize(PageQueue.COLORS);
    }
  }

  @ParameterizedTest(name = "{0} processors: mask {1}")
  @CsvSource({"1, 1023", "2, 511", "3, 255", "4, 255", "8, 127", "64, 15", "65, 15", "300, 15"})
  void theMaskOfTheReferenceFollowsFromTheProcessors(int cpus, int mask) {
    assertThat(AllocTuning.maskFor(cpus)).isEqualTo(mask);
    assertThat(new AllocTuning(AllocTuning.BY_PROCESSORS, 0).firstWindow(cpus)).isEqualTo(mask + 1);
  }

  @ParameterizedTest(name = "mask {0}: first window {1}")
  @CsvSource({"0, 1", "1, 2", "7, 8", "15, 16", "16, 32", "1000, 1024", "1023, 1024"})
  void anyOtherMaskIsRoundedUp(int mask, int window) {
    assertThat(new AllocTuning(mask, 0).firstWindow(8)).isEqualTo(window);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 2048})
  void aFirstWindowIsAPowerOfTwoUpToAll(int firstWindow) {
    assertThatThrownBy(() -> new ColorSearch(queues, firstWindow))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("firstWindow=" + firstWindow);
  }

  @Test
  void aFreePageIsFoundAndMadeBusyInTheSameOrder() {
    PageBusy busy = new PageBusy(pages);
    int home = PageQueue.FREE.index(37);
    queues.setLastColor(home, 700);
    assertThat(search.takeFree(0, 37, false, busy, busy::tryHardBusy)).isEqualTo(37);
    assertThat(busy.isOnlyHardBusy(37)).isTrue();
    assertThat(queues.lastColor(home)).as("a direct hit forgets").isEqualTo(-1);
    assertThat(queues.length(home)).isZero();
    busy.tryHardBusy(38);
    assertThat(search.takeFree(0, 37, false, busy, busy::tryHardBusy)).isEqualTo(39);
    assertThat(pages.queue(38)).as("a busy one is left").isEqualTo(PageQueue.FREE.index(38));
    assertThat(queues.lastColor(home)).as("the third probe is near").isEqualTo(-1);
  }

  @Test
  void takesThePageOffItsQueue() {
    int page = search.take(0, PageQueue.FREE, 5, false, _ -> true);

    assertThat(page).isEqualTo(5);
    assertThat(pages.queue(5)).isEqualTo(PageQueue.NONE);
    assertThat(queues.length(PageQueue.FREE.index(5))).isZero();
  }

  @Test
  void leavesAPageThatWasNotClaimedWhereItIs() {
    int page = search.take(0, PageQueue.FREE, 5, false, p -> p != 5);
    assertThat(page).isEqualTo(6);
    assertThat(queues.head(PageQueue.FREE.index(5))).isEqualTo(5);
  }

  @Test
  void findsNothingOnQueuesOfAnotherKind() {
    assertThat(search.take(0, PageQueue.CACHE, 5, false, _ -> true)).isEqualTo(PageArray.NONE);
  }

  @Test
  void remembersWhereAFarSearchSucceededAndForgetsItOnADirectHit() {
    int home = PageQueue.FREE.index(37);
    refusingOnce(37, 700);
    assertThat(queues.lastColor(home)).isEqualTo(700);

    List<Integer> met = refusingOnce(37, 702);
    assertThat(met).startsWith(37, 701, 702);

    assertThat(take(37)).isEqualTo(37);
    assertThat(queues.lastColor(home)).isEqualTo(-1);
  }

  @Test
  void doesNotRememberANearOne() {
    int home = PageQueue.FREE.index(32);
    assertThat(refusingOnce(32, 38)).hasSize(8);
    assertThat(queues.lastColor(home)).as("the seventh probe").isEqualTo(-1);
    refusingOnce(32, 40);
    assertThat(queues.lastColor(home)).as("the ninth, one of them empty").isEqualTo(40);
  }

  @Test
  void emptiesEverythingAtLast() {
    List<Integer> taken = new ArrayList<>();
    for (int page = take(9); page != PageArray.NONE; page = take(9)) {
      taken.add(page);
    }
    assertThat(taken).hasSize(1024).doesNotHaveDuplicates();
    assertThat(order(9)).isEmpty();
  }
}
