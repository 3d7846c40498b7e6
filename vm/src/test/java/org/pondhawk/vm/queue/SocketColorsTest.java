package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.FrameRange;
import org.pondhawk.vm.mem.MemoryNode;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// On 16,384 frames, 16 of each colour, while nobody else has the machine.
class SocketColorsTest {
  private static final int FRAMES = 16 << 10;

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(FRAMES, 4096);
  private final PageArray pages = new PageArray(memory, frames, 1);
  private final VmStats stats = new VmStats(1);
  private final PageQueues queues = new PageQueues(memory, pages, stats);

  @AfterEach
  void everyPageIsWhereItsColourSays() {
    long free = 0;
    for (int color = 0; color < PageQueue.COLORS; color++) {
      int queue = PageQueue.FREE.index(color);
      int length = 0;
      for (int page = queues.head(queue); page != PageArray.NONE; page = pages.next(page)) {
        assertThat(pages.color(page)).isEqualTo(color);
        assertThat(pages.queue(page)).isEqualTo(queue);
        length++;
      }
      assertThat(queues.length(queue)).isEqualTo(length);
      assertThat(queues.untouched(queue)).isEqualTo(length);
      free += length;
    }
    stats.rollup();
    assertThat(stats.global(PageCount.FREE)).as("no counter changed").isEqualTo(free);
    frames.close();
    memory.close();
  }

  private SocketColors on(String topology) {
    return new SocketColors(pages, queues, new ColorPolicy(Topology.parse(topology)));
  }

  private static FrameRange range(int first, int count, int socket) {
    return new FrameRange(first, count, new MemoryNode(MemoryNode.NOT_BOUND, socket, 1));
  }

  private void queue(int from, int to) {
    for (int page = from; page < to; page++) {
      pages.lock(page);
      pages.setFlags(page, PageFlags.ZERO | PageFlags.UNTOUCHED);
      queues.add(0, page, PageQueue.FREE, true);
      pages.unlock(page);
    }
  }

  private List<Integer> freeOf(int color) {
    List<Integer> list = new ArrayList<>();
    int page = queues.head(PageQueue.FREE.index(color));
    for (; page != PageArray.NONE; page = pages.next(page)) {
      list.add(page);
    }
    return list;
  }

  private List<Integer> lengths() {
    List<Integer> lengths = new ArrayList<>();
    for (int color = 0; color < PageQueue.COLORS; color++) {
      lengths.add(queues.length(PageQueue.FREE.index(color)));
    }
    return lengths;
  }

  @ParameterizedTest(name = "{0} sockets: colour {2} becomes {3} for id {1}, queued or not")
  @CsvSource({"2, 1, 700, 700", "2, 0, 700, 188", "3, 5, 1000, 1000", "3, 3, 1000, 318"})
  void organizingGivesPagesTheColoursOfTheirSocket(int sockets, int id, int page, int expected) {
    queue(page, page + 1);

    on(sockets + "x1x1").organize(range(page, 1024, id)); // the others are not queued

    assertThat(pages.color(page)).isEqualTo(expected);
    assertThat(freeOf(expected)).containsExactly(page);
    assertThat(pages.queue(page + 1)).isEqualTo(PageQueue.NONE);
    for (int n = page; n < page + 1024; n++) {
      assertThat(pages.color(n) / (1024 / sockets)).isEqualTo(id % sockets);
    }
  }

  @Test
  void organizingPutsAPageAtTheHeadOfItsNewQueue() {
    queue(0, 2048);
    assertThat(freeOf(700)).containsExactly(1723, 700);

    on("2x1x1").organize(range(0, 1024, 0));

    assertThat(freeOf(188)).as("the one moved last first").containsExactly(700, 188, 1211);
    assertThat(freeOf(700)).as("of another range").containsExactly(1723);
  }

  @Test
  void organizingTwiceIsOrganizingOnce() {
    queue(0, FRAMES);
    SocketColors colors = on("2x8x2");
    FrameRange first = range(0, FRAMES / 2, 0);
    FrameRange second = range(FRAMES / 2, FRAMES / 2, 1);
    colors.organize(first);
    colors.organize(second);
    colors.evenOut();
    List<Integer> lengths = lengths();
    List<Integer> head = freeOf(3);

    colors.organize(first);
    colors.organize(second);
    colors.evenOut();

    assertThat(lengths()).isEqualTo(lengths);
    assertThat(freeOf(3)).isEqualTo(head);
    assertThat(colors.ranges()).containsExactly(first, second);
  }

  @Test
  void organizingKeepsAdjacentFramesAtAdjacentColours() {
    on("2x8x2").organize(range(0, FRAMES, 1));
    int breaks = 0;
    for (int page = 1; page < FRAMES; page++) {
      breaks += pages.color(page) == pages.color(page - 1) + 1 ? 0 : 1;
    }
    assertThat(breaks)
        .as("at the ends of the band, and of the range of all colours")
        .isLessThan(50);
  }

  @Test
  void organizingOnOneSocketOrForNoneDoesNothing() {
    queue(0, FRAMES);
    List<Integer> before = freeOf(700);
    on("1x8x2").organize(range(0, FRAMES, 0));
    on("2x1x1").organize(range(0, FRAMES, MemoryNode.NO_SOCKET));
    new SocketColors(pages, queues, new ColorPolicy(Topology.unknown(9)))
        .organize(range(0, FRAMES, 0));
    assertThat(freeOf(700)).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource({"-1, 5", "0, 16385", "16384, 1", "5, -1"})
  void organizingFramesThatDoNotExistIsAPanic(int first, int count) {
    SocketColors colors = on("2x1x1");
    assertThatThrownBy(() -> colors.organize(range(first, count, 0)))
        .isInstanceOf(VmPanic.class)
        .hasMessage(
            "frames %d to %d of %d are to be given colours", first, first + count - 1, FRAMES);
    assertThat(colors.ranges()).isEmpty();
  }

  @Test
  void eveningOutWhatIsEvenDoesNothing() {
    queue(0, FRAMES);
    List<Integer> before = lengths();
    assertThat(on("2x8x2").evenOut()).isZero();
    assertThat(lengths()).isEqualTo(before);
  }

  /// All memory is near to one of the sockets: the other's processors start with nothing.
  @ParameterizedTest
  @CsvSource({"2x8x2, 16384", "3x5x1, 16384", "2x8x2, 5000", "4x4x1, 1500", "2x1x1, 1024"})
  void eveningOutGivesEveryProcessorsColoursNineTenthsOfTheAverage(String topology, int count) {
    queue(0, count);
    SocketColors colors = on(topology);
    colors.organize(range(0, count, 1));
    ColorPolicy policy = new ColorPolicy(Topology.parse(topology));
    int reachable = policy.asked().cardinality();
    long sum = policy.asked().stream().map(c -> queues.length(PageQueue.FREE.index(c))).sum();
    long average = sum / reachable;

    assertThat(freeOf(0)).as("of socket 0, before").isEmpty();

    int moved = colors.evenOut();

    assertThat(moved).isPositive();
    assertThat(policy.asked().stream().map(c -> queues.length(PageQueue.FREE.index(c))))
        .allMatch(length -> length >= average - average / 10);
    assertThat(colors.lent()).isBetween(1, moved);
    for (int page = 0; page < count; page++) {
      assertThat(colors.isRight(page)).isTrue();
    }
  }

  @Test
  void eveningOutUsesTheColoursThatNobodyAsksFor() {
    SocketColors colors = on("3x341x1"); // all but 1023
    for (int page = 0; page < 2000; page++) {
      pages.setColor(page, page < 1023 && page != 5 && page != 8 ? page : 1023);
    }
    queue(0, 2000);
    assertThat(colors.evenOut()).as("the average is less than one").isZero();

    pages.setColor(2000, 7);
    pages.setColor(2001, 7);
    queue(2000, 2002);
    assertThat(colors.evenOut()).isEqualTo(2);

    assertThat(freeOf(5)).hasSize(1);
    assertThat(freeOf(8)).hasSize(1);
    assertThat(freeOf(7)).as("it had three").hasSize(2);
    assertThat(queues.length(PageQueue.FREE.index(1023))).isEqualTo(977 + 2 - 1);
  }

  @Test
  void aColourThatIsNotOfItsSocketIsNoticed() {
    SocketColors colors = on("2x1x1");
    colors.organize(range(0, 100, 1));
    assertThat(colors.isRight(50)).isTrue();
    assertThat(colors.isRight(200)).as("nobody's").isTrue();

    pages.setColor(50, 3);

    assertThat(colors.isRight(50)).isFalse();
  }

  @Test
  void aFrameBesideARangeIsNobodys() {
    SocketColors colors = on("2x1x1");
    colors.organize(range(100, 50, 0));
    for (int color : new int[] {3, 511, 512, 700}) { // the bands meet at 512
      for (int page : new int[] {99, 100, 149, 150}) {
        pages.setColor(page, color);
      }
      assertThat(colors.isRight(99)).isTrue();
      assertThat(colors.isRight(100)).isEqualTo(color < 512);
      assertThat(colors.isRight(149)).isEqualTo(color < 512);
      assertThat(colors.isRight(150)).isTrue();
    }
  }

  @Test
  void organizingAgainTakesBackWhatWasLent() {
    SocketColors colors = on("2x1x1");
    colors.organize(range(0, 3000, 0));
    colors.organize(range(3000, 200, 1));
    queue(0, 3200);
    colors.evenOut();
    assertThat(colors.lent()).isPositive();
    colors.organize(range(0, 3000, 0));
    assertThat(colors.lent()).isZero();
    assertThat(colors.isRight(0)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3", "4", "5", "6", "7", "8"})
  void eveningOutEndsWhateverTheQueuesAre(long seed) {
    Random random = new Random(seed);
    int count = 1 + random.nextInt(FRAMES);
    int crowd = 1 + random.nextInt(PageQueue.COLORS);
    for (int page = 0; page < count; page++) {
      pages.setColor(page, random.nextInt(crowd));
    }
    queue(0, count);
    String topology = (1 + random.nextInt(5)) + "x" + (1 + random.nextInt(9)) + "x1";
    ColorPolicy policy = new ColorPolicy(Topology.parse(topology));
    long sum = policy.asked().stream().map(c -> queues.length(PageQueue.FREE.index(c))).sum();
    long average = sum / policy.asked().cardinality();

    on(topology).evenOut();

    assertThat(policy.asked().stream().map(c -> queues.length(PageQueue.FREE.index(c))))
        .as("seed %d: %d pages of %d colours on %s", seed, count, crowd, topology)
        .allMatch(length -> length >= average - average / 10);
    assertThat(on(topology).evenOut()).as("seed %d, again", seed).isZero();
  }
}
