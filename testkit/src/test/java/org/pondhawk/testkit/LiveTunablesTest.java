package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.TunableTable;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;

/// Levels, niceness and hysteresis change all the time while threads store more than memory holds.
@Timeout(120)
class LiveTunablesTest {
  private static final int PAGE = 4096;
  private static final int THREADS = 3;
  private static final int PAGES = 1_200; // more than the machine has, for each thread alone
  private static final int ROUNDS = 12;

  private final ExecutorService executor = Executors.newFixedThreadPool(THREADS);

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 0})
  void harmNothingWhileTheyChange(long fixedSeed) throws Exception {
    long seed = fixedSeed == 0 ? System.nanoTime() : fixedSeed;
    Random random = new Random(seed);
    try (VirtualMemory vm = VirtualMemory.boot(Machines.tiny(PAGE, 32 * MEBIBYTE).build())) {
      List<Future<Boolean>> threads = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        int nice = random.nextInt(41) - 20;
        threads.add(executor.submit(() -> work(vm, nice)));
      }
      int changes = 0;
      while (!threads.stream().allMatch(Future::isDone)) {
        change(vm.tunables(), random, vm.statistics().pageCount());
        changes++;
      }
      for (Future<Boolean> thread : threads) {
        assertThat(thread.get(60, TimeUnit.SECONDS)).as("seed %d", seed).isTrue();
      }
      assertThat(changes).as("seed %d", seed).isPositive();
      assertThat(vm.statistics().pagesOut()).as("seed %d", seed).isPositive();
      Machines.requireClean(vm, "seed " + seed);
    }
  }

  /// Stores into all of a space and reads it back, again and again.
  private static boolean work(VirtualMemory vm, int nice) {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      space.setNice(nice);
      long base = space.map((long) PAGES * PAGE, Protection.READ_WRITE);
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PAGES; i++) {
          long at = base + (long) i * PAGE;
          if (round > 0 && view.getLong(at) != (long) i * round) {
            return false;
          }
          view.putLong(at, (long) i * (round + 1));
        }
      }
      return true;
    }
  }

  /// Sets all levels anew, in their order; and tries one that is not.
  private static void change(TunableTable table, Random random, long pageCount) {
    Map<String, Long> levels = new LinkedHashMap<>();
    long min = 20 + random.nextLong(pageCount / 16);
    levels.put("vm.v_free_min", min);
    levels.put("vm.v_free_severe", min / 2);
    levels.put("vm.v_free_reserved", min / 2 + 7);
    levels.put("vm.v_pageout_free_min", min / 4);
    long level = min;
    for (String name : List.of("wait", "start", "target1", "target2")) {
      level += random.nextLong(pageCount / 16);
      levels.put("vm.v_paging_" + name, level);
    }
    levels.put("vm.v_free_target", min + random.nextLong(level - min + 1));
    levels.put("vm.v_inactive_target", 1 + random.nextLong(pageCount / 4));
    levels.put("vm.max_launder", 1 + random.nextLong(100));
    levels.put("vm.page_free_hysteresis", random.nextLong(64));
    levels.put("vm.nice_policy", random.nextLong(2));
    table.setAll(levels);
    levels.forEach((name, value) -> assertThat(table.get(name)).as(name).isEqualTo(value));
    long beyond = level + 1;
    assertThatThrownBy(() -> table.set("vm.v_free_min", beyond))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
