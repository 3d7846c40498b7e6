package org.pondhawk.vm.swap;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.mem.OwnMemory;

/// The account of the blocks of one swap device: which are free, and how near the end is.
///
/// The paging daemons need to know early that swap runs out, and must not be told back and forth by
/// every single block that comes and goes near the limit.
///
/// ```
///   free blocks   0 ────────── low ─────────── high ───────────── total
///   almost full   │◄── becomes ─┤◄── stays as it was ─┤◄── ends ──►│
///   full          set when a run is refused; ends at any change that leaves free ≥ low
/// ```
///
/// **Contract.** Thread-safe, by a lock that is never held across I/O. The first [#RESERVED] blocks
/// of a device are never handed out. The flags and counts may be read at any time and are those of
/// some recent moment.
///
/// **Failure.** No fit is [RadixBitmap#NONE]; a caller that wanted a run may try a shorter one.
/// Freeing a free block throws `IllegalStateException` and changes nothing.
public final class SwapSpace {
  /// The blocks at the start of a device that never hold data: there is the header.
  public static final int RESERVED = RadixBitmap.MAX_RUN;

  /// In hundredths of the total: below this many free blocks the space is almost full.
  private static final int LOW_PERCENT = 4;

  /// In hundredths of the total: above this many free blocks it is so no more.
  private static final int HIGH_PERCENT = 6;

  private final ReentrantLock lock = new ReentrantLock();

  /// Guarded by `lock`, as is `refusals`.
  private final RadixBitmap bitmap;

  private long refusals;

  private final int total;
  private final int low;
  private final int high;

  /// Written under `lock`.
  private volatile int used;

  private volatile int peakUsed;
  private volatile boolean full;
  private volatile boolean almostFull;

  /// The account of a device of that many blocks, the reserved ones included.
  public SwapSpace(int deviceBlocks, OwnMemory memory) {
    if (deviceBlocks <= RESERVED) {
      throw new IllegalArgumentException(
          "deviceBlocks=%d leaves nothing after the %d reserved ones"
              .formatted(deviceBlocks, RESERVED));
    }
    total = deviceBlocks - RESERVED;
    low = percentOf(total, LOW_PERCENT);
    high = percentOf(total, HIGH_PERCENT);
    bitmap = new RadixBitmap(deviceBlocks, memory);
    bitmap.free(RESERVED, total);
  }

  private static int percentOf(int total, int percent) {
    return (int) ((long) total * percent / 100);
  }

  /// Takes a run of at most [RadixBitmap#MAX_RUN] blocks; returns the first, or [RadixBitmap#NONE],
  /// which also marks the space full.
  public int allocate(int count) {
    lock.lock();
    try {
      int block = bitmap.allocate(count);
      if (block == RadixBitmap.NONE) {
        refusals++;
        full = true;
        almostFull = true;
      } else {
        setUsed(used + count);
      }
      return block;
    } finally {
      lock.unlock();
    }
  }

  /// Gives blocks back.
  public void free(int firstBlock, int count) {
    if (firstBlock < RESERVED) {
      throw new IllegalArgumentException("swap block " + firstBlock + " is never handed out");
    }
    lock.lock();
    try {
      bitmap.free(firstBlock, count);
      setUsed(used - count);
    } finally {
      lock.unlock();
    }
  }

  /// The reference's swp_sizecheck: `full` and `almostFull` follow the free blocks.
  private void setUsed(int nowUsed) {
    used = nowUsed;
    if (nowUsed > peakUsed) {
      peakUsed = nowUsed;
    }
    int free = total - nowUsed;
    if (free < low) {
      almostFull = true;
      return;
    }
    full = false;
    if (free > high) {
      almostFull = false;
    }
  }

  /// How many blocks are handed out.
  public int used() {
    return used;
  }

  /// The most blocks that were ever handed out at once.
  public int peakUsed() {
    return peakUsed;
  }

  /// How many blocks there are to hand out.
  public int total() {
    return total;
  }

  /// How many requests were refused since the start.
  public long refusals() {
    lock.lock();
    try {
      return refusals;
    } finally {
      lock.unlock();
    }
  }

  /// Whether a run was refused and not enough has come back since.
  public boolean isFull() {
    return full;
  }

  /// Whether the end is near; see the drawing.
  public boolean isAlmostFull() {
    return almostFull;
  }

  /// Whether a block is free, for those who check the books. The reserved ones never are.
  public boolean isFree(int block) {
    lock.lock();
    try {
      return bitmap.isFree(block);
    } finally {
      lock.unlock();
    }
  }
}
