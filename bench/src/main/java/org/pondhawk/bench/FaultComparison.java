package org.pondhawk.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VmConfig;

/// Faults that need no I/O, each on a page of its own, in random order.
final class FaultComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final int WARM_UP_ROUNDS = 4;

  /// The share of faults that must have met what a row is about.
  private static final double MOST = 0.95;

  private static final String ZERO = "zero-fill";
  private static final String COLD = "zero-fill, frames never touched";
  private static final String KERNEL = "first touch";
  private static final String KERNEL_HUGE = "first touch, huge pages";
  private static final String READY = "zero-fill, frames zeroed ahead";
  private static final String BOTH = "zero-fill and the zeroing of the frame, ahead";
  private static final int SET_ASIDE = 64;
  private static final String ASIDE = "zero-fill, 64 zeroed pages set aside";
  private static final String NOT_ASIDE = "zero-fill, none set aside";
  private static final String BURST_SEQUENTIAL = "soft fault in order, neighbours mapped with it";
  private static final String BURST_RANDOM = "soft fault, neighbours mapped with it";
  private static final String SEQUENTIAL = "soft fault in order";
  private static final int BURST = 8;
  private static final String LOOKED_UP = "zero-fill, processor looked up at each fault";
  private static final String NOT_LOOKED_UP = "zero-fill, processor taken for granted";
  private static final String SOFT = "soft fault, read in a forked child";
  private static final String COPY = "copy-on-write in a forked child";
  private static final String COPY_PARENT = "copy-on-write in the parent";

  @Override
  public String name() {
    return "fault";
  }

  @Override
  public String line() {
    return "zero-fill, copy-on-write and soft faults beside the kernel's, a page each";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    long bytes = effort.faultBytes();
    int[] order = RandomOrder.of((int) (bytes / PAGE));
    Map<String, List<Double>> samples = new TreeMap<>();
    Map<String, List<Double>> heap = new TreeMap<>();
    try (KernelSide kernel = new KernelSide(report, bytes)) {
      try (Rig rig = Rig.boot(bytes, 2 * bytes, PAGE, false).touchFrames(3 * bytes)) {
        for (int round = -WARM_UP_ROUNDS; round < effort.rounds(); round++) {
          report.doing(round < 0 ? "warming up" : "round " + (round + 1));
          boolean counts = round >= 0;
          round(rig, order, counts ? samples : new TreeMap<>(), counts ? heap : new TreeMap<>());
          if (counts) {
            kernel.round(samples);
          }
        }
      }
    }
    otherMachines(effort, report, order, samples);
    report.doing("frames never touched");
    for (int round = 0; round < Math.min(3, effort.rounds()); round++) {
      try (Rig rig = Rig.boot(bytes, 0, PAGE, false)) {
        double nanos = FaultLoops.stores(rig.view, rig.base, PAGE, order);
        samples.computeIfAbsent(COLD, _ -> new ArrayList<>()).add(nanos);
      }
    }
    rows(report, samples, heap);
    HashedFaults.run(effort, report, order);
    SnapshotFaults.run(effort, report, order.length);
    report.note(
        "%s of 4 KiB pages; a soft fault of the kernel: a store to a resident page of shared memory"
            .formatted(Memory.words(bytes)));
    report.note("each fault maps one page, unless neighbours are named; then up to 8 more");
    report.note("frames zeroed ahead: by the same thread, so that both costs are seen");
  }

  /// Machines that differ in how faults are served, in turns.
  private static void otherMachines(
      Effort effort, Report report, int[] order, Map<String, List<Double>> samples) {
    long bytes = (long) order.length * PAGE;
    int[] inOrder = IntStream.range(0, order.length).toArray();
    VmConfig.Builder plain = Rig.config(3 * bytes, PAGE);
    VmConfig.Builder bursts = Rig.config(3 * bytes, PAGE).prefaultPages(BURST);
    VmConfig.Builder fixed = Rig.config(3 * bytes, PAGE).currentCpu(() -> 0);
    VmConfig.Builder magazines =
        Rig.config(3 * bytes, PAGE).tunable("vm.magazine_pages", SET_ASIDE);
    try (Rig without = Rig.boot(plain.build(), bytes).touchFrames(3 * bytes);
        Rig still = Rig.boot(fixed.build(), bytes).touchFrames(3 * bytes);
        Rig aside = Rig.boot(magazines.build(), bytes).touchFrames(3 * bytes);
        Rig with = Rig.boot(bursts.build(), bytes).touchFrames(3 * bytes)) {
      for (int round = -WARM_UP_ROUNDS; round < effort.rounds(); round++) {
        report.doing(round < 0 ? "warming up" : "other machines, round " + (round + 1));
        Map<String, List<Double>> into = round < 0 ? new TreeMap<>() : samples;
        add(into, NOT_ASIDE, zeroFills(without, order));
        add(into, ASIDE, zeroFills(aside, order));
        ready(without, order, into);
        add(into, LOOKED_UP, zeroFills(without, order));
        add(into, NOT_LOOKED_UP, zeroFills(still, order));
        add(into, SEQUENTIAL, softFaults(without, inOrder));
        add(into, BURST_SEQUENTIAL, softFaults(with, inOrder));
        add(into, BURST_RANDOM, softFaults(with, order));
      }
    }
  }

  /// Zero-fill after this very thread has zeroed frames ahead: the fault alone, and with what it
  /// cost to make its frame ready.
  private static void ready(Rig rig, int[] order, Map<String, List<Double>> samples) {
    long bytes = (long) order.length * PAGE;
    long zeroedBefore = rig.vm.statistics().zeroedAhead();
    long from = System.nanoTime();
    while (rig.machine.zeroer().round()) {
      Thread.onSpinWait();
    }
    double zeroing = System.nanoTime() - from;
    long zeroed = rig.vm.statistics().zeroedAhead() - zeroedBefore;
    long readyBefore = rig.vm.statistics().zeroFillsReady();
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    double fault = FaultLoops.stores(rig.view, at, PAGE, order);
    long ready = rig.vm.statistics().zeroFillsReady() - readyBefore;
    rig.space.unmap(at, bytes);
    if (ready >= order.length * MOST) { // else it says nothing about frames that are ready
      add(samples, READY, fault);
      add(samples, BOTH, fault + zeroing / Math.max(1, zeroed));
    }
  }

  private static double zeroFills(Rig rig, int[] order) {
    long bytes = (long) order.length * PAGE;
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    try {
      return FaultLoops.stores(rig.view, at, PAGE, order);
    } finally {
      rig.space.unmap(at, bytes);
    }
  }

  private static double softFaults(Rig rig, int[] order) {
    long bytes = (long) order.length * PAGE;
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    FaultLoops.stores(rig.view, at, PAGE, order);
    try (AddressSpace child = rig.space.fork();
        View view = child.view()) {
      return FaultLoops.loads(view, at, PAGE, order);
    } finally {
      rig.space.unmap(at, bytes);
    }
  }

  private static void round(
      Rig rig, int[] order, Map<String, List<Double>> times, Map<String, List<Double>> heap) {
    long bytes = (long) order.length * PAGE;
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    timed(ZERO, times, heap, order, () -> FaultLoops.stores(rig.view, at, PAGE, order));
    add(times, KERNEL, FaultLoops.kernelFirstTouch(bytes, PAGE, order, false));
    add(times, KERNEL_HUGE, FaultLoops.kernelFirstTouch(bytes, PAGE, order, true));
    try (AddressSpace child = rig.space.fork();
        View view = child.view()) {
      timed(SOFT, times, heap, order, () -> FaultLoops.loads(view, at, PAGE, order));
      timed(COPY, times, heap, order, () -> FaultLoops.stores(view, at, PAGE, order));
    }
    AddressSpace child = rig.space.fork();
    timed(COPY_PARENT, times, heap, order, () -> FaultLoops.stores(rig.view, at, PAGE, order));
    child.close();
    rig.space.unmap(at, bytes);
  }

  private interface Timed {
    double run();
  }

  private static void timed(
      String name,
      Map<String, List<Double>> times,
      Map<String, List<Double>> heap,
      int[] order,
      Timed loop) {
    long before = Allocated.now();
    double nanos = loop.run();
    add(heap, name, (double) (Allocated.now() - before) / order.length);
    add(times, name, nanos);
  }

  private static void add(Map<String, List<Double>> samples, String name, double value) {
    samples.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
  }

  private static void rows(
      Report report, Map<String, List<Double>> times, Map<String, List<Double>> heap) {
    row(report, times, ZERO, KERNEL);
    row(report, times, ZERO, KERNEL_HUGE);
    row(report, times, COLD, KERNEL);
    if (times.containsKey(READY)) {
      row(report, times, READY, KERNEL);
      row(report, times, BOTH, ZERO);
    } else {
      report.note("too few faults met a frame that was ready");
    }
    row(report, times, LOOKED_UP, NOT_LOOKED_UP);
    row(report, times, ASIDE, NOT_ASIDE);
    row(report, times, COPY, "the kernel's after fork(2)");
    row(report, times, COPY_PARENT, "the kernel's after fork(2)");
    row(report, times, SOFT, "the kernel's soft fault");
    row(report, times, BURST_RANDOM, SOFT);
    row(report, times, BURST_SEQUENTIAL, SEQUENTIAL);
    for (String name : List.of(ZERO, COPY, SOFT)) {
      double bytes = Quantiles.median(heap.getOrDefault(name, List.of(Double.NaN)));
      report.row("heap of a " + name, bytes, Row.Unit.BYTES_PER_OP, "nothing", 0.0);
    }
  }

  private static void row(
      Report report, Map<String, List<Double>> samples, String ours, String theirs) {
    report.row(
        ours,
        Quantiles.median(samples.getOrDefault(ours, List.of(Double.NaN))),
        Row.Unit.NANOS,
        theirs,
        medianOf(samples.get(theirs)));
  }

  private static @Nullable Double medianOf(@Nullable List<Double> samples) {
    return samples == null ? null : Quantiles.median(samples);
  }

  /// The kernel's faults that only a C program can see.
  private static final class KernelSide implements AutoCloseable {
    private final Optional<KernelProgram> program;
    private final long bytes;

    KernelSide(Report report, long bytes) throws Exception {
      this.program = KernelProgram.compile(report);
      this.bytes = bytes;
    }

    void round(Map<String, List<Double>> samples) throws Exception {
      if (program.isPresent()) {
        Map<String, List<Double>> found = program.get().run("faults", bytes, 1);
        found
            .getOrDefault("copy-on-write", List.of())
            .forEach(nanos -> add(samples, "the kernel's after fork(2)", nanos));
        found
            .getOrDefault("soft", List.of())
            .forEach(nanos -> add(samples, "the kernel's soft fault", nanos));
      }
    }

    @Override
    public void close() throws IOException {
      if (program.isPresent()) {
        program.get().close();
      }
    }
  }
}
