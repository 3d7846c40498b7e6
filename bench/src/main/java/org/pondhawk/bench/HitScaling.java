package org.pondhawk.bench;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.View;

/// How much more two threads get done than one, in one space and in two.
final class HitScaling {
  private static final int PAGE = 4 << 10;
  private static final int TURN_FACTOR = 3;

  private HitScaling() {}

  static void run(Effort effort, Report report) throws Exception {
    long bytes = effort.sizes().getFirst();
    report.doing("two threads, " + Memory.words(bytes));
    if (Runtime.getRuntime().availableProcessors() < 2) {
      report.note("not measured: scaling; there is one processor");
      return;
    }
    try (Rig rig = Rig.boot(bytes, 2 * bytes, PAGE, false).touchAll();
        AddressSpace second = rig.vm.newAddressSpace();
        RawRange raw = new RawRange(bytes, false).touchAll()) {
      second.mapAt(rig.base, bytes, org.pondhawk.vm.Protection.READ_WRITE);
      touch(second, rig);
      for (boolean write : new boolean[] {false, true}) {
        scale(effort, report, rig, second, raw.segment, write);
      }
    }
  }

  private static void touch(AddressSpace space, Rig like) {
    try (View view = space.view()) {
      for (int n = 0; n < like.pageCount(); n++) {
        view.fill(like.page(n), like.pageSize, (byte) n);
      }
    }
  }

  private static void scale(
      Effort effort, Report report, Rig rig, AddressSpace second, MemorySegment raw, boolean write)
      throws Exception {
    Supplier<Work> ours = () -> new InView(rig.space, rig, write);
    Supplier<Work> other = () -> new InView(second, rig, write);
    Supplier<Work> plain = () -> write ? HitLoops.rawWrites(raw) : HitLoops.rawReads(raw);
    List<List<Supplier<Work>>> teams =
        List.of(
            List.of(ours),
            List.of(ours, ours),
            List.of(ours, other),
            List.of(plain),
            List.of(plain, plain));
    List<List<Double>> results = new ArrayList<>();
    teams.forEach(_ -> results.add(new ArrayList<>()));
    for (int round = -1; round < effort.rounds(); round++) {
      for (int i = 0; i < teams.size(); i++) {
        double result = Team.throughput(teams.get(i), effort.roundMillis() * TURN_FACTOR);
        if (round >= 0) { // the first turn is for warming up
          results.get(i).add(result);
        }
      }
    }
    double[] medians = results.stream().mapToDouble(Quantiles::median).toArray();
    String what = "two threads for one, " + (write ? "writes" : "reads");
    double theirs = medians[4] / medians[3];
    report.row(
        what + ", one space", medians[1] / medians[0], Row.Unit.TIMES, "raw segment", theirs);
    report.row(
        what + ", two spaces", medians[2] / medians[0], Row.Unit.TIMES, "raw segment", theirs);
  }

  /// The loop of one thread, with the view that it makes for itself.
  private static final class InView implements Work {
    private final View view;
    private final Work loop;

    InView(AddressSpace space, Rig rig, boolean write) {
      view = space.view();
      loop =
          write
              ? HitLoops.viewWrites(view, rig.base, rig.bytes)
              : HitLoops.viewReads(view, rig.base, rig.bytes);
    }

    @Override
    public long run(long seed, int operations) {
      return loop.run(seed, operations);
    }

    @Override
    public void close() {
      view.close();
    }
  }
}
