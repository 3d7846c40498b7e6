package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.map.AddressMap;
import org.pondhawk.vm.mem.RawMemory;

/// Mapping and unmapping, looking up addresses, and taking rights from memory in use.
final class MapComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final int CHUNK = 200;
  private static final int READERS = 2;
  private static final long HOT_BYTES = 256 * PAGE;
  private static final int KERNEL_MOST = 60_000; // a process may have 65,530 mappings
  private static final List<Integer> COUNTS = List.of(10, 1_000, 100_000);
  private static final String OURS = "ours";
  private static final String KERNEL = "mmap, munmap";

  @Override
  public String name() {
    return "map";
  }

  @Override
  public String line() {
    return "mapping and unmapping beside the kernel's, lookups, and rights taken from hot memory";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    try (Rig rig = Rig.boot(effort.sizes().getFirst(), 0, PAGE, false)) {
      report.doing("one mapping");
      pair(effort, report, rig, "map and unmap a page", PAGE, false);
      pair(effort, report, rig, "map, store into, and unmap a page", PAGE, true);
      pair(effort, report, rig, "map and unmap 1 GiB", Memory.GIB, false);
      for (int count : COUNTS) {
        if (!effort.isSmoke() || count < KERNEL_MOST) {
          report.doing(count + " mappings");
          among(effort, report, rig, count);
        }
      }
      report.doing("rights of hot memory");
      protectHot(effort, report, rig);
    }
    report.note("neighbours among many mappings differ in their rights, so that none are joined");
    report.note("a process may have 65,530 mappings: beside 100,000 of ours are 60,000");
  }

  private static void pair(
      Effort effort, Report report, Rig rig, String what, long bytes, boolean stores) {
    Map<String, Double> times =
        new Turns(effort, CHUNK)
            .add(OURS, (_, n) -> ours(rig, bytes, stores, n))
            .add(KERNEL, (_, n) -> kernels(bytes, stores, n))
            .run();
    row(report, what, times);
  }

  private static void row(Report report, String what, Map<String, Double> times) {
    double ours = times.getOrDefault(OURS, Double.NaN);
    report.row(what, ours, Row.Unit.NANOS, KERNEL, times.get(KERNEL));
  }

  private static long ours(Rig rig, long bytes, boolean stores, int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      long address = rig.space.map(bytes, Protection.READ_WRITE);
      if (stores) {
        rig.view.putLong(address, i);
      }
      rig.space.unmap(address, bytes);
      sum += address;
    }
    return sum;
  }

  private static long kernels(long bytes, boolean stores, int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      long address = KernelMap.map(bytes, KernelMap.READ_WRITE);
      if (stores) {
        RawMemory.putLong(address, i);
      }
      KernelMap.unmap(address, bytes);
      sum += address;
    }
    return sum;
  }

  /// The same at random places among many mappings, and lookups there.
  private static void among(Effort effort, Report report, Rig rig, int count) {
    int theirs = Math.min(count, KERNEL_MOST);
    long kernelBase = KernelMap.map((long) theirs * PAGE, KernelMap.READ);
    try (AddressSpace space = rig.vm.newAddressSpace()) {
      for (int i = 0; i < count; i++) {
        space.mapAt((long) (i + 1) * PAGE, PAGE, protection(i));
      }
      for (int i = 0; i < theirs; i++) {
        KernelMap.mapAt(kernelBase + (long) i * PAGE, PAGE, kernelProtection(i));
      }
      String what = "unmap and map a page among %,d".formatted(count);
      row(
          report,
          what,
          new Turns(effort, CHUNK)
              .add(OURS, (seed, n) -> replaceOurs(space, count, seed, n))
              .add(KERNEL, (seed, n) -> replaceKernels(kernelBase, theirs, seed, n))
              .run());
      AddressMap map = rig.machine.spaces().getLast().map();
      double nanos =
          new Turns(effort, CHUNK)
              .add(OURS, (seed, n) -> lookUp(map, count, seed, n))
              .run()
              .getOrDefault(OURS, Double.NaN);
      report.row("look up among %,d".formatted(count), nanos, Row.Unit.NANOS, "", null);
    } finally {
      KernelMap.unmap(kernelBase, (long) theirs * PAGE);
    }
  }

  private static Protection protection(int i) {
    return i % 2 == 0 ? Protection.READ : Protection.READ_WRITE;
  }

  private static int kernelProtection(int i) {
    return i % 2 == 0 ? KernelMap.READ : KernelMap.READ_WRITE;
  }

  private static int some(long state, int count) {
    return (int) Long.remainderUnsigned(state >>> 16, count);
  }

  private static long replaceOurs(AddressSpace space, int count, long seed, int n) {
    long state = seed;
    for (int k = 0; k < n; k++) {
      state = Walk.next(state);
      int i = some(state, count);
      long address = (long) (i + 1) * PAGE;
      space.unmap(address, PAGE);
      space.mapAt(address, PAGE, protection(i));
    }
    return state;
  }

  private static long replaceKernels(long base, int count, long seed, int n) {
    long state = seed;
    for (int k = 0; k < n; k++) {
      state = Walk.next(state);
      int i = some(state, count);
      long address = base + (long) i * PAGE;
      KernelMap.unmap(address, PAGE);
      KernelMap.mapAt(address, PAGE, kernelProtection(i));
    }
    return state;
  }

  private static long lookUp(AddressMap map, int count, long seed, int n) {
    long state = seed;
    long found = 0;
    long stamp = map.lockShared();
    for (int k = 0; k < n; k++) {
      state = Walk.next(state);
      found += map.find((long) (some(state, count) + 1) * PAGE + 7) == null ? 0 : 1;
    }
    map.unlockShared(stamp);
    if (found != n) {
      throw new IllegalStateException("only " + found + " of " + n + " were found");
    }
    return state;
  }

  /// How fast threads read memory whose right to store is taken and given back all the while.
  private static void protectHot(Effort effort, Report report, Rig rig) throws Exception {
    double _ = readers(effort, rig, true); // compiled as it will be, misses included
    double quiet = readers(effort, rig, false);
    double protectedMeanwhile = readers(effort, rig, true);
    report.row(
        "reads by %d threads while rights change".formatted(READERS),
        1e3 * protectedMeanwhile,
        Row.Unit.MILLIONS_PER_SECOND,
        "while nothing changes",
        1e3 * quiet);
  }

  private static double readers(Effort effort, Rig rig, boolean changing) throws Exception {
    List<Double> rates = new ArrayList<>();
    for (int round = 0; round < effort.rounds(); round++) {
      List<Supplier<Work>> makers = new ArrayList<>();
      for (int n = 0; n < READERS; n++) {
        makers.add(() -> new Reader(rig));
      }
      try (Changer _ = changing ? Changer.start(rig) : null) {
        rates.add(Team.throughput(makers, effort.roundMillis()));
      }
    }
    return Quantiles.median(rates);
  }

  /// Loads at random places of the hot range.
  private static final class Reader implements Work {
    private final View view;
    private final long base;

    Reader(Rig rig) {
      view = rig.space.view();
      base = rig.base;
    }

    @Override
    public long run(long seed, int n) {
      long state = seed;
      long sum = 0;
      for (int i = 0; i < n; i++) {
        state = Walk.next(state);
        sum += view.getLong(base + Walk.place(state, Walk.shiftFor(HOT_BYTES)));
      }
      return sum;
    }

    @Override
    public void close() {
      view.close();
    }
  }

  /// A thread that stores into the hot range, takes the right to, and gives it back.
  private static final class Changer implements AutoCloseable {
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private volatile boolean stopped;

    static Changer start(Rig rig) {
      Changer changer = new Changer();
      changer.thread.execute(() -> changer.change(rig));
      return changer;
    }

    private void change(Rig rig) {
      try (View view = rig.space.view()) {
        while (!stopped) {
          for (long at = 0; at < HOT_BYTES; at += PAGE) {
            view.putLong(rig.base + at, at);
          }
          rig.space.protect(rig.base, HOT_BYTES, Protection.READ);
          rig.space.protect(rig.base, HOT_BYTES, Protection.READ_WRITE);
        }
      }
    }

    @Override
    public void close() {
      stopped = true;
      thread.close();
    }
  }
}
