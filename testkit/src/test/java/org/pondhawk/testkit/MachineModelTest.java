package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;
import static org.pondhawk.vm.PageTables.TWO_LEVEL;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.stats.VmStatistics;

/// The whole machine against models of ordinary arrays, on memory much too small for what is asked
/// of it. Run one seed again with `-Dpondhawk.seed=…`.
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class MachineModelTest {
  static final List<Integer> PAGE_SIZES = List.of(4096, 16384);
  private static final long SWAP = 192 * MEBIBYTE; // for what forks keep alive

  static Stream<Arguments> seedsAndPageSizes() {
    return Seeds.all()
        .boxed()
        .flatMap(seed -> PAGE_SIZES.stream().map(size -> Arguments.of(seed, size)));
  }

  @Nested
  class OneThread {
    private static final int USERS = 3;
    private static final long MOST_BYTES_EACH = 8 * MEBIBYTE;
    private static final int BATCHES = 6;
    private static final int STEPS_PER_BATCH = 400;

    @ParameterizedTest(name = "seed {0}, pages of {1} bytes")
    @MethodSource("org.pondhawk.testkit.MachineModelTest#seedsAndPageSizes")
    void findsEveryByteWhereItPutIt(long seed, int pageSize) {
      run(seed, pageSize, Seams.SOUND);
    }

    @ParameterizedTest(name = "pages of {0} bytes")
    @FieldSource("org.pondhawk.testkit.MachineModelTest#PAGE_SIZES")
    void findsEveryByteThroughTablesOfTwoLevels(int pageSize) {
      run(Seeds.fresh(), Machines.tiny(pageSize, SWAP).pageTables(TWO_LEVEL), Seams.SOUND);
    }

    /// A base of 640 KiB, and more behind a hole; structures come off the middle one.
    @Test
    void findsEveryByteInMemoryWithHoles() {
      List<PhysicalRange> ranges =
          List.of(
              new PhysicalRange(0, 640 << 10),
              new PhysicalRange(MEBIBYTE, 3 * MEBIBYTE + 8192),
              new PhysicalRange(5 * MEBIBYTE + 4095, 6 * MEBIBYTE + 1));
      run(Seeds.fresh(), Machines.tiny(4096, SWAP).physicalRanges(ranges), Seams.SOUND);
    }

    @ParameterizedTest(name = "topology {0}")
    @ValueSource(strings = {"2x8x2", "3x5x1"})
    void findsEveryByteOnSeveralSockets(String topology) {
      long seed = Seeds.fresh();
      Random cpu = new Random(seed); // every fault and every call is made somewhere else
      run(
          seed,
          Machines.tiny(4096, SWAP).topology(topology).currentCpu(() -> cpu.nextInt(64)),
          Seams.SOUND);
    }

    @Test
    void findsALostModifiedBit() {
      AssertionError found = null;
      for (long seed = 1; found == null && seed <= 5; seed++) {
        try {
          run(seed, 4096, BrokenParts.oneModifiedBitLost());
        } catch (AssertionError e) {
          found = e;
        }
      }
      assertThat(found).isNotNull().hasMessageMatching("(?s).*(expected|clean, but).*");
    }

    /// A page that another space still sees is moved up instead of being copied.
    @Test
    void findsAPageThatIsTakenFromAnotherSpace() {
      AssertionError found = null;
      for (long seed = 1; found == null && seed <= 5; seed++) {
        try {
          run(seed, 4096, BrokenParts.sharedPagesMoved());
        } catch (AssertionError e) {
          found = e;
        }
      }
      assertThat(found).isNotNull().hasMessageMatching("(?s).*(expected|shows another page).*");
    }

    @Tag("nightly")
    @ParameterizedTest
    @ValueSource(longs = {101, 102, 103})
    void findsEveryByteForALongTime(long seed) {
      run(seed, Machines.tiny(4096, SWAP), Seams.SOUND, 500, 4_000);
    }

    private void run(long seed, int pageSize, Seams seams) {
      run(seed, Machines.tiny(pageSize, SWAP), seams);
    }

    private void run(long seed, VmConfig.Builder config, Seams seams) {
      run(seed, config, seams, BATCHES, STEPS_PER_BATCH);
    }

    private void run(long seed, VmConfig.Builder config, Seams seams, int batches, int steps) {
      Random random = new Random(seed);
      List<RandomUser> users = new ArrayList<>();
      try (VirtualMemory vm = VirtualMemory.boot(config.build(), seams)) {
        for (int i = 0; i < USERS; i++) {
          int most = (int) (MOST_BYTES_EACH / vm.config().pageSize());
          users.add(RandomUser.alone(vm, random, "u" + i, most));
        }
        for (int batch = 0; batch < batches; batch++) {
          for (int step = 0; step < steps; step++) {
            users.get(random.nextInt(USERS)).step();
          }
          Machines.requireClean(vm, "seed " + seed + "\n" + users);
        }
        users.forEach(RandomUser::compareAll);
        users.forEach(RandomUser::close);
        Machines.requireClean(vm, "seed " + seed + ", after closing all\n" + users);
        requireNothingLeft(vm);
      }
    }
  }

  /// With every space closed no page is in use, and no swap block.
  static void requireNothingLeft(VirtualMemory vm) {
    VmStatistics now = vm.statistics();
    assertThat(now.activePages() + now.inactivePages() + now.cachedPages())
        .as(now::toString)
        .isZero();
    assertThat(now.swapUsedPages()).as(now::toString).isZero();
  }

  @Nested
  class ManyThreads {
    private static final long SHORT_SECONDS = 3;

    @ParameterizedTest(name = "pages of {0} bytes, virtual threads {1}, membarrier {2}")
    @CsvSource({
      "4096, false, true",
      "16384, false, true",
      "4096, true, true",
      "4096, false, false"
    })
    void findEveryByteWhereTheyPutIt(int pageSize, boolean virtual, boolean membarrier)
        throws Exception {
      run(Seeds.fresh(), pageSize, virtual, membarrier, Duration.ofSeconds(SHORT_SECONDS));
    }

    @Test
    void findEveryByteThroughTablesOfTwoLevels() throws Exception {
      VmConfig config = Machines.tiny(4096, SWAP).pageTables(TWO_LEVEL).build();
      run(Seeds.fresh(), config, false, Duration.ofSeconds(SHORT_SECONDS));
    }

    @ParameterizedTest(name = "virtual threads {0}")
    @ValueSource(booleans = {false, true})
    void findEveryByteOnTwoSockets(boolean virtual) throws Exception {
      VmConfig config = Machines.tiny(4096, SWAP).topology("2x8x2").build();
      run(Seeds.fresh(), config, virtual, Duration.ofSeconds(SHORT_SECONDS));
    }

    @Tag("nightly")
    @ParameterizedTest(name = "pages of {0} bytes, virtual threads {1}, membarrier {2}")
    @CsvSource({
      "4096, false, true",
      "16384, false, true",
      "4096, true, true",
      "4096, false, false"
    })
    void findEveryByteForMinutes(int pageSize, boolean virtual, boolean membarrier)
        throws Exception {
      run(Seeds.fresh(), pageSize, virtual, membarrier, Duration.ofMinutes(2));
    }

    private static final int THREADS = Math.max(6, 3 * Runtime.getRuntime().availableProcessors());

    private void run(
        long seed, int pageSize, boolean virtual, boolean membarrier, Duration duration)
        throws Exception {
      VmConfig config = Machines.tiny(pageSize, SWAP).membarrier(membarrier).build();
      run(seed, config, virtual, duration);
    }

    private void run(long seed, VmConfig config, boolean virtual, Duration duration)
        throws Exception {
      AtomicBoolean stop = new AtomicBoolean();
      int most = (int) (24 * MEBIBYTE / config.pageSize() / (2L * THREADS));
      ExecutorService executor =
          virtual
              ? Executors.newVirtualThreadPerTaskExecutor()
              : Executors.newFixedThreadPool(THREADS);
      try (VirtualMemory vm = VirtualMemory.boot(config)) {
        AddressSpace shared = vm.newAddressSpace();
        CountDownLatch started = new CountDownLatch(THREADS);
        List<Future<?>> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
          int number = i;
          threads.add(executor.submit(() -> use(vm, shared, number, seed, most, started, stop)));
        }
        started.await();
        endAfter(duration, threads, stop);
        for (Future<?> thread : threads) {
          thread.get(60, TimeUnit.SECONDS);
        }
        Machines.requireClean(vm, "seed " + seed);
        shared.close();
        requireNothingLeft(vm);
      } catch (ExecutionException e) {
        throw new AssertionError("seed " + seed, e.getCause());
      } finally {
        stop.set(true);
        executor.shutdown();
      }
    }

    /// Lets the threads work for a time, or until one has failed.
    private void endAfter(Duration duration, List<Future<?>> threads, AtomicBoolean stop)
        throws InterruptedException {
      CountDownLatch never = new CountDownLatch(1);
      for (long left = duration.toMillis() / 100; left > 0; left--) {
        if (never.await(100, TimeUnit.MILLISECONDS) || threads.stream().anyMatch(Future::isDone)) {
          break;
        }
      }
      stop.set(true);
    }

    private void use(
        VirtualMemory vm,
        AddressSpace shared,
        int number,
        long seed,
        int most,
        CountDownLatch started,
        AtomicBoolean stop) {
      Random random = new Random(seed + number);
      try (RandomUser alone = RandomUser.alone(vm, random, "a" + number, most);
          RandomUser inWindow =
              RandomUser.inWindow(vm, random, shared, number, "w" + number, most)) {
        started.countDown();
        while (!stop.get()) {
          (random.nextBoolean() ? alone : inWindow).step();
        }
        alone.compareAll();
        inWindow.compareAll();
      }
    }
  }
}
