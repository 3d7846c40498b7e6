package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.queue.Event;

/// Chains whose generations all live can't be merged. They must not grow for ever all the same.
@Timeout(120)
class LivingGenerationsTest {
  private static final int PAGE = 4096;

  /// From here on a fork waits until the chain is shorter.
  private static final int MOST = 32;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(24L << 20)
              .swap(64L << 20)
              .poisonFreedFrames(true)
              .build());
  private final Random random = new Random(11);

  @AfterEach
  void everyInvariantHolds() {
    try (vm) {
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  /// A space and what it should hold.
  private static final class Generation {
    final AddressSpace space;
    final long base;
    final long[] model;

    Generation(AddressSpace space, long base, long[] model) {
      this.space = space;
      this.base = base;
      this.model = model;
    }

    Generation fork() {
      return new Generation(space.fork(), base, model.clone());
    }

    void store(Random random, int stores) {
      try (View view = space.view()) {
        for (int i = 0; i < stores; i++) {
          int p = random.nextInt(model.length);
          model[p] = random.nextLong();
          view.putLong(base + (long) p * PAGE, model[p]);
        }
      }
    }

    void requireContent() {
      try (View view = space.view()) {
        for (int p = 0; p < model.length; p++) {
          assertThat(view.getLong(base + (long) p * PAGE)).as("page %d", p).isEqualTo(model[p]);
        }
      }
    }
  }

  private Generation first(int pages) {
    AddressSpace space = vm.newAddressSpace();
    Generation first =
        new Generation(
            space, space.map((long) pages * PAGE, Protection.READ_WRITE), new long[pages]);
    first.store(random, 2 * pages);
    return first;
  }

  private int deepest() {
    return vm.machine().spaces().stream().mapToInt(Space::depth).max().orElse(0);
  }

  private long count(Event event) {
    return vm.machine().page().stats().total(event);
  }

  private void requireAndClose(List<Generation> all) {
    for (Generation generation : all) {
      generation.requireContent();
    }
    assertThat(vm.check().summary()).isEqualTo("clean");
    for (Generation generation : all) {
      generation.space.close();
    }
    assertThat(vm.statistics().swapUsedPages()).isZero();
  }

  @Test
  void ofOneBusyParentDoNotMakeItsChainLonger() {
    Generation parent = first(256);
    List<Generation> all = new ArrayList<>(List.of(parent));
    for (int n = 0; n < 120; n++) {
      parent.store(random, 6);
      all.add(parent.fork());
      assertThat(deepest()).isLessThanOrEqualTo(MOST);
    }

    assertThat(count(Event.CUT_OFF)).isPositive();
    requireAndClose(all);
  }

  @Test
  void thatForkOneAnotherDoNotMakeChainsLonger() {
    List<Generation> all = new ArrayList<>(List.of(first(256)));
    for (int n = 0; n < 120; n++) {
      all.getLast().store(random, 6);
      all.add(all.getLast().fork());
      assertThat(deepest()).isLessThanOrEqualTo(MOST);
    }
    assertThat(count(Event.CUT_OFF)).isPositive();
    requireAndClose(all);
  }

  /// What is copied is what generations have stored, not the large base beneath them.
  @Test
  void copyNoMoreThanIsStored() {
    int pages = 2000;
    Generation parent = first(pages);
    List<Generation> all = new ArrayList<>(List.of(parent));
    int stores = 4;
    int generations = 100;
    for (int n = 0; n < generations; n++) {
      parent.store(random, stores);
      all.add(parent.fork());
    }

    assertThat(count(Event.CUT_OFF)).isPositive();
    assertThat(count(Event.COPIED)).isLessThan(4L * stores * generations);
    requireAndClose(all);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8})
  void thatOverlapAndEndInOrderLeaveNothingBehind(int living) {
    Generation parent = first(256);
    ArrayDeque<Generation> snapshots = new ArrayDeque<>();
    for (int n = 0; n < 400; n++) {
      parent.store(random, 12);
      snapshots.add(parent.fork());
      if (snapshots.size() > living) {
        Generation oldest = snapshots.remove();
        oldest.requireContent();
        oldest.space.close();
      }
      assertThat(deepest()).isLessThanOrEqualTo(MOST);
    }
    snapshots.add(parent);
    requireAndClose(List.copyOf(snapshots));
  }

  @Test
  void canBeMadeOfAFrozenSpace() {
    Generation parent = first(64);
    List<Generation> all = new ArrayList<>(List.of(parent));
    for (int n = 0; n < 80; n++) {
      parent.store(random, 6);
      parent.space.freeze();
      all.add(parent.fork());
      parent.space.thaw();
      assertThat(deepest()).isLessThanOrEqualTo(MOST);
    }
    requireAndClose(all);
  }
}
