package org.pondhawk.vm.queue;

/// The levels of free memory at which the machine acts, in pages (`vm_pageout_free_page_calc` and
/// what follows it).
///
/// @param min below it, faults wait and the daemon must have run
/// @param reserved below it, free pages are for the machine's own threads
/// @param severe below it, no fault may allocate
/// @param pageoutMin at it, a starved daemon is woken
/// @param interruptMin the last pages, for those who can't wait
/// @param pagingWait below it, waiters are kept waiting between passes
/// @param pagingStart below it, the daemon runs
/// @param target1 what a first pass aims at
/// @param target2 what the daemon stops at
/// @param freeTarget what the cache scan refills the free queues to
/// @param inactiveTarget how many inactive pages there should be
/// @param maxLaunder how many dirty pages a pass may write at most
public record FreeLevels(
    long min,
    long reserved,
    long severe,
    long pageoutMin,
    long interruptMin,
    long pagingWait,
    long pagingStart,
    long target1,
    long target2,
    long freeTarget,
    long inactiveTarget,
    long maxLaunder) {
  private static final long SMALL_MACHINE_PAGES = 4_096;
  private static final int SMALL_BASE = 16;
  private static final int BASE = 64;
  private static final int MIN_SHARE = 200;
  private static final int LAUNDER_SHARE = 256;
  private static final int INACTIVE_SHARE = 16;

  /// The levels of a machine, with the factors of wait, start and the two targets at 2, 3, 4, 5.
  ///
  /// @param pageCount how many pages the machine manages
  /// @param freeCount how many of them are free after boot
  public static FreeLevels of(long pageCount, long freeCount) {
    return withBase(pageCount < SMALL_MACHINE_PAGES ? SMALL_BASE : BASE, pageCount, freeCount);
  }

  /// The levels for a given constant part of the minimum.
  static FreeLevels withBase(int base, long pageCount, long freeCount) {
    long min = base + pageCount / MIN_SHARE;
    return new FreeLevels(
        min,
        min * 4 / 8 + 7,
        min * 4 / 8,
        min * 2 / 8 + 7,
        min / 8 + 7,
        2 * min,
        3 * min,
        4 * min,
        5 * min,
        2 * min,
        freeCount / INACTIVE_SHARE,
        pageCount / LAUNDER_SHARE + 16);
  }

  /// After how many pages a stripe of the counters pushes its change.
  public long pushAt(int stripes) {
    return Math.clamp(min / (4L * stripes), 1, 1024);
  }
}
