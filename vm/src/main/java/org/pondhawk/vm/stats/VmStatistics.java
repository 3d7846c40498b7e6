package org.pondhawk.vm.stats;

/// The counts of a machine at a moment; those that name events count since boot.
///
/// @param pageSize in bytes
/// @param physicalMemoryBytes the whole budget
/// @param pageCount frames that the machine manages
/// @param freePages ready for use
/// @param cachedPages clean and unmapped, as good as free
/// @param inactivePages not used lately
/// @param activePages in use
/// @param wiredPages not to be reclaimed: page tables and indexes
/// @param faultsMinor faults without I/O
/// @param faultsMajor faults that read from backing store
/// @param zeroFills pages zero-filled on demand
/// @param zeroFillsReady those of them whose frames were zero already
/// @param zeroedAhead frames zeroed before they were asked for
/// @param pagesIn pages read from swap
/// @param pagesOut pages written to swap
/// @param pagesCopied pages copied because a store must not be seen by others
/// @param pagesMoved pages moved up a chain instead of being copied
/// @param forks address spaces forked
/// @param swapIns read requests
/// @param swapOuts write requests
/// @param reactivations pages that left the cache for use
/// @param pageScans pages that the daemon looked at
/// @param daemonPasses working passes of the daemon
/// @param daemonFreed pages that the daemon freed
/// @param memoryWaits times that a thread slept for memory
/// @param inTransit faults that found their page busy
/// @param gracePeriods grace periods that are over
/// @param graceP50Nanos what half of them took at most, rounded up to a power of two
/// @param graceP99Nanos what 99 in 100 of them took at most, rounded up to a power of two
/// @param graceWaits times that a caller waited for a grace period
/// @param graceWaitNanos how long in all
/// @param graceWaitsGivenUp waits that ended because an access under way did not
/// @param swapTotalPages blocks of swap
/// @param swapUsedPages blocks in use
/// @param swapPeakPages the most that were ever in use
/// @param pagesFreed pages freed in all
/// @param pagesFreedWithObject those of them that were freed with their object, or a range of it
/// @param waiterWakeups times that sleepers for memory were woken because there were pages
/// @param spacesCondemned address spaces condemned so that others get memory
public record VmStatistics(
    int pageSize,
    long physicalMemoryBytes,
    long pageCount,
    long freePages,
    long cachedPages,
    long inactivePages,
    long activePages,
    long wiredPages,
    long faultsMinor,
    long faultsMajor,
    long zeroFills,
    long zeroFillsReady,
    long zeroedAhead,
    long pagesIn,
    long pagesOut,
    long pagesCopied,
    long pagesMoved,
    long forks,
    long swapIns,
    long swapOuts,
    long reactivations,
    long pageScans,
    long daemonPasses,
    long daemonFreed,
    long memoryWaits,
    long inTransit,
    long gracePeriods,
    long graceP50Nanos,
    long graceP99Nanos,
    long graceWaits,
    long graceWaitNanos,
    long graceWaitsGivenUp,
    long swapTotalPages,
    long swapUsedPages,
    long swapPeakPages,
    long pagesFreed,
    long pagesFreedWithObject,
    long waiterWakeups,
    long spacesCondemned) {}
