package org.pondhawk.vm.queue;

/// Which colour a page has, and which colour an allocation asks for.
///
/// A colour is a share of the queues, so that processors that allocate and free at the same time
/// meet on different locks, and neighbours in an object get frames that do not fight for one cache
/// set.
final class ColorPolicy {
  private final int cpus;
  private final int colorsPerCpu;

  ColorPolicy(int cpus) {
    this.cpus = cpus;
    this.colorsPerCpu = Math.max(1, PageQueue.COLORS / cpus);
  }

  /// The colour of a frame: its number with higher digits added, so that equal low digits far apart
  /// differ, and adjacent frames have adjacent colours: pages that follow each other in an object
  /// get frames that do, and a copy runs through both.
  static int ofPage(int page) {
    return (page + page / PageQueue.COLORS + page / (PageQueue.COLORS * PageQueue.COLORS))
        & PageQueue.COLOR_MASK;
  }

  /// The colour to ask for (`vm_get_pg_color` without a topology).
  ///
  /// @param stripe the processor's stripe
  /// @param spread a number of the object, so that objects start at different colours
  /// @param pindex the index of the page in it
  int choose(int stripe, long spread, long pindex) {
    int within = (int) Long.remainderUnsigned(spread + pindex, colorsPerCpu);
    return (stripe % cpus * colorsPerCpu + within) & PageQueue.COLOR_MASK;
  }
}
