package org.pondhawk.vm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.stats.PhysicalRange;

class PhysicalLayoutTest {
  private static final long PAGE = 4096;
  private static final int SHIFT = 12;

  /// Structures of three pages, and 64 bytes for each page number.
  private static final PhysicalLayout.Overhead OVERHEAD =
      (map, _) -> 3 * PAGE + 64L * map.pageCount();

  private static PhysicalLayout divide(PhysicalRange... ranges) {
    return PhysicalLayout.of(List.of(ranges), SHIFT, OVERHEAD);
  }

  /// A range by the numbers of its first page and the one behind its last.
  private static PhysicalRange pages(long first, long end) {
    return new PhysicalRange(first * PAGE, end * PAGE);
  }

  private static List<Integer> overheadOf(PhysicalLayout layout) {
    List<Integer> pages = new ArrayList<>();
    layout.overheadPages(pages::add);
    return pages;
  }

  @Test
  void rangesAreRoundedAndEmptyOnesLeftOut() {
    PhysicalLayout layout =
        divide(
            new PhysicalRange(1, 100 * PAGE + 5),
            new PhysicalRange(100 * PAGE + 6, 101 * PAGE - 1),
            new PhysicalRange(200 * PAGE + 1, 201 * PAGE + 4095),
            new PhysicalRange(300 * PAGE - 1, 1000 * PAGE + 1));
    assertThat(layout.ranges()).containsExactly(pages(1, 100), pages(300, 1000));
    assertThat(layout.duplicates()).isEmpty();
  }

  @Test
  void structuresComeOffTheTopOfTheLargest() {
    PhysicalLayout layout = divide(pages(0, 160), pages(256, 1280));
    // 3 pages and 64 bytes for each of 1260 numbers: 20 pages more
    assertThat(layout.overhead()).isEqualTo(pages(1257, 1280));
    assertThat(layout.map().pageCount()).as("no number above the last frame").isEqualTo(1257);
    assertThat(layout.map().frameCount()).isEqualTo(160 + 1001);
    assertThat(layout.spanPages()).isEqualTo(1280);
    assertThat(overheadOf(layout)).hasSize(23).startsWith(1257).endsWith(1279);
  }

  @Test
  void whatTheyTakeInTheMiddleIsAHole() {
    PhysicalLayout layout = divide(pages(0, 1024), pages(1040, 1140));
    // 3 pages and 64 bytes for each of 1140 numbers, which are 17.8 pages
    assertThat(layout.overhead()).isEqualTo(pages(1003, 1024));
    assertThat(layout.map().pageCount()).isEqualTo(1140);
    assertThat(layout.map().isHole(1002)).isFalse();
    assertThat(layout.map().isHole(1003)).isTrue();
    assertThat(layout.map().isHole(1039)).isTrue();
    assertThat(layout.map().isHole(1040)).isFalse();
    assertThat(overheadOf(layout)).hasSize(21).startsWith(1003);
  }

  @Test
  void ofEquallyLargeRangesTheFirstGives() {
    PhysicalLayout layout = divide(pages(600, 1100), pages(0, 500));
    assertThat(layout.ranges()).as("ascending").containsExactly(pages(0, 500), pages(600, 1100));
    assertThat(layout.overhead().end()).isEqualTo(500 * PAGE);
    assertThat(divide(pages(0, 500), pages(600, 1101)).overhead().end()).isEqualTo(1101 * PAGE);
  }

  @Test
  void theFirstPageIsAMultipleOfTwoMebibytes() {
    PhysicalLayout layout = divide(pages(512 * 7 + 3, 512 * 7 + 700));
    assertThat(layout.map().physical(0)).isEqualTo(512 * 7 * PAGE);
    assertThat(layout.map().isHole(2)).isTrue();
    assertThat(layout.map().isHole(3)).isFalse();
  }

  @Test
  void whatIsGivenTwiceCountsOnce() {
    PhysicalLayout layout =
        divide(pages(0, 100), pages(50, 200), pages(60, 70), pages(300, 900), pages(300, 900));
    assertThat(layout.ranges()).containsExactly(pages(0, 100), pages(100, 200), pages(300, 900));
    assertThat(layout.duplicates()).containsExactly(pages(50, 100), pages(60, 70), pages(300, 900));
    assertThat(PhysicalLayout.bytesOf(List.of(pages(0, 100), pages(50, 200), pages(60, 70)), SHIFT))
        .isEqualTo(200 * PAGE);
  }

  @Test
  void rangesWithoutAPageAreRefused() {
    assertThatThrownBy(() -> divide(new PhysicalRange(5, 8191)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no range has a whole page of memory: [[0x5, 0x1fff)]");
  }

  @Test
  void rangesTooFarApartAreRefused() {
    assertThatThrownBy(() -> divide(pages(0, 100), pages(1L << 31, (1L << 31) + 100)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the most is 1073741824");
  }

  @Test
  void whereTheStructuresDoNotFitNothingIsKept() {
    PhysicalLayout layout = divide(pages(0, 3), pages(512, 514));
    assertThat(layout.map().frameCount()).as("all of the largest is gone").isEqualTo(2);
    assertThat(layout.overhead().bytes()).isEqualTo(3 * PAGE);
  }

  @Test
  void oneRangeMayEndAnywhere() {
    PhysicalLayout layout = PhysicalLayout.ofOne(100 * PAGE + 64, SHIFT, (map, _) -> 64);
    assertThat(layout.map().frameCount()).isEqualTo(100);
    assertThat(layout.overhead().bytes()).isZero();
    assertThat(PhysicalLayout.ofOne(100 * PAGE + 63, SHIFT, (map, _) -> 64).map().frameCount())
        .isEqualTo(99);
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 30), LongStream.of(System.nanoTime()));
  }

  /// Against a bitmap of pages, in which every range sets its bits: what is set twice is a
  /// duplicate.
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyPageIsDividedOnce(long seed) {
    Random random = new Random(seed);
    BitSet given = new BitSet();
    long twice = 0;
    List<PhysicalRange> ranges = new ArrayList<>();
    for (int n = random.nextInt(1, 9); n > 0; n--) {
      long start = random.nextLong(3000 * PAGE);
      PhysicalRange range = new PhysicalRange(start, start + random.nextLong(1, 800 * PAGE));
      ranges.add(range);
      for (long page = (range.start() + PAGE - 1) / PAGE; page < range.end() / PAGE; page++) {
        twice += given.get((int) page) ? 1 : 0;
        given.set((int) page);
      }
    }
    String what = "seed " + seed + ": " + ranges;
    if (given.isEmpty()) {
      assertThatThrownBy(() -> PhysicalLayout.of(ranges, SHIFT, OVERHEAD)).as(what).isNotNull();
      return;
    }
    PhysicalLayout layout = PhysicalLayout.of(ranges, SHIFT, OVERHEAD);
    PhysicalMap map = layout.map();
    assertThat(layout.duplicates().stream().mapToLong(PhysicalRange::bytes).sum())
        .as(what)
        .isEqualTo(twice * PAGE);
    assertThat(PhysicalLayout.bytesOf(ranges, SHIFT))
        .as(what)
        .isEqualTo(given.cardinality() * PAGE);
    BitSet divided = new BitSet();
    layout.overheadPages(page -> divided.set((int) (map.physical(0) / PAGE) + page));
    long taken = divided.cardinality();
    for (int page = 0; page < map.pageCount(); page++) {
      if (!map.isHole(page)) {
        int frame = (int) (map.physical(page) / PAGE);
        assertThat(divided.get(frame)).as(what).isFalse();
        divided.set(frame);
      }
    }
    assertThat(divided).as(what).isEqualTo(given);
    assertThat(map.frameCount() + taken).as(what).isEqualTo(given.cardinality());
    long structures = OVERHEAD.bytes(map, layout.spanPages());
    boolean allTaken = layout.overhead().bytes() == largest(layout);
    assertThat(allTaken || (structures <= taken * PAGE && structures > (taken - 1) * PAGE - 64))
        .as(what + ": " + structures + " bytes in " + taken + " pages")
        .isTrue();
  }

  private static long largest(PhysicalLayout layout) {
    return layout.ranges().stream().mapToLong(PhysicalRange::bytes).max().orElseThrow();
  }
}
