package org.pondhawk.vm.queue;

/// The tests of memory pressure (the reference's `vm_paging_*`), on the caller's view of the
/// counts.
///
/// All compare free plus cached pages with a level, strictly: at equality memory is not short.
/// Those that say so are true as well when truly free pages are below the reserve, however large
/// the cache. The levels may be replaced while the machine runs: a test uses one set throughout.
public final class Pressure {
  private final VmStats stats;
  private volatile FreeLevels levels;
  private volatile NicePolicy nicePolicy = NicePolicy.MONOTONE;

  /// Makes the tests of a machine.
  public Pressure(FreeLevels levels, VmStats stats) {
    this.levels = levels;
    this.stats = stats;
  }

  /// The levels that the tests compare with.
  public FreeLevels levels() {
    return levels;
  }

  /// Replaces the levels, from the next test on. How many pages a stripe may take before it tells
  /// the others follows from them.
  ///
  /// @param pageCount how many pages the machine manages
  /// @throws IllegalArgumentException if a machine can't live with them: then nothing is changed
  public void set(FreeLevels other, long pageCount) {
    levels = other.requireOrder(pageCount);
    stats.pushAt(other.pushAt(stats.stripes()));
  }

  /// What niceness does (`vm.nice_policy`).
  public NicePolicy nicePolicy() {
    return nicePolicy;
  }

  /// Sets what niceness does, from the next test on.
  public void setNicePolicy(NicePolicy policy) {
    nicePolicy = policy;
  }

  private long free(int stripe) {
    return stats.view(stripe, PageCount.FREE);
  }

  private long available(int stripe) {
    return free(stripe) + stats.view(stripe, PageCount.CACHE);
  }

  private boolean below(int stripe, FreeLevels now, long level) {
    return level > available(stripe) || now.reserved() > free(stripe);
  }

  /// No fault may allocate (`vm_paging_severe`; or the reserve is touched).
  public boolean severe(int stripe) {
    FreeLevels now = levels;
    return below(stripe, now, now.severe());
  }

  /// Below the minimum with some pages not counted (`vm_paging_min_dnc`; or the reserve is
  /// touched).
  ///
  /// @param uncounted pages of what is available that do not count; may be negative
  public boolean min(int stripe, long uncounted) {
    FreeLevels now = levels;
    return below(stripe, now, now.min() + uncounted);
  }

  /// Below the minimum for a thread of some niceness (`vm_paging_min_nice`), as the policy has it.
  ///
  /// @param nice from -20 to 20, one more for a wait outside a fault
  public boolean minNice(int stripe, int nice) {
    FreeLevels now = levels;
    return below(stripe, now, now.min() + nicePolicy.margin(nice, now));
  }

  /// Too little is left for a daemon that waits for pages itself (`v_pageout_free_min`).
  boolean starvesDaemon(int stripe) {
    return levels.pageoutMin() > available(stripe);
  }

  /// Waiters are better kept waiting (`vm_paging_wait`; or the reserve is touched).
  public boolean nearMin(int stripe) {
    FreeLevels now = levels;
    return below(stripe, now, now.pagingWait());
  }

  /// The daemon must run (`vm_paging_start`): little is available, or little is truly free.
  public boolean start(int stripe) {
    return start(stripe, 0);
  }

  /// The same as if there were more pages, or fewer.
  ///
  /// @param more pages to add to what is free; may be negative. The reserve does not see them
  public boolean start(int stripe, long more) {
    FreeLevels now = levels;
    return below(stripe, now, now.pagingStart() - more) || now.min() > free(stripe) + more;
  }

  /// So much is truly free that [#start] is false whatever is cached, also for who takes one page
  /// more: the only test that an allocation needs as long as it is true.
  public boolean isPlenty(int stripe) {
    FreeLevels now = levels;
    long free = free(stripe);
    return free > now.pagingStart() && free > now.min() && free > now.reserved();
  }

  /// The first target is not reached (`vm_paging_target1`; or the reserve is touched).
  public boolean target1(int stripe) {
    FreeLevels now = levels;
    return below(stripe, now, now.target1());
  }

  /// The last target is not reached (`vm_paging_target2`; or the reserve is touched).
  public boolean target2(int stripe) {
    FreeLevels now = levels;
    return below(stripe, now, now.target2());
  }

  /// How many pages the first target lacks (`vm_paging_target1_count`); negative beyond it.
  public long target1Count(int stripe) {
    return levels.target1() - available(stripe);
  }

  /// How many pages the last target lacks (`vm_paging_target2_count`); negative beyond it.
  public long target2Count(int stripe) {
    return levels.target2() - available(stripe);
  }

  /// Pages should be deactivated (`vm_paging_inactive`).
  public boolean inactive(int stripe) {
    return inactiveCount(stripe) > 0;
  }

  /// How many pages should be deactivated (`vm_paging_inactive_count`); negative beyond that.
  public long inactiveCount(int stripe) {
    FreeLevels now = levels;
    return now.min()
        + now.inactiveTarget()
        - available(stripe)
        - stats.view(stripe, PageCount.INACTIVE);
  }
}
