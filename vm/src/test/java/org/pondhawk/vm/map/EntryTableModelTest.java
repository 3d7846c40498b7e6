package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The table of entries, with enough of them for many pieces, against a sorted map.
class EntryTableModelTest {
  private static final long SIZE = 4096;
  private static final int PAGES = 8_000;
  private static final int STEPS = 30_000;
  private static final int STEPS_PER_LOOK = 500;

  private final EntryTable table = new EntryTable();
  private final TreeMap<Long, MapEntry> model = new TreeMap<>();

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 4), LongStream.of(System.nanoTime()));
  }

  private static MapEntry entry(long start, long end) {
    return MapEntry.untouched(start, end, EntryTraits.of(Access.READ));
  }

  private static @Nullable MapEntry valueOf(Map.@Nullable Entry<Long, MapEntry> found) {
    return found == null ? null : found.getValue();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesAsASortedMap(long seed) {
    Random random = new Random(seed);
    for (int step = 0; step < STEPS; step++) {
      // Grows to thousands of entries and shrinks to few again, so that pieces split and merge.
      boolean growing = step / (STEPS / 4) % 2 == 0;
      long start = random.nextInt(PAGES) * SIZE;
      MapEntry before = valueOf(model.floorEntry(start));
      if (before != null && before.contains(start)) {
        if (!growing || random.nextInt(4) == 0) {
          table.remove(before);
          model.remove(before.start());
        } else {
          MapEntry other = entry(before.start(), before.end()).withReserve(reserve(random, start));
          table.replace(before, other);
          model.put(other.start(), other);
        }
      } else if (growing || random.nextInt(8) == 0) {
        MapEntry next = valueOf(model.higherEntry(start));
        long room = (next == null ? PAGES * SIZE : next.start()) - start;
        MapEntry added =
            entry(start, start + Math.min(room, (1 + random.nextInt(3)) * SIZE))
                .withReserve(reserve(random, start));
        table.insert(added);
        model.put(start, added);
      }
      long address = random.nextInt(PAGES) * SIZE;
      assertThat(table.floor(address)).isSameAs(valueOf(model.floorEntry(address)));
      assertThat(table.higher(address)).isSameAs(valueOf(model.higherEntry(address)));
      if (step % 16 == 0) {
        compareFit(random, "seed " + seed + ", step " + step);
      }
      if (step % STEPS_PER_LOOK == 0) {
        compareAll(random, "seed " + seed + ", step " + step);
      }
    }
  }

  private static long reserve(Random random, long start) {
    return random.nextInt(4) == 0 ? Math.min(start, random.nextInt(40) * SIZE) : 0;
  }

  private void compareAll(Random random, String where) {
    assertThat(table.isSound()).as(where).isTrue();
    assertThat(table.count()).as(where).isEqualTo(model.size());
    assertThat(table.overlapping(0, PAGES * SIZE))
        .as(where)
        .isEqualTo(new ArrayList<>(model.values()));
    long start = random.nextInt(PAGES) * SIZE;
    long end = start + random.nextInt(500) * SIZE;
    List<MapEntry> expected =
        model.values().stream().filter(e -> e.start() < end && e.end() > start).toList();
    assertThat(table.overlapping(start, end)).as(where).isEqualTo(expected);
  }

  private void compareFit(Random random, String where) {
    long length = (1L << random.nextInt(6)) * SIZE;
    long alignment = SIZE << random.nextInt(3);
    long from = random.nextInt(PAGES) * SIZE;
    assertThat(table.firstFit(from, length, alignment))
        .as("%s, firstFit(%d, %d, %d)", where, from, length, alignment)
        .isEqualTo(fit(from, length, alignment));
  }

  private long fit(long from, long length, long alignment) {
    long start = (from + alignment - 1) / alignment * alignment;
    for (MapEntry entry : model.values()) {
      if (entry.end() > start) {
        if (entry.foot() - start >= length) {
          return start;
        }
        start = (entry.end() + alignment - 1) / alignment * alignment;
      }
    }
    return start;
  }

  @Test
  void anEntryThatIsNotThereIsNeitherTakenNorReplaced() {
    MapEntry there = entry(SIZE, 2 * SIZE);
    table.insert(there);

    assertThatThrownBy(() -> table.remove(entry(SIZE, 2 * SIZE)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("not in the map");
    assertThatThrownBy(() -> table.replace(there, entry(2 * SIZE, 3 * SIZE)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("cannot take the place");

    assertThat(table.floor(SIZE)).isSameAs(there);
  }
}
