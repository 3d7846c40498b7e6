package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;

/// Booting machines of all sizes.
final class BootComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final int DESCRIPTOR = 64;
  private static final long LARGEST = 16 * Memory.GIB;
  private static final double NANOS_PER_MILLI = 1e6;

  @Override
  public String name() {
    return "boot";
  }

  @Override
  public String line() {
    return "boot of a machine of 64 MiB to 16 GiB, beside touching as much as its descriptors take";
  }

  @Override
  public void run(Effort effort, Report report) {
    List<Long> sizes = new ArrayList<>(effort.sizes());
    if (sizes.getLast() >= Memory.GIB) {
      sizes.add(LARGEST);
    }
    for (long bytes : sizes) {
      long descriptors = bytes / PAGE * DESCRIPTOR;
      if (!Memory.has(2 * descriptors)) {
        report.note("not measured: %s; too little memory is left".formatted(Memory.words(bytes)));
        continue;
      }
      report.doing(Memory.words(bytes));
      List<Double> boots = new ArrayList<>();
      List<Double> touches = new ArrayList<>();
      for (int round = 0; round < Math.max(effort.rounds(), 2); round++) {
        boots.add(boot(bytes));
        touches.add(touch(descriptors));
      }
      String what = "boot, %s of 4 KiB pages".formatted(Memory.words(bytes));
      double ours = Quantiles.median(boots);
      report.row(
          what, ours, Row.Unit.MILLIS, "touching the descriptors", Quantiles.median(touches));
    }
    report.note("frames are not touched: the kernel gives them at their first use");
  }

  private static double boot(long bytes) {
    long from = System.nanoTime();
    try (Rig rig = Rig.boot(bytes, 0, PAGE, false)) {
      Turns.sink = rig.base;
      return (System.nanoTime() - from) / NANOS_PER_MILLI;
    }
  }

  private static double touch(long bytes) {
    long from = System.nanoTime();
    try (RawRange range = new RawRange(bytes, false).touchAll()) {
      Turns.sink = range.address;
      return (System.nanoTime() - from) / NANOS_PER_MILLI;
    }
  }
}
