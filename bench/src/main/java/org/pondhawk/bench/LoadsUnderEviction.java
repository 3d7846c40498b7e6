package org.pondhawk.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VmConfig;

/// One run of loads beside eviction and forks, and what it showed.
///
/// @param loadsPerSecond of all threads together
/// @param reclaimedPerSecond pages that the daemon freed
/// @param graceMicros half of the grace periods took no longer, in microseconds
record LoadsUnderEviction(double loadsPerSecond, double reclaimedPerSecond, double graceMicros) {
  private static final int PAGE = 4 << 10;
  private static final long MEMORY = 64 * Memory.MIB;
  private static final long HOT = 16 * Memory.MIB;
  private static final long SWEPT = 128 * Memory.MIB;
  private static final int LOADS_PER_LOOK = 4096;
  private static final long FORK_EVERY_MILLIS = 100;
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double NANOS_PER_MICRO = 1e3;

  private static volatile boolean stopped;
  private static final LongAdder LOADS = new LongAdder();

  static LoadsUnderEviction parse(String line) {
    String[] words = line.split(" ", -1);
    return new LoadsUnderEviction(
        Double.parseDouble(words[0]), Double.parseDouble(words[1]), Double.parseDouble(words[2]));
  }

  /// Measures, and prints three numbers.
  ///
  /// @param arguments threads, and two times in milliseconds: before the measurement, and of it
  public static void main(String[] arguments) throws Exception {
    int threads = Integer.parseInt(arguments[0]);
    VmConfig config =
        VmConfig.builder()
            .physicalMemory(MEMORY)
            .pageSize(PAGE)
            .swap(4 * SWEPT)
            .patience(Duration.ofSeconds(60))
            .build();
    try (Rig rig = Rig.boot(config, HOT).touchAll();
        AddressSpace other = rig.vm.newAddressSpace();
        ExecutorService workers = Executors.newCachedThreadPool()) {
      List<Future<?>> running = new ArrayList<>();
      try {
        var started = new CountDownLatch(threads + 1);
        for (int n = 0; n < threads; n++) {
          long seed = n;
          running.add(workers.submit(() -> load(rig, started, seed)));
        }
        running.add(workers.submit(() -> sweep(other, started)));
        started.await();
        Measured measured =
            measure(rig, Long.parseLong(arguments[1]), Long.parseLong(arguments[2]));
        System.out.println(measured.line());
      } finally {
        stopped = true;
        for (Future<?> one : running) {
          one.get();
        }
      }
    }
  }

  private record Measured(double loads, double reclaimed, double micros) {
    String line() {
      return loads + " " + reclaimed + " " + micros;
    }
  }

  private static Measured measure(Rig rig, long warmUpMillis, long millis)
      throws InterruptedException {
    forkFor(rig, warmUpMillis);
    long loads = LOADS.sum();
    long freed = rig.vm.statistics().daemonFreed();
    long from = System.nanoTime();
    forkFor(rig, millis);
    double seconds = (System.nanoTime() - from) / NANOS_PER_SECOND;
    return new Measured(
        (LOADS.sum() - loads) / seconds,
        (rig.vm.statistics().daemonFreed() - freed) / seconds,
        rig.vm.statistics().graceP50Nanos() / NANOS_PER_MICRO);
  }

  /// Forks the space of the loads and closes the copy, again and again, for a while.
  private static void forkFor(Rig rig, long millis) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    var never = new CountDownLatch(1);
    while (System.nanoTime() < end) {
      rig.space.fork().close();
      if (never.await(FORK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
    }
  }

  private static void load(Rig rig, CountDownLatch started, long seed) {
    try (View view = rig.space.view()) {
      int shift = Walk.shiftFor(HOT);
      long state = seed;
      started.countDown();
      while (!stopped) {
        Turns.sink = loads(view, rig.base, shift, state);
        state = Walk.next(state + LOADS_PER_LOOK);
        LOADS.add(LOADS_PER_LOOK);
      }
    }
  }

  private static long loads(View view, long base, int shift, long seed) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < LOADS_PER_LOOK; i++) {
      state = Walk.next(state);
      sum += view.getLong(base + Walk.place(state, shift));
    }
    return sum;
  }

  private static void sweep(AddressSpace space, CountDownLatch started) {
    try (View view = space.view()) {
      long start = space.map(SWEPT, Protection.READ_WRITE);
      started.countDown();
      for (long at = 0; !stopped; at = (at + PAGE) % SWEPT) {
        view.putLong(start + at, at);
      }
    }
  }
}
