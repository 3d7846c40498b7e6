package org.pondhawk.bench;

import java.util.Map;

/// Where the time of a hit goes: loops with one part of a view's safety after the other, up to the
/// view itself.
final class StepsComparison implements Comparison {
  private static final int PAGE = 4 << 10;

  @Override
  public String name() {
    return "steps";
  }

  @Override
  public String line() {
    return "what each part of a hit's safety costs: the entry's check, the second look, the guard";
  }

  @Override
  public void run(Effort effort, Report report) {
    long bytes = effort.sizes().getFirst();
    report.doing(Memory.words(bytes));
    try (Rig rig = Rig.boot(bytes, 0, PAGE, false).touchAll()) {
      StepLoops loops = new StepLoops(rig.table(), rig.regions(), bytes, PAGE);
      Map<String, Double> times =
          new Turns(effort)
              .add("read", HitLoops.floorReads(rig.table(), PAGE, bytes))
              .add("read, the entry checked", loops::checkedReads)
              .add("read, and looked at again", loops::validatedReads)
              .add("read, and thread and bounds checked", loops::safeReads)
              .add("read, View.getLong", HitLoops.viewReads(rig.view, rig.base, bytes))
              .add("write", HitLoops.floorWrites(rig.table(), PAGE, bytes))
              .add("write, the entry and its region checked", loops::checkedWrites)
              .add("write, and inside a guard", loops::guardedWrites)
              .add("write, and thread and bounds checked", loops::safeWrites)
              .add("write, View.putLong", HitLoops.viewWrites(rig.view, rig.base, bytes))
              .run();
      times.forEach((what, nanos) -> {
        if (what.contains(",")) {
          String access = what.substring(0, what.indexOf(','));
          report.row(what, nanos, Row.Unit.NANOS, "the floor", times.get(access));
        }
      });
    }
    report.note("each loop has what those above it have; %s".formatted(Memory.words(bytes)));
  }
}
