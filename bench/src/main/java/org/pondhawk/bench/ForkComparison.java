package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;

/// A copy of an address space, generation after generation.
final class ForkComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final long LINGER_NANOS = 2_000_000;
  private static final double NANOS_PER_MICRO = 1e3;
  private static final int OVERSUBSCRIBED = 4;

  @Override
  public String name() {
    return "fork";
  }

  @Override
  public String line() {
    return "a snapshot of resident memory beside fork(2), and a writer's stores meanwhile";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    Optional<KernelProgram> kernel = KernelProgram.compile(report);
    try {
      for (long bytes : effort.sizes()) {
        idle(effort, report, bytes, kernel);
      }
      int processors = Runtime.getRuntime().availableProcessors();
      long middle = effort.sizes().get(effort.sizes().size() / 2);
      for (long bytes : effort.sizes()) {
        if (bytes <= middle) {
          running(effort, report, bytes, Math.max(1, processors - 1), kernel);
        }
      }
      running(effort, report, middle, OVERSUBSCRIBED * processors, Optional.empty());
    } finally {
      if (kernel.isPresent()) {
        kernel.get().close();
      }
    }
    report.note(
        "%d generations in a row; a copy lives 2 ms where writers run, and is closed"
            .formatted(effort.forks()));
    report.note(
        "a writer's store: random over all of the memory, most of them the first to their page");
  }

  private static boolean fits(Report report, String what, long bytes) {
    boolean fits = Memory.has(Rig.takes(bytes));
    if (fits) {
      report.doing(what);
    } else {
      report.note("not measured: " + what + "; the computer has too little memory left");
    }
    return fits;
  }

  private static void idle(Effort effort, Report report, long bytes, Optional<KernelProgram> kernel)
      throws Exception {
    String what = "fork, " + Memory.words(bytes) + " resident, nobody writes";
    if (!fits(report, what, bytes)) {
      return;
    }
    List<Double> ours;
    try (Rig rig = Rig.boot(bytes, bytes / 16, PAGE, false).touchAll()) {
      generations(rig, effort.forks(), 0); // compiles
      ours = generations(rig, effort.forks(), 0);
    }
    rows(report, what, ours, kernels(kernel, "forks", bytes, effort).get("fork"));
  }

  private static void running(
      Effort effort, Report report, long bytes, int writers, Optional<KernelProgram> kernel)
      throws Exception {
    String what =
        "%s resident, %d %s"
            .formatted(Memory.words(bytes), writers, writers == 1 ? "writer" : "writers");
    if (!fits(report, what, 2 * bytes)) {
      return;
    }
    List<Double> ours;
    Histogram stores;
    try (Rig rig = Rig.boot(bytes, bytes, PAGE, false).touchAll();
        var threads = StoringThreads.start(writers, rig.space, rig.base, bytes)) {
      generations(rig, effort.forks() / 2, LINGER_NANOS);
      threads.time();
      ours = generations(rig, effort.forks(), LINGER_NANOS);
      @Nullable Throwable failure = threads.stop();
      if (failure != null) {
        // Forks beside writers that have ended are no measurement.
        report.note(
            "not measured: %s; a writer ended early: %s".formatted(what, failure.getMessage()));
        return;
      }
      stores = threads.times();
    }
    Map<String, List<Double>> theirs = kernels(kernel, "forks-writing", bytes, effort);
    rows(report, "fork, " + what, ours, theirs.get("fork"));
    if (stores.total() == 0) {
      report.note("not measured: stores, %s; the timed writer did not run".formatted(what));
      return;
    }
    for (String share : new String[] {"50", "99", "99.9"}) {
      report.row(
          "store p" + share + " while forking, " + what,
          stores.quantile(Double.parseDouble(share) / 100) / NANOS_PER_MICRO,
          Row.Unit.MICROS,
          "the kernel's",
          quantile(theirs.get("store-p" + share), 0.5));
    }
  }

  private static Map<String, List<Double>> kernels(
      Optional<KernelProgram> kernel, String mode, long bytes, Effort effort) throws Exception {
    return kernel.isEmpty() ? Map.of() : kernel.get().run(mode, bytes, effort.forks());
  }

  /// Forks, lets the copy live, closes it, again and again.
  ///
  /// @return how long each fork took, in nanoseconds
  private static List<Double> generations(Rig rig, int count, long lingerNanos) {
    List<Double> times = new ArrayList<>();
    for (int n = 0; n < count; n++) {
      long from = System.nanoTime();
      AddressSpace copy = rig.space.fork();
      times.add((double) (System.nanoTime() - from));
      if (lingerNanos > 0) {
        LockSupport.parkNanos(lingerNanos);
      }
      copy.close();
    }
    return times;
  }

  private static void rows(
      Report report, String what, List<Double> ours, @Nullable List<Double> theirs) {
    report.row(
        what + ", median",
        Quantiles.median(ours) / NANOS_PER_MICRO,
        Row.Unit.MICROS,
        "fork(2)",
        quantile(theirs, 0.5));
    report.row(
        what + ", slowest",
        Quantiles.of(ours, 1) / NANOS_PER_MICRO,
        Row.Unit.MICROS,
        "fork(2)",
        quantile(theirs, 1));
  }

  private static @Nullable Double quantile(@Nullable List<Double> nanos, double share) {
    return nanos == null ? null : Quantiles.of(nanos, share) / NANOS_PER_MICRO;
  }
}
