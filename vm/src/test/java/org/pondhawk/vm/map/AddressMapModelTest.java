package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The map against an array with one cell for each page of a small range.
class AddressMapModelTest {
  private static final int PAGES = 64;
  private static final long SIZE = 4096;
  private static final int STEPS = 1_500;

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 15), LongStream.of(System.nanoTime()));
  }

  private static MapEntry entry(long start, long end) {
    return MapEntry.untouched(start, end, EntryTraits.of(Access.READ));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesAsAnArrayOfPages(long seed) {
    Random random = new Random(seed);
    AddressMap map = new AddressMap(PAGES * SIZE);
    @Nullable MapEntry[] cells = new @Nullable MapEntry[PAGES];
    List<String> history = new ArrayList<>(List.of("seed " + seed));
    for (int step = 0; step < STEPS; step++) {
      int from = random.nextInt(PAGES);
      int to = from + 1 + random.nextInt(Math.min(8, PAGES - from));
      long start = from * SIZE;
      long end = to * SIZE;
      boolean free = true;
      List<MapEntry> overlapping = new ArrayList<>();
      for (int i = from; i < to; i++) {
        free &= cells[i] == null;
        if (cells[i] != null && !overlapping.contains(cells[i])) {
          overlapping.add(cells[i]);
        }
      }
      assertThat(map.isFree(start, end)).as(history::toString).isEqualTo(free);
      assertThat(map.overlapping(start, end)).as(history::toString).isEqualTo(overlapping);
      if (free && random.nextBoolean()) {
        history.add("map.insert(entry(%d, %d));".formatted(start, end));
        MapEntry entry = entry(start, end).withReserve(reserve(random, from));
        map.insert(entry);
        for (int i = from; i < to; i++) {
          cells[i] = entry;
        }
      } else if (cells[from] != null && random.nextBoolean()) {
        history.add("map.remove(map.find(%d));".formatted(start));
        MapEntry entry = cells[from];
        map.remove(entry);
        map.unmapped(entry.start(), entry.end());
        Arrays.fill(cells, (int) (entry.start() / SIZE), (int) (entry.end() / SIZE), null);
      }
      compare(map, cells, random, history);
    }
  }

  /// How much a new entry keeps below it: often nothing, and what is mapped there stays.
  private static long reserve(Random random, int from) {
    int most = random.nextInt(3) == 0 ? Math.min(from, 6) : 0;
    int pages = most == 0 ? 0 : random.nextInt(most + 1);
    return pages * SIZE;
  }

  /// Whether a stack keeps a page to grow into: the one that is the next above it.
  private static boolean isKept(@Nullable MapEntry[] cells, long address) {
    for (int i = (int) (address / SIZE); i < PAGES; i++) {
      MapEntry entry = cells[i];
      if (entry != null) {
        return entry.foot() <= address;
      }
    }
    return false;
  }

  private static void compare(
      AddressMap map, @Nullable MapEntry[] cells, Random random, List<String> history) {
    long size = 0;
    List<MapEntry> all = new ArrayList<>();
    for (int i = 0; i < PAGES; i++) {
      assertThat(map.find(i * SIZE + random.nextInt((int) SIZE)))
          .as(history::toString)
          .isSameAs(cells[i]);
      size += cells[i] == null ? 0 : SIZE;
      if (cells[i] != null && !all.contains(cells[i])) {
        all.add(cells[i]);
      }
    }
    assertThat(map.size()).as(history::toString).isEqualTo(size);
    assertThat(map.all()).as(history::toString).isEqualTo(all);
    long length = (1 + random.nextInt(10)) * SIZE;
    long hint = random.nextInt(PAGES) * SIZE;
    long alignment = SIZE << random.nextInt(4);
    assertThat(map.findSpace(length, hint, alignment))
        .as("findSpace(%d, %d, %d) in %s", length, hint, alignment, history)
        .isEqualTo(fit(cells, length, hint, alignment));
    assertThat(map.misleadingHint()).as(history::toString).isEqualTo(-1);
  }

  private static long fit(@Nullable MapEntry[] cells, long length, long hint, long alignment) {
    for (long start = (hint + alignment - 1) / alignment * alignment;
        start + length <= PAGES * SIZE;
        start += alignment) {
      boolean free = true;
      for (long at = start; at < start + length; at += SIZE) {
        free &= cells[(int) (at / SIZE)] == null && !isKept(cells, at);
      }
      if (free) {
        return start;
      }
    }
    return -1;
  }

  @Test
  void aHintThatPassesARealHoleOverIsNoticed() {
    AddressMap map = new AddressMap(PAGES * SIZE);
    MapEntry first = entry(0, 2 * SIZE);
    map.insert(first);
    assertThat(map.findSpace(SIZE, 0, SIZE)).isEqualTo(2 * SIZE);
    map.remove(first); // and nobody says that it was unmapped
    assertThat(map.misleadingHint()).isZero();
  }

  @Test
  void whatAStackMayGrowIntoIsPassedOverAndMayBeTaken() {
    AddressMap map = new AddressMap(PAGES * SIZE);
    map.insert(entry(20 * SIZE, 24 * SIZE).withReserve(10 * SIZE));
    assertThat(map.findSpace(10 * SIZE, 0, SIZE)).isZero();
    assertThat(map.findSpace(11 * SIZE, 0, SIZE)).isEqualTo(24 * SIZE);
    assertThat(map.findSpace(SIZE, 12 * SIZE, SIZE)).isEqualTo(24 * SIZE);
    assertThat(map.isFree(12 * SIZE, 13 * SIZE)).isTrue();
  }

  @Test
  void anEntryThatIsNotThereCannotBeRemoved() {
    AddressMap map = new AddressMap(PAGES * SIZE);
    map.insert(entry(0, SIZE));
    assertThatThrownBy(() -> map.remove(entry(0, SIZE))).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void nothingIsFoundInAnEmptyMap() {
    AddressMap map = new AddressMap(PAGES * SIZE);
    assertThat(map.find(0)).isNull();
    assertThat(map.overlapping(0, PAGES * SIZE)).isEmpty();
    assertThat(map.findSpace(PAGES * SIZE, 0, SIZE)).isZero();
    assertThat(map.findSpace(PAGES * SIZE + SIZE, 0, SIZE)).isEqualTo(-1);
  }
}
