package org.pondhawk.vm.boot;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.mem.Processors;
import org.pondhawk.vm.object.PageHash;
import org.pondhawk.vm.page.DumpMap;
import org.pondhawk.vm.page.ForeignFrames;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.pageout.PageoutDaemon;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.queue.Alist;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.swap.RadixBitmap;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.sync.Ticker;

/// What a machine is made of.
///
/// @param physicalBytes the whole budget: frames, descriptors, queues, tables and indexes
/// @param ranges where in the physical address space the budget lies; empty for one range from 0
/// @param pageSize a power of two from 4 KiB to 64 KiB
/// @param dmaReserveBytes how much is kept for runs of neighbouring frames, or [#AUTO]
/// @param swap the swap file, or null for none
/// @param swapBurstRead how many pages are read ahead from swap at most, from 0
/// @param processors those that counters and colours are shared among
/// @param spaceBytes the addresses of an address space that says nothing else, a power of two
/// @param tables the form of page tables
/// @param poison whether freed frames are filled with a pattern
/// @param patienceNanos how long a wait for memory goes on while nothing moves
/// @param leaseNanos how long an operation waits for leases in its way
/// @param membarrier whether writers may go without a fence
/// @param faults how faults are served
/// @param ticker what time it is
/// @param tunables values of [Tunables] that somebody chose, by name
public record MachineSpec(
    long physicalBytes,
    List<PhysicalRange> ranges,
    int pageSize,
    long dmaReserveBytes,
    @Nullable SwapFileSpec swap,
    int swapBurstRead,
    Processors processors,
    long spaceBytes,
    TableForm tables,
    boolean poison,
    long patienceNanos,
    long leaseNanos,
    boolean membarrier,
    FaultSpec faults,
    Ticker ticker,
    Map<String, Long> tunables) {
  /// A reserve of the reference's size: a sixteenth of memory, 128 MiB at most (`vm.dma_reserved`).
  public static final long AUTO = -1;

  private static final int KERNEL_SHARE = 16;
  private static final int AUTO_SHARE = 16;
  private static final long AUTO_MOST = 128L << 20;

  /// The least number of frames that a machine works with.
  public static final int MIN_FRAMES = 256;

  /// The largest range of an address space: what a process has on the processors that we know.
  public static final long MAX_RANGE = 1L << 47;

  private static final int PAGES_PER_REGION = 512;

  /// The memory of a machine with ranges: their whole pages, each counted once.
  ///
  /// @param pageSize a power of two
  /// @return bytes
  public static long bytesOf(List<PhysicalRange> ranges, int pageSize) {
    return PhysicalLayout.bytesOf(ranges, Integer.numberOfTrailingZeros(pageSize));
  }

  /// How many stripes of counters there are.
  public int cpus() {
    return processors.count();
  }

  /// What the structures take that do not grow with memory.
  private long fixedBytes() {
    return PageQueues.bytes()
        + PageArray.bytesFor(0, PageoutDaemon.MARKERS)
        + ForeignFrames.bytesFor(fictitiousPages())
        + PageHash.bytesFor(pageHashEntries())
        + (swap == null ? 0 : RadixBitmap.bytesFor(swap.blockCount()));
  }

  /// How many entries the page hash has: 0 for none.
  int pageHashEntries() {
    long wanted = tunables.getOrDefault(Tunables.PAGE_HASH_ENTRIES, 0L);
    return wanted < 0
        ? PageHash.entriesFor((int) Math.min(physicalBytes / pageSize, Integer.MAX_VALUE))
        : PageHash.roundUp((int) wanted);
  }

  /// What all structures take in a machine with these pages.
  private long overheadBytes(PhysicalMap map, int spanPages, int reserve) {
    int limit = map.limitOf(Math.min(reserve, map.frameCount()));
    return fixedBytes()
        + PageArray.bytesFor(map.pageCount(), 0)
        + DumpMap.bytesFor(spanPages)
        + (limit == 0 ? 0 : Alist.bytesFor(limit));
  }

  private int pageShift() {
    return Integer.numberOfTrailingZeros(pageSize);
  }

  private PhysicalLayout layout(long bytes, int reserve) {
    PhysicalLayout.Overhead overhead = (map, span) -> overheadBytes(map, span, reserve);
    return ranges.isEmpty()
        ? PhysicalLayout.ofOne(bytes, pageShift(), overhead)
        : PhysicalLayout.of(ranges, pageShift(), overhead);
  }

  /// The least budget of a machine like this that has so many frames, in one range.
  public long bytesFor(int frames) {
    return leastBytes(frames, dmaReserveBytes == AUTO ? 0 : framesFor(dmaReserveBytes));
  }

  private long leastBytes(int frames, int reserve) {
    PhysicalMap map = PhysicalMap.whole(pageShift(), frames);
    long bytes = (long) frames * pageSize;
    for (; ; ) { // the bitmap has a bit for each page that the structures take, too
      long needed =
          (long) frames * pageSize + overheadBytes(map, (int) (bytes / pageSize), reserve);
      if (needed <= bytes) {
        return bytes;
      }
      bytes = needed;
    }
  }

  /// The least physical memory for a machine like this; with ranges, what they need at least
  /// together to have so much besides the structures that such ranges take.
  public long minimumBytes() {
    return minimumBytes(dmaReserveBytes == AUTO ? 0 : framesFor(dmaReserveBytes));
  }

  private long minimumBytes(int reserve) {
    int frames = MIN_FRAMES + reserve;
    if (ranges.isEmpty()) {
      return leastBytes(frames, reserve);
    }
    int span = layout(physicalBytes, reserve).spanPages();
    long structures = overheadBytes(PhysicalMap.whole(pageShift(), span), span, reserve);
    return ((structures + pageSize - 1) & -pageSize) + (long) frames * pageSize;
  }

  private int framesFor(long bytes) {
    return Math.toIntExact((bytes + pageSize - 1) / pageSize);
  }

  /// How many frames are kept for runs; with [#AUTO] none where too few would be left.
  public int reserveFrames() {
    if (dmaReserveBytes != AUTO) {
      return framesFor(dmaReserveBytes);
    }
    int wish = (int) (Math.min(physicalBytes / AUTO_SHARE, AUTO_MOST) / pageSize);
    return physicalBytes < minimumBytes(wish) ? 0 : wish;
  }

  /// How many fictitious pages there are (`vm.fictitious_pages`).
  int fictitiousPages() {
    return (int) new Tunables(tunables).fictitiousPages().get();
  }

  /// The smallest range of an address space: one region.
  public long minimumRange() {
    return (long) PAGES_PER_REGION * pageSize;
  }

  /// How many addresses the machine's own memory has (`KvaSize`): sixteen times the physical
  /// memory, rounded up to a power of two, and a region at least.
  long kernelRange() {
    long wish =
        Math.max(minimumRange(), KERNEL_SHARE * Math.min(physicalBytes, MAX_RANGE / KERNEL_SHARE));
    long range = Long.highestOneBit(wish);
    return range == wish ? range : 2 * range;
  }

  /// Requires that a space can have a range.
  void requireRange(long bytes) {
    if (Long.bitCount(bytes) != 1 || bytes < minimumRange() || bytes > MAX_RANGE) {
      throw new IllegalArgumentException(
          "a range of %d bytes is not a power of two from %d to %d"
              .formatted(bytes, minimumRange(), MAX_RANGE));
    }
  }

  /// Which frames the budget leaves after the structures.
  ///
  /// @throws IllegalArgumentException if they are too few, naming the least
  PhysicalLayout layout() {
    int reserve = reserveFrames();
    PhysicalLayout layout = layout(physicalBytes, reserve);
    int kept = layout.map().frameCount();
    long structures = overheadBytes(layout.map(), layout.spanPages(), reserve);
    if (structures > physicalBytes - (long) kept * pageSize || kept < MIN_FRAMES + reserve) {
      throw tooSmall(structures);
    }
    return layout;
  }

  private IllegalArgumentException tooSmall(long structures) {
    long least = minimumBytes();
    if (physicalBytes >= least) {
      return new IllegalArgumentException(
          "the largest of %s is too small for the structures of such a machine, which take %d bytes"
              .formatted(ranges, structures));
    }
    return new IllegalArgumentException(
        "a machine of %d bytes is too small: with pages of %d bytes%s%s the least is %d bytes"
            .formatted(
                physicalBytes,
                pageSize,
                ranges.isEmpty() ? "" : " in " + ranges,
                swap == null ? "" : " and swap of " + swap.dataBytes() + " bytes",
                least));
  }
}
