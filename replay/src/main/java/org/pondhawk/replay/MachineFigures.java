package org.pondhawk.replay;

import org.pondhawk.vm.stats.VmStatistics;

/// The counters of a machine at one moment, as far as a replay reports them.
///
/// @param pageSize the bytes of a page
/// @param pageCount the frames of the machine
/// @param freePages the pages on the free queue
/// @param activePages the pages on the active queue
/// @param inactivePages the pages on the inactive queue
/// @param cachePages the pages on the cache queue: clean, unmapped, as good as free
/// @param wiredPages the pages that cannot be paged out
/// @param faultsMinor the faults that needed no I/O
/// @param faultsMajor the faults that read from swap
/// @param zeroFills the faults that filled a page with zeros
/// @param pagesIn the pages read from swap
/// @param pagesOut the pages written to swap
/// @param swapIns the reads of swap, each of one page or more
/// @param swapOuts the writes to swap, each of one page or more
/// @param pageScans the pages that the pageout daemon looked at
/// @param memoryWaits how often a thread had to wait for a free page
/// @param swapUsedPages the swap in use, in pages
/// @param swapPeakPages the most swap that was in use, in pages
public record MachineFigures(
    int pageSize,
    long pageCount,
    long freePages,
    long activePages,
    long inactivePages,
    long cachePages,
    long wiredPages,
    long faultsMinor,
    long faultsMajor,
    long zeroFills,
    long pagesIn,
    long pagesOut,
    long swapIns,
    long swapOuts,
    long pageScans,
    long memoryWaits,
    long swapUsedPages,
    long swapPeakPages) {

  static MachineFigures of(VmStatistics stats) {
    return new MachineFigures(
        stats.pageSize(),
        stats.pageCount(),
        stats.freePages(),
        stats.activePages(),
        stats.inactivePages(),
        stats.cachedPages(),
        stats.wiredPages(),
        stats.faultsMinor(),
        stats.faultsMajor(),
        stats.zeroFills(),
        stats.pagesIn(),
        stats.pagesOut(),
        stats.swapIns(),
        stats.swapOuts(),
        stats.pageScans(),
        stats.memoryWaits(),
        stats.swapUsedPages(),
        stats.swapPeakPages());
  }

  /// The most swap that was in use, in bytes.
  public long swapPeakBytes() {
    return swapPeakPages * pageSize;
  }
}
