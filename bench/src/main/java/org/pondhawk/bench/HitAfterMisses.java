package org.pondhawk.bench;

import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;

/// The same accesses from loops that are compiled after most accesses have been misses.
///
/// The compiler believes what it has counted: where misses are likely it keeps every value of the
/// loop on the stack for their sake. It counts for each access of a view, not for each place that
/// uses it, so one loop that touches fresh pages is enough; and it never forgets. So this comes
/// last.
final class HitAfterMisses {
  private static final int PAGE = 4 << 10;
  private static final int TOUCHES = 20;

  private HitAfterMisses() {}

  static void run(Effort effort, Report report) {
    long bytes = effort.sizes().getFirst();
    report.doing("loops compiled after misses, " + Memory.words(bytes));
    try (Rig rig = Rig.boot(bytes, bytes, PAGE, false)) {
      for (int i = 0; i < TOUCHES; i++) {
        long fresh = rig.space.map(bytes, Protection.READ_WRITE);
        touch(rig.view, fresh, rig.pageCount());
        rig.space.unmap(fresh, bytes);
      }
      rig.touchAll();
      int shift = Walk.shiftFor(bytes);
      var times =
          new Turns(effort)
              .add("floor read", HitLoops.floorReads(rig.table(), PAGE, bytes))
              .add("read", (seed, n) -> reads(rig.view, rig.base, shift, seed, n))
              .add("floor write", HitLoops.floorWrites(rig.table(), PAGE, bytes))
              .add("write", (seed, n) -> writes(rig.view, rig.base, shift, seed, n))
              .run();
      for (String access : new String[] {"read", "write"}) {
        report.row(
            access + ", compiled after misses, " + Memory.words(bytes),
            times.getOrDefault(access, Double.NaN),
            Row.Unit.NANOS,
            "the floor",
            times.get("floor " + access));
      }
    }
  }

  /// One load and one store for each fresh page: each load misses, and some of the stores.
  private static void touch(View view, long start, int pageCount) {
    for (int n = 0; n < pageCount; n++) {
      long at = start + (long) n * PAGE;
      if (n % 2 == 0) {
        view.putLong(at, view.getLong(at));
      } else {
        view.putLong(at, n);
      }
    }
  }

  private static long reads(View view, long base, int shift, long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      sum += view.getLong(base + Walk.place(state, shift));
    }
    return sum;
  }

  private static long writes(View view, long base, int shift, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      view.putLong(base + Walk.place(state, shift), i);
    }
    return state;
  }
}
