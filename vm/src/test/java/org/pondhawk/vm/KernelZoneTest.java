package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.Helper;

/// Pools of items in kernel memory.
class KernelZoneTest {
  private static final int PAGE = 4096;
  private static final long MIB = 1L << 20;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(4 * MIB)
              .patience(java.time.Duration.ofSeconds(1))
              .poisonFreedFrames(true)
              .build());
  private final KernelMemory kernel = vm.kernelMemory();
  private final View view = kernel.view();
  private boolean halted;

  @AfterEach
  void close() {
    if (!halted) {
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
    view.close();
    vm.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 32, 33, 100, 4096, 5000, 1 << 17})
  void itemsDoNotOverlapAndAreZeros(int bytes) {
    KernelZone zone = kernel.newZone("items", bytes, 20);
    assertThat(zone.itemBytes()).isGreaterThanOrEqualTo(bytes).isLessThan(bytes + 32);
    Set<Long> seen = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      long item = zone.allocate();
      assertThat(item % 32).isZero();
      for (long at = 16; at < zone.itemBytes(); at += 8) {
        assertThat(view.getLong(item + at)).isZero();
      }
      view.fill(item, zone.itemBytes(), (byte) i);
      assertThat(seen.add(item)).isTrue();
    }
    assertThat(zone.allocate()).as("beyond the limit").isZero();
    assertThat(zone.used()).isEqualTo(20);
    assertThat(zone.requests()).isEqualTo(21);
    int i = 0;
    for (long item : seen) {
      zone.free(item);
      i++;
    }
    assertThat(zone.free()).isEqualTo(i);
    assertThat(zone.used()).isZero();
  }

  @Test
  void anItemKeepsItsBytesWhileItIsFreeButForTwoWords() {
    KernelZone zone = kernel.newZone("stable", 64, 0);
    long item = zone.allocate();
    for (long at = 0; at < 64; at += 8) {
      view.putLong(item + at, 100 + at);
    }
    zone.free(item);
    for (long at = 16; at < 64; at += 8) {
      assertThat(view.getLong(item + at)).as("read while it is free").isEqualTo(100 + at);
    }
    assertThat(zone.allocate()).as("the last freed is the first taken").isEqualTo(item);
    assertThat(view.getLong(item + 56)).isEqualTo(156);
  }

  @Test
  void aModelAgrees() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    KernelZone zone = kernel.newZone("model", 48, 1000);
    Map<Long, Long> model = new HashMap<>();
    List<Long> order = new ArrayList<>();
    for (int step = 0; step < 20_000; step++) {
      if (random.nextInt(100) < (step / 4000 % 2 == 0 ? 60 : 40)) {
        long item = zone.allocate();
        assertThat(item == 0).as("seed %d step %d", seed, step).isEqualTo(model.size() == 1000);
        if (item != 0) {
          long value = random.nextLong();
          view.putLong(item, value);
          view.putLong(item + 8, ~value);
          view.putLong(item + 40, value);
          assertThat(model.put(item, value)).as("seed %d: given twice", seed).isNull();
          order.add(item);
        }
      } else if (!order.isEmpty()) {
        int n = random.nextInt(order.size());
        long item = order.get(n);
        order.set(n, order.getLast());
        order.removeLast();
        long value = Objects.requireNonNull(model.remove(item));
        assertThat(view.getLong(item)).as("seed %d", seed).isEqualTo(value);
        assertThat(view.getLong(item + 8)).isEqualTo(~value);
        assertThat(view.getLong(item + 40)).isEqualTo(value);
        zone.free(item);
      }
      assertThat(zone.used()).isEqualTo(model.size());
    }
  }

  @Test
  void twoThreadsNeverGetTheSameItem() throws Exception {
    KernelZone zone = kernel.newZone("shared", 32, 0);
    long seed = System.nanoTime();
    List<Helper<Integer>> users = new ArrayList<>();
    for (int n = 0; n < 2; n++) {
      long own = seed + n;
      users.add(Helper.start(() -> use(zone, new Random(own), own)));
    }
    for (Helper<Integer> user : users) {
      assertThat(user.join()).as("seed %d", seed).isZero();
    }
    assertThat(zone.used()).isZero();
  }

  private int use(KernelZone zone, Random random, long mark) {
    int wrong = 0;
    List<Long> mine = new ArrayList<>();
    try (View own = kernel.view()) {
      for (int step = 0; step < 30_000; step++) {
        if (mine.size() < 600 && random.nextInt(3) > 0) {
          long item = zone.allocate();
          own.putLong(item, mark);
          own.putLong(item + 8, item);
          mine.add(item);
        } else if (!mine.isEmpty()) {
          long item = mine.remove(random.nextInt(mine.size()));
          wrong += own.getLong(item) == mark && own.getLong(item + 8) == item ? 0 : 1;
          zone.free(item);
        }
      }
      mine.forEach(zone::free);
    }
    return wrong;
  }

  @Test
  void aDoubleFreeIsAPanic() {
    KernelZone zone = kernel.newZone("twice", 32, 0);
    long item = zone.allocate();
    zone.free(item);
    halted = true;
    assertThatThrownBy(() -> zone.free(item))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("freed twice");
  }

  @Test
  void aStoreIntoAFreeItemIsAPanicWhenItIsTaken() {
    KernelZone zone = kernel.newZone("after", 32, 0);
    long item = zone.allocate();
    zone.free(item);
    view.putLong(item + 8, 1);
    halted = true;
    assertThatThrownBy(zone::allocate)
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("stored into while it was free");
  }

  @Test
  void whatIsNoItemIsRefused() {
    KernelZone zone = kernel.newZone("own", 64, 0);
    KernelZone other = kernel.newZone("other", 64, 0);
    long item = zone.allocate();
    long others = other.allocate();
    for (long no : new long[] {0, -1, item + 32, others, kernel.end(), Long.MIN_VALUE}) {
      assertThatThrownBy(() -> zone.free(no)).isInstanceOf(IllegalArgumentException.class);
    }
    zone.free(item);
  }

  @Test
  void memoryThatIsOutIsNoItemOrAPanic() {
    KernelZone zone = kernel.newZone("all", 1 << 16, 0);
    int had = 0;
    while (zone.allocate() != 0) {
      had++;
    }
    assertThat(had).isBetween(10, 64);
    assertThat(vm.check().summary()).isEqualTo("clean");
    KernelZone urgent = kernel.newZone("urgent", 32, 3, KernelZone.Kind.PANIC_ON_FAILURE);
    halted = true;
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 4; i++) {
                urgent.allocate();
              }
            })
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("zone urgent has no item left");
  }

  @Test
  void aZoneForInterruptsHasItsAddressesAndGetsPagesAsItGrows() {
    long before = kernel.used();
    KernelZone zone = kernel.newZone("interrupts", 96, 200, KernelZone.Kind.INTERRUPT);
    assertThat(kernel.used() - before).isEqualTo(5 * PAGE);
    long wired = vm.statistics().wiredPages();
    Set<Long> items = new HashSet<>();
    for (int i = 0; i < 200; i++) {
      long item = zone.allocate();
      assertThat(item).isPositive();
      view.putLong(item + 88, i);
      assertThat(items.add(item)).isTrue();
      assertThatThrownBy(() -> zone.free(item + 32)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(zone.allocate()).isZero();
    assertThat(vm.statistics().wiredPages() - wired).isBetween(5L, 16L);
    items.forEach(zone::free);
    assertThat(zone.used()).isZero();
    assertThatThrownBy(() -> kernel.newZone("no limit", 32, 0, KernelZone.Kind.INTERRUPT))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aZoneThatMayBeDestroyedGivesItsMemoryBack() {
    long before = kernel.used();
    KernelZone zone = kernel.newZone("short", 32, 0, KernelZone.Kind.DESTROYABLE);
    long item = zone.allocate();
    assertThatThrownBy(zone::destroy).hasMessageContaining("1 items in use");
    zone.free(item);
    zone.destroy();
    assertThat(kernel.used()).isEqualTo(before);
    assertThatThrownBy(zone::allocate).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> zone.free(item)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> kernel.newZone("for good", 32, 0).destroy())
        .hasMessageContaining("for good");
  }

  @Test
  void theListingShowsEachZone() {
    KernelZone zone = kernel.newZone("listed", 40, 77);
    zone.allocate();
    assertThat(vm.inspector().showZones().lines())
        .hasSize(2)
        .last()
        .asString()
        .matches("listed +64 +77 +1 +76 +1");
  }

  @Test
  void aClosedMachineHasNone() {
    VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
    KernelZone zone = other.kernelMemory().newZone("gone", 32, 0);
    long item = zone.allocate();
    other.close();
    assertThatThrownBy(zone::allocate).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> zone.free(item)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void senselessSizesAreRefused() {
    for (int bytes : new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> kernel.newZone("z", bytes, 0))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> kernel.newZone("z", 32, -1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> kernel.newZone("z", 32, Long.MAX_VALUE, KernelZone.Kind.INTERRUPT))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
