package org.pondhawk.bench;

import java.util.Map;
import org.pondhawk.vm.mem.Linux;

/// Accesses to resident pages.
final class HitComparison implements Comparison {
  private static final int SMALL = 4 << 10;
  private static final int LARGE = 64 << 10;
  private static final int ALLOCATION_OPERATIONS = 1_000_000;

  @Override
  public String name() {
    return "hit";
  }

  @Override
  public String line() {
    return "random 8-byte reads and writes of resident pages, beside the floor and a raw segment";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    report.note(
        "the floor: one load of the same page table entries and the access, nothing checked");
    for (long bytes : effort.sizes()) {
      measure(effort, report, bytes, SMALL, false);
      if (!effort.isQuick() || bytes < effort.sizes().getLast()) {
        measure(effort, report, bytes, LARGE, false);
      }
    }
    long middle = effort.sizes().get(effort.sizes().size() / 2);
    measure(effort, report, middle, SMALL, true);
    report.note(
        "huge: the kernel was asked for huge pages beneath frames, page table and raw segment");
    HitScaling.run(effort, report);
    HitAfterMisses.run(effort, report);
    HitForms.run(effort, report);
  }

  private static void measure(
      Effort effort, Report report, long bytes, int pageSize, boolean huge) {
    String where =
        "%s, %d KiB pages%s".formatted(Memory.words(bytes), pageSize >> 10, huge ? ", huge" : "");
    if (!Memory.has(bytes + Rig.takes(bytes))) {
      report.note("not measured: %s; the computer has too little memory left".formatted(where));
      return;
    }
    report.doing(where);
    try (Rig rig = Rig.boot(bytes, 0, pageSize, huge);
        RawRange raw = new RawRange(bytes, huge).touchAll()) {
      if (huge) {
        hugeTable(rig);
      }
      rig.touchAll();
      long faults = rig.faults();
      measure(effort, report, rig, raw, where);
      if (rig.faults() != faults) {
        report.note("%s: %d faults while hits were timed".formatted(where, rig.faults() - faults));
      }
    }
  }

  /// The whole table, from the entry of the space's first page on, is aligned by the kernel.
  private static void hugeTable(Rig rig) {
    long start = rig.table() & -(2 * Memory.MIB);
    Linux.hugePages(start + 2 * Memory.MIB, 2 * Memory.MIB);
  }

  private static void measure(Effort effort, Report report, Rig rig, RawRange raw, String where) {
    Work reads = HitLoops.viewReads(rig.view, rig.base, rig.bytes);
    Work writes = HitLoops.viewWrites(rig.view, rig.base, rig.bytes);
    Map<String, Double> times =
        new Turns(effort)
            .add("raw read", HitLoops.rawReads(raw.segment))
            .add("floor read", HitLoops.floorReads(rig.table(), rig.pageSize, rig.bytes))
            .add("read", reads)
            .add("raw write", HitLoops.rawWrites(raw.segment))
            .add("floor write", HitLoops.floorWrites(rig.table(), rig.pageSize, rig.bytes))
            .add("write", writes)
            .run();
    for (String access : new String[] {"read", "write"}) {
      double ours = times.getOrDefault(access, Double.NaN);
      String what = access + ", " + where;
      report.row(what, ours, Row.Unit.NANOS, "the floor", times.get("floor " + access));
      report.row(what, ours, Row.Unit.NANOS, "raw segment", times.get("raw " + access));
    }
    heap(report, "heap of a read, " + where, reads);
    heap(report, "heap of a write, " + where, writes);
  }

  private static void heap(Report report, String what, Work work) {
    double bytes = Allocated.bytesPerOperation(work, ALLOCATION_OPERATIONS);
    report.row(what, bytes, Row.Unit.BYTES_PER_OP, "nothing", 0.0);
  }
}
