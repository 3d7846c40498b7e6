package org.pondhawk.vm.queue;

import org.pondhawk.vm.sync.VmProcess;

/// How a thread's niceness moves the level at which it waits for memory (`vm.nice_policy`,
/// `vm_paging_min_nice`).
public enum NicePolicy {
  /// The nicer, the earlier; a favoured thread gets further down, yet only half of the way to
  /// severe.
  MONOTONE {
    @Override
    long margin(int nice, FreeLevels levels) {
      return nice < 0
          ? nice * (levels.min() - levels.severe()) / (2L * MOST)
          : nice * Math.max(0, half(levels)) / MOST;
    }
  },

  /// The reference's formula. It is not monotone: niceness 0 is an exception, so that threads which
  /// are a little favoured wait earlier than those which are not.
  FAITHFUL {
    @Override
    long margin(int nice, FreeLevels levels) {
      long delta = half(levels);
      return nice == 0 || delta <= 0 ? 0 : (nice + MOST) * delta / (2L * MOST);
    }
  };

  private static final NicePolicy[] ALL = values();
  private static final int MOST = VmProcess.MOST_NICE;

  /// The policy of a number: 0 monotone, 1 faithful.
  public static NicePolicy of(int number) {
    return ALL[number];
  }

  /// How far above the minimum a thread waits, in pages; negative for below it.
  ///
  /// @param nice from -20 to 21: who waits outside a fault counts as one nicer
  abstract long margin(int nice, FreeLevels levels);

  /// Just under half of the way from the minimum to where waiters are kept waiting.
  private static long half(FreeLevels levels) {
    return (levels.pagingWait() - levels.min() - 1) >> 1;
  }
}
