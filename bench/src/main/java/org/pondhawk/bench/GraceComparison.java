package org.pondhawk.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.sync.Grace;

/// How long a grace period takes while threads store in hot loops.
final class GraceComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final long HOT_BYTES = 4 * Memory.MIB;
  private static final long MEMORY = 64 * Memory.MIB;
  private static final long SWEPT = 128 * Memory.MIB;
  private static final double NANOS_PER_MICRO = 1e3;
  private static final double NANOS_PER_SECOND = 1e9;
  private static final long LIMIT_NANOS = 6_000_000_000L;

  @Override
  public String name() {
    return "grace";
  }

  @Override
  public String line() {
    return "grace periods while 1 to 64 threads store in loops, with membarrier beside the fallback";
  }

  /// What one machine showed.
  private record Found(double p50, double p99, double reclaimed) {}

  @Override
  public void run(Effort effort, Report report) throws Exception {
    for (int threads : effort.threads()) {
      report.doing(threads + " threads");
      List<Found> ours = new ArrayList<>();
      List<Found> theirs = new ArrayList<>();
      int turns = effort.isQuick() ? 1 : 3;
      for (int turn = 0; turn < turns; turn++) {
        ours.add(measure(effort, report, threads, true));
        theirs.add(measure(effort, report, threads, false));
      }
      rows(report, threads, ours, theirs);
    }
    report.note("ours: membarrier, no fence in a store; the fallback: a fence in each store");
    report.note(
        "pages reclaimed: while one more thread stores into each page of %s in turn, with %s of memory"
            .formatted(Memory.words(SWEPT), Memory.words(MEMORY)));
  }

  private static void rows(Report report, int threads, List<Found> ours, List<Found> theirs) {
    String during = ", " + threads + (threads == 1 ? " thread stores" : " threads store");
    report.row(
        "grace p50" + during,
        Quantiles.median(ours.stream().map(Found::p50).toList()),
        Row.Unit.MICROS,
        "fallback",
        Quantiles.median(theirs.stream().map(Found::p50).toList()));
    report.row(
        "grace p99" + during,
        Quantiles.median(ours.stream().map(Found::p99).toList()),
        Row.Unit.MICROS,
        "fallback",
        Quantiles.median(theirs.stream().map(Found::p99).toList()));
    report.row(
        "reclaimed" + during,
        Quantiles.median(ours.stream().map(Found::reclaimed).toList()),
        Row.Unit.PAGES_PER_SECOND,
        "fallback",
        Quantiles.median(theirs.stream().map(Found::reclaimed).toList()));
  }

  private static Found measure(Effort effort, Report report, int threads, boolean membarrier)
      throws Exception {
    VmConfig config =
        VmConfig.builder()
            .physicalMemory(MEMORY)
            .pageSize(PAGE)
            .swap(4 * SWEPT)
            .membarrier(membarrier)
            .patience(Duration.ofSeconds(60))
            .build();
    try (Rig rig = Rig.boot(config, HOT_BYTES).touchAll().touchFrames(MEMORY - 4 * HOT_BYTES);
        var writers = StoringThreads.start(threads, rig.space, rig.base, HOT_BYTES)) {
      Grace grace = rig.machine.grace();
      if (grace.isAsymmetric() != membarrier) {
        report.note("membarrier is " + (membarrier ? "not to be had" : "used unasked"));
      }
      List<Double> latencies = latencies(effort, grace);
      double reclaimed = reclaimed(effort, rig);
      writers.stop();
      return new Found(Quantiles.median(latencies), Quantiles.of(latencies, 0.99), reclaimed);
    }
  }

  /// Begins grace periods and polls until each is over.
  private static List<Double> latencies(Effort effort, Grace grace) {
    List<Double> micros = new ArrayList<>();
    long deadline = System.nanoTime() + LIMIT_NANOS;
    for (int n = 0; n < effort.samples() && System.nanoTime() < deadline; n++) {
      long from = System.nanoTime();
      grace.await(grace.begin());
      micros.add((System.nanoTime() - from) / NANOS_PER_MICRO);
    }
    return micros;
  }

  /// Lets pages be needed faster than they can be freed.
  private static double reclaimed(Effort effort, Rig rig) throws Exception {
    long swept = rig.space.map(SWEPT, Protection.READ_WRITE);
    var sweep = new Sweep(rig, swept);
    try (ExecutorService one = Executors.newSingleThreadExecutor()) {
      Future<?> sweeping = one.submit(sweep);
      try {
        fill(effort, rig, sweeping);
        long before = rig.vm.statistics().daemonFreed();
        long from = System.nanoTime();
        goOnFor(sweeping, effort.roundMillis() * 20L);
        long freed = rig.vm.statistics().daemonFreed() - before;
        return freed * NANOS_PER_SECOND / (System.nanoTime() - from);
      } finally {
        sweep.stopped = true;
        sweeping.get();
      }
    }
  }

  /// Returns when memory is full, or was given time enough to be.
  private static void fill(Effort effort, Rig rig, Future<?> sweeping) throws Exception {
    for (int n = 0; n < effort.samples(); n++) {
      if (rig.vm.statistics().daemonPasses() > 0) {
        return;
      }
      goOnFor(sweeping, 10);
    }
  }

  /// Lets the sweep go on for a while; if it ends instead, it failed, and so does this.
  private static void goOnFor(Future<?> sweeping, long millis) throws Exception {
    try {
      sweeping.get(millis, TimeUnit.MILLISECONDS);
      throw new IllegalStateException("the sweep has ended by itself");
    } catch (TimeoutException _) {
      // as it should: it goes on until it is stopped
    }
  }

  /// Stores into page after page of more than there is memory for.
  private static final class Sweep implements Runnable {
    private final Rig rig;
    private final long start;
    volatile boolean stopped;

    Sweep(Rig rig, long start) {
      this.rig = rig;
      this.start = start;
    }

    @Override
    public void run() {
      try (View view = rig.space.view()) {
        for (long at = 0; !stopped; at = (at + PAGE) % SWEPT) {
          view.putLong(start + at, at);
        }
      }
    }
  }
}
