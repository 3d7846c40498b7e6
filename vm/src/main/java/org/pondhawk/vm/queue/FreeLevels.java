package org.pondhawk.vm.queue;

/// The levels of free memory at which the machine acts, in pages (`vm_pageout_free_page_calc` and
/// what follows it). A set of them is never changed, only replaced as a whole ([Pressure#set]).
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

  /// The constant part of the minimum of a machine that is not small.
  public static final int BASE = 64;

  private static final int MIN_SHARE = 200;
  private static final int LAUNDER_SHARE = 256;
  private static final int INACTIVE_SHARE = 16;

  /// The levels of a machine, with the factors of wait, start and the two targets at 2, 3, 4, 5.
  ///
  /// @param pageCount how many pages the machine manages
  /// @param freeCount how many of them are free after boot
  public static FreeLevels of(long pageCount, long freeCount) {
    return withBase(baseFor(pageCount), pageCount, freeCount);
  }

  /// The constant part of the minimum that nobody chose: smaller on a small machine.
  public static int baseFor(long pageCount) {
    return pageCount < SMALL_MACHINE_PAGES ? SMALL_BASE : BASE;
  }

  /// The levels for a given constant part of the minimum, in pages.
  public static FreeLevels withBase(long base, long pageCount, long freeCount) {
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

  /// One of the levels.
  @SuppressWarnings("EnumOrdinal") // FreeLevel has the order of the components
  public long get(FreeLevel level) {
    return all()[level.ordinal()];
  }

  /// The same with one level changed; nothing is derived anew.
  @SuppressWarnings("EnumOrdinal") // FreeLevel has the order of the components
  public FreeLevels with(FreeLevel level, long pages) {
    long[] all = all();
    all[level.ordinal()] = pages;
    return new FreeLevels(
        all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8], all[9], all[10],
        all[11]);
  }

  private long[] all() {
    return new long[] {
      min,
      reserved,
      severe,
      pageoutMin,
      interruptMin,
      pagingWait,
      pagingStart,
      target1,
      target2,
      freeTarget,
      inactiveTarget,
      maxLaunder
    };
  }

  /// Requires that a machine can live with the levels.
  ///
  /// Severe is compared with what is free or cached, reserved with what is truly free: so it is the
  /// one that may lie a little higher (the reference's is 7 pages above severe).
  ///
  /// @param pageCount how many pages the machine manages
  /// @return this
  /// @throws IllegalArgumentException naming the first two that are out of order
  public FreeLevels requireOrder(long pageCount) {
    requireAscending(FreeLevel.INTERRUPT_MIN, FreeLevel.RESERVED, FreeLevel.MIN);
    requireAscending(FreeLevel.SEVERE, FreeLevel.MIN);
    requireAscending(FreeLevel.PAGEOUT_MIN, FreeLevel.MIN);
    requireAscending(
        FreeLevel.MIN,
        FreeLevel.PAGING_WAIT,
        FreeLevel.PAGING_START,
        FreeLevel.TARGET1,
        FreeLevel.TARGET2);
    requireAscending(FreeLevel.MIN, FreeLevel.FREE_TARGET, FreeLevel.TARGET2);
    if (target2 > pageCount / 2) {
      throw new IllegalArgumentException(
          "%s=%d is more than half of the %d pages of the machine"
              .formatted(FreeLevel.TARGET2.label(), target2, pageCount));
    }
    return this;
  }

  private void requireAscending(FreeLevel... order) {
    for (int i = 1; i < order.length; i++) {
      if (get(order[i - 1]) > get(order[i])) {
        throw new IllegalArgumentException(
            "%s=%d would be above %s=%d"
                .formatted(
                    order[i - 1].label(), get(order[i - 1]), order[i].label(), get(order[i])));
      }
    }
  }

  /// After how many pages a stripe of the counters pushes its change.
  public long pushAt(int stripes) {
    return Math.clamp(min / (4L * stripes), 1, 1024);
  }
}
