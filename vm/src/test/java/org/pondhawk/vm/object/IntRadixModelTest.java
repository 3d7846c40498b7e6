package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.sync.VmThread;

/// The radix tree against a TreeMap.
class IntRadixModelTest {
  private static final int STEPS = 3_000;
  private static final int SHOWN = 60;

  private final TestMachine machine = new TestMachine(1024);
  private final RadixNodes nodes = machine.vm.nodes();
  private final VmThread self = machine.self;

  @AfterEach
  void everyNodeIsBack() {
    nodes.unload(self);
    assertThat(nodes.inUse()).as("nodes that are not back in the pool").isZero();
    machine.close();
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 15), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesAsATreeMap(long seed) {
    Random random = new Random(seed);
    int bits = 1 + random.nextInt(28);
    int spread = 1 + random.nextInt(40);
    IntRadix radix = new IntRadix(nodes);
    TreeMap<Long, Integer> model = new TreeMap<>();
    List<String> history = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      long base = (random.nextLong() & ((1L << bits) - 1)) / spread * spread;
      long index = Math.min((1L << bits) - 1, base + random.nextInt(3));
      switch (random.nextInt(model.size() > 200 ? 3 : 5)) {
        case 0 -> {
          history.add("radix.remove(%dL);".formatted(index));
          Integer had = model.remove(index);
          assertThat(radix.remove(index))
              .as(() -> text(seed, history))
              .isEqualTo(had == null ? IntRadix.NONE : had);
        }
        case 1 -> {
          Long some = model.ceilingKey(index);
          if (some != null) {
            history.add("radix.remove(%dL);".formatted(some));
            assertThat(radix.remove(some))
                .as(() -> text(seed, history))
                .isEqualTo(model.remove(some));
          }
        }
        default -> {
          int value = random.nextInt(Integer.MAX_VALUE);
          history.add("radix.put(self, %dL, %d);".formatted(index, value));
          nodes.preload(self);
          assertThat(radix.put(self, index, value)).as(() -> text(seed, history)).isTrue();
          model.put(index, value);
        }
      }
      Integer expected = model.get(index);
      assertThat(radix.get(index))
          .as(() -> text(seed, history))
          .isEqualTo(expected == null ? IntRadix.NONE : expected);
      Long next = model.ceilingKey(index);
      assertThat(radix.next(index))
          .as(() -> text(seed, history))
          .isEqualTo(next == null ? -1 : next);
      assertThat(radix.size()).as(() -> text(seed, history)).isEqualTo(model.size());
    }
    assertThat(contents(radix)).as(() -> text(seed, history)).isEqualTo(model);
    for (long index : List.copyOf(model.keySet())) {
      radix.remove(index);
    }
    assertThat(radix.size()).isZero();
  }

  private static Map<Long, Integer> contents(IntRadix radix) {
    Map<Long, Integer> all = new TreeMap<>();
    for (long i = radix.next(0); i >= 0; i = radix.next(i + 1)) {
      all.put(i, radix.get(i));
    }
    return all;
  }

  private static String text(long seed, List<String> history) {
    int skipped = Math.max(0, history.size() - SHOWN);
    return "seed %d, after %d statements not shown:\n%s\n"
        .formatted(seed, skipped, String.join("\n", history.subList(skipped, history.size())));
  }

  /// What is preloaded must do for the worst insert of the largest space: the last page of it
  /// beside the first.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void onePreloadIsEnoughForAnyInsert(boolean beside) {
    IntRadix radix = new IntRadix(nodes);
    if (beside) {
      nodes.preload(self);
      radix.put(self, 0, 1);
    }
    nodes.preload(self);
    long last = (1L << 35) - 1;

    assertThat(radix.put(self, last, 7)).isTrue();

    assertThat(radix.get(last)).isEqualTo(7);
    radix.remove(last);
    radix.remove(0);
  }

  @Test
  void aPutWithoutNodesLeavesEverythingAsItWas() {
    VmThread daemon = new VmThread("daemon", 0, true, 0);
    IntRadix radix = new IntRadix(nodes);
    TreeMap<Long, Integer> model = new TreeMap<>();
    for (long index : new long[] {0, 31, 40, 5_000}) {
      nodes.preload(self);
      radix.put(self, index, (int) index + 1);
      model.put(index, (int) index + 1);
    }
    nodes.unload(self);
    List<Integer> hoard = new ArrayList<>();
    for (int node = nodes.take(daemon); node >= 0; node = nodes.take(daemon)) {
      hoard.add(node);
    }
    for (long index : new long[] {70, 6_000, 1L << 20, 1L << 27}) {
      for (int spare = 0; spare < 12; spare++) {
        for (int i = 0; i < spare; i++) {
          nodes.free(hoard.removeLast());
        }
        boolean done = radix.put(daemon, index, 9);
        if (done) {
          model.put(index, 9);
        }
        assertThat(contents(radix)).as("%d with %d nodes", index, spare).isEqualTo(model);
        assertThat(radix.size()).isEqualTo(model.size());
        assertThat(radix.remove(index)).isEqualTo(done ? 9 : IntRadix.NONE);
        model.remove(index);
        for (int node = nodes.take(daemon); node >= 0; node = nodes.take(daemon)) {
          hoard.add(node);
        }
      }
    }
    hoard.forEach(nodes::free);
    model.keySet().forEach(radix::remove);
  }

  @Test
  void anEmptyTreeHasNothing() {
    IntRadix radix = new IntRadix(nodes);
    assertThat(radix.get(0)).isEqualTo(IntRadix.NONE);
    assertThat(radix.next(0)).isEqualTo(-1);
    assertThat(radix.remove(5)).isEqualTo(IntRadix.NONE);
  }

  @Test
  void whoHasNotPreloadedIsRefused() {
    IntRadix radix = new IntRadix(nodes);
    nodes.unload(self);
    assertThatThrownBy(() -> radix.put(self, 1, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("without having preloaded");
  }
}
