package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.LeaseMode;
import org.pondhawk.vm.PageLease;
import org.pondhawk.vm.Protection;

/// What it costs to have the bytes of pages stand still, in place of copying them: to take the
/// snapshots, in runs as long as they may be, and to store into each page of them afterwards.
final class SnapshotFaults {
  private static final int PAGE = 4 << 10;
  private static final int WARM_UP_ROUNDS = 4;

  private final Rig rig;
  private final int[] order;
  private final List<Double> taking = new ArrayList<>();
  private final List<Double> copying = new ArrayList<>();
  private final List<Double> storing = new ArrayList<>();
  private final List<Double> storingAgain = new ArrayList<>();

  private SnapshotFaults(Rig rig, int[] order) {
    this.rig = rig;
    this.order = order;
  }

  /// Measures over half of so many pages: no more may be leased at once.
  static void run(Effort effort, Report report, int pages) {
    long bytes = (long) pages * PAGE;
    try (Rig rig = Rig.boot(Rig.config(3 * bytes, PAGE).build(), bytes).touchFrames(2 * bytes)) {
      SnapshotFaults all = new SnapshotFaults(rig, RandomOrder.of(pages / 2));
      for (int round = -WARM_UP_ROUNDS; round < effort.rounds(); round++) {
        report.doing(round < 0 ? "warming up" : "snapshots, round " + (round + 1));
        if (round == 0) {
          all.forget();
        }
        all.round();
      }
      all.rows(report);
    }
  }

  private void forget() {
    List.of(taking, copying, storing, storingAgain).forEach(List::clear);
  }

  private void round() {
    long bytes = (long) order.length * PAGE;
    long at = rig.space.map(bytes, Protection.READ_WRITE);
    FaultLoops.stores(rig.view, at, PAGE, order);
    copying.add(copies(at, bytes));
    List<PageLease> leases = new ArrayList<>();
    long from = System.nanoTime();
    long run = (long) rig.view.mostLeasedPages() * PAGE;
    for (long start = at; start < at + bytes; start += run) {
      long length = Math.min(run, at + bytes - start);
      leases.add(rig.view.lease(start, length, LeaseMode.SNAPSHOT));
    }
    taking.add((double) (System.nanoTime() - from) / order.length);
    storing.add(FaultLoops.stores(rig.view, at, PAGE, order));
    storingAgain.add(FaultLoops.stores(rig.view, at, PAGE, order));
    leases.forEach(PageLease::close);
    rig.space.unmap(at, bytes);
  }

  /// Copies all of it out, a page at a time.
  ///
  /// @return nanoseconds for a page
  private double copies(long at, long bytes) {
    byte[] page = new byte[PAGE];
    long from = System.nanoTime();
    for (long address = at; address < at + bytes; address += PAGE) {
      rig.view.copyTo(address, page, 0, PAGE);
    }
    Turns.sink = page[0];
    return (double) (System.nanoTime() - from) / order.length;
  }

  private void rows(Report report) {
    report.row(
        "snapshot of a page, in runs",
        Quantiles.median(taking),
        Row.Unit.NANOS,
        "copying it out",
        Quantiles.median(copying));
    report.row(
        "first store into a page of a snapshot",
        Quantiles.median(storing),
        Row.Unit.NANOS,
        "one that follows",
        Quantiles.median(storingAgain));
  }
}
