package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VmConfig;

/// Soft faults of a third child, on pages that the parent and two children map: by the index of the
/// object, and by the page hash in two sizes.
///
/// The second child's faults make the hash know the pages; the third's are measured.
final class HashedFaults {
  private static final int PAGE = 4 << 10;
  private static final int WARM_UP_ROUNDS = 4;

  /// A working set that a hash of the usual size holds.
  private static final int FEW_PAGES = 2048;

  private static final String INDEX = "soft fault of a third child, by the index";
  private static final String HASH = "soft fault of a third child, by a hash of all pages";
  private static final String SMALL = "soft fault of a third child, by a hash of the usual size";
  private static final String FEW_INDEX = INDEX + ", 8 MiB";
  private static final String FEW_HASH = SMALL + ", 8 MiB";

  private HashedFaults() {}

  static void run(Effort effort, Report report, int[] order) {
    long bytes = (long) order.length * PAGE;
    int[] few = RandomOrder.of(Math.min(FEW_PAGES, order.length));
    Map<String, List<Double>> samples = new TreeMap<>();
    try (Rig index = Rig.boot(config(bytes, 0, 0), bytes).touchFrames(bytes);
        Rig small = Rig.boot(config(bytes, -1, 1), bytes).touchFrames(bytes);
        Rig large = Rig.boot(config(bytes, 4L * order.length, 1), bytes).touchFrames(bytes)) {
      for (int round = -WARM_UP_ROUNDS; round < effort.rounds(); round++) {
        report.doing(round < 0 ? "warming up" : "by the page hash, round " + (round + 1));
        Map<String, List<Double>> into = round < 0 ? new TreeMap<>() : samples;
        add(into, INDEX, thirdChild(index, order));
        add(into, HASH, thirdChild(large, order));
        add(into, SMALL, thirdChild(small, order));
        add(into, FEW_INDEX, thirdChild(index, few));
        add(into, FEW_HASH, thirdChild(small, few));
      }
    }
    row(report, samples, HASH, INDEX);
    row(report, samples, SMALL, INDEX);
    row(report, samples, FEW_HASH, FEW_INDEX);
  }

  private static VmConfig config(long bytes, long entries, long byHash) {
    return Rig.config(bytes + bytes / 2, PAGE)
        .tunable("vm.page_hash_entries", entries)
        .tunable("vm.fault_by_hash", byHash)
        .build();
  }

  private static double thirdChild(Rig rig, int[] order) {
    long bytes = (long) order.length * PAGE;
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    FaultLoops.stores(rig.view, at, PAGE, order);
    try (AddressSpace first = rig.space.fork();
        View one = first.view();
        AddressSpace second = rig.space.fork();
        View two = second.view();
        AddressSpace third = rig.space.fork();
        View three = third.view()) {
      FaultLoops.loads(one, at, PAGE, order);
      FaultLoops.loads(two, at, PAGE, order);
      return FaultLoops.loads(three, at, PAGE, order);
    } finally {
      rig.space.unmap(at, bytes);
    }
  }

  private static void add(Map<String, List<Double>> samples, String name, double value) {
    samples.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
  }

  private static void row(
      Report report, Map<String, List<Double>> samples, String ours, String theirs) {
    report.row(
        ours,
        Quantiles.median(samples.getOrDefault(ours, List.of(Double.NaN))),
        Row.Unit.NANOS,
        theirs,
        Quantiles.median(samples.getOrDefault(theirs, List.of(Double.NaN))));
  }
}
