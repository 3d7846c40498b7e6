package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.InitialStack;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;

/// A program that starts from a snapshot of a warm one.
final class ResidentComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final long MOST_BYTES = 1L << 30;
  private static final String KEY = "warm";
  private static final double NANOS_PER_MICRO = 1e3;
  private static final int BUILDS = 3;

  @Override
  public String name() {
    return "resident";
  }

  @Override
  public String line() {
    return "a warm program started from a snapshot, beside fork(2) and beside building it anew";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    Optional<KernelProgram> kernel = KernelProgram.compile(report);
    try {
      for (long bytes : effort.sizes()) {
        if (bytes <= MOST_BYTES) {
          start(effort, report, bytes, kernel);
        }
      }
    } finally {
      if (kernel.isPresent()) {
        kernel.get().close();
      }
    }
    report.note(
        "%d starts in a row, each with a stack, a load and a store, and closed again"
            .formatted(effort.forks()));
    report.note("built anew: mapped, and a store into every page, in a new space");
  }

  private static void start(
      Effort effort, Report report, long bytes, Optional<KernelProgram> kernel) throws Exception {
    String what = "start of a program with " + Memory.words(bytes) + " resident";
    if (!Memory.has(Rig.takes(2 * bytes))) {
      report.note("not measured: " + what + "; the computer has too little memory left");
      return;
    }
    report.doing(what);
    List<Double> starts;
    List<Double> builds = new ArrayList<>();
    try (Rig rig = Rig.boot(bytes, bytes + bytes / 16, PAGE, false).touchAll()) {
      rig.vm.residents().register(KEY, rig.space, 0);
      starts(rig, effort.forks()); // compiles
      starts = starts(rig, effort.forks());
      for (int n = 0; n < BUILDS; n++) {
        builds.add(build(rig));
      }
    }
    Map<String, List<Double>> theirs =
        kernel.isEmpty() ? Map.of() : kernel.get().run("forks", bytes, effort.forks());
    @Nullable List<Double> forks = theirs.get("fork");
    report.row(
        what + ", median",
        Quantiles.median(starts) / NANOS_PER_MICRO,
        Row.Unit.MICROS,
        "fork(2)",
        forks == null ? null : Quantiles.median(forks) / NANOS_PER_MICRO);
    report.row(
        what + ", slowest",
        Quantiles.of(starts, 1) / NANOS_PER_MICRO,
        Row.Unit.MICROS,
        "fork(2)",
        forks == null ? null : Quantiles.of(forks, 1) / NANOS_PER_MICRO);
    report.row(
        what + ", beside itself",
        Quantiles.median(starts) / NANOS_PER_MICRO,
        Row.Unit.MICROS,
        "built anew",
        Quantiles.median(builds) / NANOS_PER_MICRO);
  }

  /// Starts programs from the snapshot, each of which loads and stores a word.
  ///
  /// @return how long each start took, in nanoseconds, the accesses included
  private static List<Double> starts(Rig rig, int count) {
    List<Double> times = new ArrayList<>();
    for (int n = 0; n < count; n++) {
      long from = System.nanoTime();
      AddressSpace started = rig.vm.residents().use(KEY, InitialStack.MAPPED);
      try (View view = started.view()) {
        view.putLong(rig.base, view.getLong(rig.page(rig.pageCount() / 2)));
        times.add((double) (System.nanoTime() - from));
      }
      started.close();
    }
    return times;
  }

  private static double build(Rig rig) {
    long from = System.nanoTime();
    try (AddressSpace made = rig.vm.newAddressSpace();
        View view = made.view()) {
      long base = made.map(rig.bytes, Protection.READ_WRITE);
      for (long at = 0; at < rig.bytes; at += PAGE) {
        view.putLong(base + at, at);
      }
      return System.nanoTime() - from;
    }
  }
}
