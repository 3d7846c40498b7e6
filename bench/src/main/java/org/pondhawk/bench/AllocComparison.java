package org.pondhawk.bench;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.pondhawk.vm.VmConfig;

/// Allocation and free of a page through the coloured queues.
final class AllocComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final int TURN_FACTOR = 2;
  private static final int WARM_UPS = 3;
  private static final int SET_ASIDE = 64;
  private static final double MILLIONS =
      1_000.0; // a nanosecond's operations to a second's millions
  private static final int OPERATIONS = 1_000_000;
  private static final long LARGEST = 16 * Memory.GIB;

  /// Twice what the descriptors of a machine take of its size: frames are not touched.
  private static final long DESCRIPTORS_SHARE = 32;

  @Override
  public String name() {
    return "alloc";
  }

  @Override
  public String line() {
    return "allocate and free 4 KiB, beside one queue, Netty's allocators and malloc";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    List<Integer> teams = new ArrayList<>(List.of(1));
    teams.addAll(effort.threads().stream().filter(n -> n > 1).toList());
    for (int threads : teams) {
      report.doing(threads == 1 ? "1 thread" : threads + " threads");
      measure(effort, report, threads);
    }
    zeros(effort, report);
    flat(effort, report);
    report.note("pairs: an allocation and a free; each thread has 64 pages in use meanwhile");
    report.note("one queue: the same descriptors, free pages on one stack under one lock");
  }

  private static void measure(Effort effort, Report report, int threads) throws Exception {
    ByteBufAllocator pooled = new PooledByteBufAllocator(true);
    ByteBufAllocator adaptive = new AdaptiveByteBufAllocator(true);
    try (Rig rig = rig(effort)) {
      var oneQueue = new AllocLoops.OneQueue(rig.machine, (threads + 1) * AllocLoops.IN_USE);
      Map<String, Supplier<Work>> sides = new LinkedHashMap<>();
      sides.put("ours", () -> new AllocLoops.Coloured(rig.machine, AllocLoops.Colors.LOOKED_UP));
      sides.put(
          "ours, processor not looked up",
          () -> new AllocLoops.Coloured(rig.machine, AllocLoops.Colors.OWN));
      if (threads > 1) {
        sides.put(
            "ours, in one processor's colours",
            () -> new AllocLoops.Coloured(rig.machine, AllocLoops.Colors.SHARED));
      }
      sides.put("one queue", oneQueue::work);
      sides.put("Netty, pooled", () -> AllocLoops.netty(pooled));
      sides.put("Netty, adaptive", () -> AllocLoops.netty(adaptive));
      sides.put("malloc", AllocLoops::malloc);
      Map<String, Double> results = turns(effort, sides, threads);
      String what = threads == 1 ? "pairs, 1 thread" : "pairs, " + threads + " threads";
      double ours = results.getOrDefault("ours", Double.NaN);
      sides.keySet().stream()
          .filter(side -> !"ours".equals(side))
          .forEach(side ->
              report.row(what, ours, Row.Unit.MILLIONS_PER_SECOND, side, results.get(side)));
      if (threads == 1) {
        try (Work work = new AllocLoops.Coloured(rig.machine, AllocLoops.Colors.OWN)) {
          double bytes = Allocated.bytesPerOperation(work, OPERATIONS);
          report.row("heap of a pair", bytes, Row.Unit.BYTES_PER_OP, "nothing", 0.0);
        }
      }
      oneQueue.close();
    }
  }

  /// What pages that are set aside, zeroed, save who wants zeros.
  private static void zeros(Effort effort, Report report) throws Exception {
    report.doing("pages set aside");
    long bytes = effort.sizes().getFirst();
    VmConfig with = Rig.config(bytes, PAGE).tunable("vm.magazine_pages", SET_ASIDE).build();
    try (Rig without = rig(effort);
        Rig aside = Rig.boot(with, bytes)) {
      Map<String, Supplier<Work>> sides = new LinkedHashMap<>();
      sides.put("aside", () -> new AllocLoops.ForZeros(aside.machine));
      sides.put("without", () -> new AllocLoops.ForZeros(without.machine));
      Map<String, Double> results = turns(effort, sides, 1);
      report.row(
          "pairs for zeros, %d pages set aside".formatted(SET_ASIDE),
          results.getOrDefault("aside", Double.NaN),
          Row.Unit.MILLIONS_PER_SECOND,
          "none set aside",
          results.get("without"));
    }
  }

  private static Rig rig(Effort effort) {
    return Rig.boot(effort.sizes().getFirst(), 0, PAGE, false);
  }

  /// What a pair costs in machines of all sizes.
  private static void flat(Effort effort, Report report) throws Exception {
    List<Long> sizes = new ArrayList<>(effort.sizes());
    if (!effort.isSmoke()) {
      sizes.add(LARGEST); // no frame of it is touched, only what is allocated
    }
    double first = Double.NaN;
    for (long bytes : sizes) {
      if (!Memory.has(bytes / DESCRIPTORS_SHARE)) {
        report.note("not measured: %s; too little memory is left".formatted(Memory.words(bytes)));
        continue;
      }
      report.doing(Memory.words(bytes));
      try (Rig rig = Rig.boot(bytes, 0, PAGE, false)) {
        double now =
            turns(
                    effort,
                    Map.of(
                        "ours", () -> new AllocLoops.Coloured(rig.machine, AllocLoops.Colors.OWN)),
                    1)
                .getOrDefault("ours", Double.NaN);
        if (bytes == sizes.getFirst()) {
          first = now;
        } else {
          String what = "pairs, 1 thread, " + Memory.words(bytes);
          String against = "ours, " + Memory.words(sizes.getFirst());
          report.row(what, now, Row.Unit.MILLIONS_PER_SECOND, against, first);
        }
      }
    }
  }

  /// Lets teams of each side take turns.
  ///
  /// @return million pairs a second of each, of all threads together
  private static Map<String, Double> turns(
      Effort effort, Map<String, Supplier<Work>> sides, int threads) throws Exception {
    Map<String, List<Double>> all = new LinkedHashMap<>();
    for (int round = -WARM_UPS; round < effort.rounds(); round++) {
      for (Map.Entry<String, Supplier<Work>> side : sides.entrySet()) {
        List<Supplier<Work>> team = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
          team.add(side.getValue());
        }
        int millis = round < 0 ? effort.warmUpMillis() : effort.roundMillis() * TURN_FACTOR;
        double result = Team.throughput(team, millis) * MILLIONS;
        if (round >= 0) {
          all.computeIfAbsent(side.getKey(), _ -> new ArrayList<>()).add(result);
        }
      }
    }
    Map<String, Double> medians = new LinkedHashMap<>();
    all.forEach((side, results) -> medians.put(side, Quantiles.median(results)));
    return medians;
  }
}
