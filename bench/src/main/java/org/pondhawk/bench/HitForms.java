package org.pondhawk.bench;

import java.util.List;
import java.util.Map;
import org.pondhawk.vm.PageTables;

/// Hits through page tables of two levels, beside linear ones in the same process.
///
/// Measured last: the compiler knows where the entry of a view is while there are linear views
/// only, and has to look at the view's class from the first of another kind on.
final class HitForms {
  private static final int PAGE = 4 << 10;
  private static final int MOST_SIZES = 2;

  private HitForms() {}

  static void run(Effort effort, Report report) {
    List<Long> sizes = effort.sizes();
    for (long bytes : sizes.subList(0, Math.min(MOST_SIZES, sizes.size()))) {
      String where = "%s, 4 KiB pages, two levels".formatted(Memory.words(bytes));
      if (Memory.has(2 * Rig.takes(bytes))) {
        report.doing(where);
        measure(effort, report, bytes, where);
      } else {
        report.note("not measured: %s; the computer has too little memory left".formatted(where));
      }
    }
    report.note("linear: the same access, as long as both forms are in use in one process");
  }

  private static void measure(Effort effort, Report report, long bytes, String where) {
    try (Rig linear = rig(bytes, PageTables.LINEAR);
        Rig twoLevel = rig(bytes, PageTables.TWO_LEVEL)) {
      Map<String, Double> times =
          new Turns(effort)
              .add("floor read", HitLoops.floorReads(linear.table(), PAGE, bytes))
              .add("linear read", HitLoops.viewReads(linear.view, linear.base, bytes))
              .add("read", HitLoops.viewReads(twoLevel.view, twoLevel.base, bytes))
              .add("floor write", HitLoops.floorWrites(linear.table(), PAGE, bytes))
              .add("linear write", HitLoops.viewWrites(linear.view, linear.base, bytes))
              .add("write", HitLoops.viewWrites(twoLevel.view, twoLevel.base, bytes))
              .run();
      for (String access : new String[] {"read", "write"}) {
        double ours = times.getOrDefault(access, Double.NaN);
        String what = access + ", " + where;
        report.row(what, ours, Row.Unit.NANOS, "linear", times.get("linear " + access));
        report.row(what, ours, Row.Unit.NANOS, "the floor", times.get("floor " + access));
      }
    }
  }

  private static Rig rig(long bytes, PageTables form) {
    return Rig.boot(Rig.config(bytes, PAGE).pageTables(form).build(), bytes).touchAll();
  }
}
