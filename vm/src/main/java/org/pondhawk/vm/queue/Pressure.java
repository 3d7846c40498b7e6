package org.pondhawk.vm.queue;

/// The tests of memory pressure (the reference's `vm_paging_*`), on the caller's view of the
/// counts.
///
/// All compare free plus cached pages with a level, strictly: at equality memory is not short.
/// Those that say so are true as well when truly free pages are below the reserve, however large
/// the cache.
public final class Pressure {
  private final FreeLevels levels;
  private final VmStats stats;

  /// Makes the tests of a machine.
  public Pressure(FreeLevels levels, VmStats stats) {
    this.levels = levels;
    this.stats = stats;
  }

  /// The levels that the tests compare with.
  public FreeLevels levels() {
    return levels;
  }

  private long free(int stripe) {
    return stats.view(stripe, PageCount.FREE);
  }

  private long available(int stripe) {
    return free(stripe) + stats.view(stripe, PageCount.CACHE);
  }

  private boolean below(int stripe, long level) {
    return level > available(stripe) || levels.reserved() > free(stripe);
  }

  /// No fault may allocate (`vm_paging_severe`; or the reserve is touched).
  public boolean severe(int stripe) {
    return below(stripe, levels.severe());
  }

  /// Below the minimum with some pages not counted (`vm_paging_min_dnc`; or the reserve is
  /// touched).
  ///
  /// @param uncounted pages of what is available that do not count; may be negative
  public boolean min(int stripe, long uncounted) {
    return below(stripe, levels.min() + uncounted);
  }

  /// Below the minimum for a thread of some niceness (`vm_paging_min_nice`, monotone): the nicer,
  /// the earlier; a favoured thread gets further down, yet never below severe.
  public boolean minNice(int stripe, int nice) {
    return min(stripe, niceMargin(nice));
  }

  private long niceMargin(int nice) {
    if (nice < 0) {
      return nice * (levels.min() - levels.severe()) / 40;
    }
    return nice * Math.max(0, (levels.pagingWait() - levels.min() - 1) / 2) / 20;
  }

  /// Waiters are better kept waiting (`vm_paging_wait`; or the reserve is touched).
  public boolean nearMin(int stripe) {
    return below(stripe, levels.pagingWait());
  }

  /// The daemon must run (`vm_paging_start`): little is available, or little is truly free.
  public boolean start(int stripe) {
    return below(stripe, levels.pagingStart()) || levels.min() > free(stripe);
  }

  /// So much is truly free that [#start] is false whatever is cached, also for who takes one page
  /// more: the only test that an allocation needs as long as it is true.
  public boolean isPlenty(int stripe) {
    long free = free(stripe);
    return free > levels.pagingStart() && free > levels.min() && free > levels.reserved();
  }

  /// The first target is not reached (`vm_paging_target1`; or the reserve is touched).
  public boolean target1(int stripe) {
    return below(stripe, levels.target1());
  }

  /// The last target is not reached (`vm_paging_target2`; or the reserve is touched).
  public boolean target2(int stripe) {
    return below(stripe, levels.target2());
  }

  /// How many pages the first target lacks; negative beyond it.
  public long target1Count(int stripe) {
    return levels.target1() - available(stripe);
  }

  /// How many pages the last target lacks; negative beyond it.
  public long target2Count(int stripe) {
    return levels.target2() - available(stripe);
  }

  /// Pages should be deactivated (`vm_paging_inactive`).
  public boolean inactive(int stripe) {
    return available(stripe) + stats.view(stripe, PageCount.INACTIVE)
        < levels.min() + levels.inactiveTarget();
  }
}
