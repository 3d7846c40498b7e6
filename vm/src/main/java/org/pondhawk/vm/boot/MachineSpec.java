package org.pondhawk.vm.boot;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pageout.PageoutDaemon;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.queue.Alist;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.swap.RadixBitmap;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.sync.Ticker;

/// What a machine is made of.
///
/// @param physicalBytes the whole budget: frames, descriptors, queues, tables and indexes
/// @param pageSize a power of two from 4 KiB to 64 KiB
/// @param dmaReserveBytes how much is kept for runs of neighbouring frames, or [#AUTO]
/// @param swap the swap file, or null for none
/// @param swapBurstRead how many pages are read ahead from swap at most, from 0
/// @param cpus how many stripes of counters and shares of colours
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
    int pageSize,
    long dmaReserveBytes,
    @Nullable SwapFileSpec swap,
    int swapBurstRead,
    int cpus,
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

  private static final int AUTO_SHARE = 16;
  private static final long AUTO_MOST = 128L << 20;

  /// The least number of frames that a machine works with.
  public static final int MIN_FRAMES = 256;

  /// The largest range of an address space: what a process has on the processors that we know.
  public static final long MAX_RANGE = 1L << 47;

  private static final int MAX_FRAMES = 1 << 30;
  private static final int PAGES_PER_REGION = 512;

  /// What the structures take that do not grow with memory.
  private long fixedBytes() {
    return PageQueues.bytes()
        + PageArray.bytesFor(0, PageoutDaemon.MARKERS)
        + (swap == null ? 0 : RadixBitmap.bytesFor(swap.blockCount()));
  }

  private long bytesPerFrame() {
    return pageSize + PageArray.bytesFor(1, 0);
  }

  /// The least physical memory for a machine like this.
  public long minimumBytes() {
    return minimumBytes(dmaReserveBytes == AUTO ? 0 : framesFor(dmaReserveBytes));
  }

  private long minimumBytes(int reserve) {
    return fixedBytes() + reserveOverhead(reserve) + (MIN_FRAMES + reserve) * bytesPerFrame();
  }

  private static long reserveOverhead(int reserve) {
    return reserve == 0 ? 0 : Alist.bytesFor(reserve);
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

  /// The smallest range of an address space: one region.
  public long minimumRange() {
    return (long) PAGES_PER_REGION * pageSize;
  }

  /// Requires that a space can have a range.
  void requireRange(long bytes) {
    if (Long.bitCount(bytes) != 1 || bytes < minimumRange() || bytes > MAX_RANGE) {
      throw new IllegalArgumentException(
          "a range of %d bytes is not a power of two from %d to %d"
              .formatted(bytes, minimumRange(), MAX_RANGE));
    }
  }

  /// How many frames the budget leaves after the structures.
  int frameCount() {
    if (physicalBytes < minimumBytes()) {
      throw new IllegalArgumentException(
          "a machine of %d bytes is too small: with pages of %d bytes%s the least is %d bytes"
              .formatted(
                  physicalBytes,
                  pageSize,
                  swap == null ? "" : " and swap of " + swap.dataBytes() + " bytes",
                  minimumBytes()));
    }
    long left = physicalBytes - fixedBytes() - reserveOverhead(reserveFrames());
    return (int) Math.min(left / bytesPerFrame(), MAX_FRAMES);
  }
}
