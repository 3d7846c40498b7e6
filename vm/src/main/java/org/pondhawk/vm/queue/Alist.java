package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;

/// An account of blocks that hands out runs aligned to their size, and takes back any range: a tree
/// of bitmaps, sixteen ways down to leaves of 32 blocks (`alist`).
///
/// ```
///   a record   ┌─────────────┬─────────────┐    inner: 16 children, 2 bits each
///              │ bitmap      │ hint        │           00 none free  01 some  11 all free
///              └─────────────┴─────────────┘    leaf:  32 blocks, 1 bit each, set is free
///
///   4 levels   ●───────────────┬── … ──┐        a child lies behind its parent and the
///              ●───┬── … ──┐   ●       ●        subtrees of its elder siblings, so no
///              ●─┬─ … ─┐   ●   ▪ ▪ ▪            link is stored
///              ▪ ▪     ▪   ▪
/// ```
///
/// **Contract.** Blocks are numbered from 0 and are all allocated at first: what may be used is
/// freed. A run is the lowest that fits. Not thread-safe: guarded by its owner. No operation
/// allocates on the heap; each visits at most sixteen children on each of up to seven levels. The
/// records are charged to the [OwnMemory].
///
/// **Failure.** No fit is [#NONE]. Freeing a free block throws [VmPanic] before anything is
/// changed.
public final class Alist {
  /// No such block.
  public static final int NONE = -1;

  /// The most blocks that one account has.
  public static final int MAX_BLOCKS = 1 << 29;

  /*
   * I1  A child whose two bits are 00 or 11 is stale below. It is written anew before a descent.
   * I2  A hint is a bound on the longest run below, in blocks; it may be too high, never too low. It
   *     is lowered where a search failed that had not left out blocks below `from`.
   * I3  free = the number of free blocks.
   *
   * Differs from DragonFly: the end is known from the count of blocks, not from a terminating record;
   * a run of as many blocks as the tree has room for is not refused; the hint of a leaf is lowered by
   * whole searches only, and not whenever a search began inside of it; a double free is found before
   * the tree is touched; alignment, boundary and both ends of the range are kept.
   */
  private static final int LEAF_SHIFT = 5;
  private static final int LEAF_BLOCKS = 1 << LEAF_SHIFT;
  private static final int FAN_SHIFT = 4;
  private static final int FAN_OUT = 1 << FAN_SHIFT;
  private static final int NONE_FREE = 0;
  private static final int SOME_FREE = 1;
  private static final int ALL_FREE = 3;

  private static final int BYTES = 8;
  private static final long LINE = 64;
  private static final int HINT = 4;
  private static final String CHARGED_TO = "alist";

  /// How many records a whole subtree of each level has.
  private static final int[] SUBTREE = subtreeSizes();

  /// The places where an aligned run of 1, 2, 4 … 32 bits may start.
  private static final int[] STARTS = {-1, 0x55555555, 0x11111111, 0x01010101, 0x00010001, 1};

  private final int blocks;
  private final int topLevel;
  private final long base;
  private int freeBlocks;

  /// An account of so many blocks, none of them free (`alist_create`).
  ///
  /// @param blocks from 1 to [#MAX_BLOCKS]
  public Alist(int blocks, OwnMemory memory) {
    this.topLevel = topLevelFor(blocks);
    this.blocks = blocks;
    this.base = memory.allocate(bytesFor(blocks), CHARGED_TO);
  }

  /// The memory that an account of so many blocks takes, in bytes.
  public static long bytesFor(int blocks) {
    return (recordsFor(blocks) * BYTES + LINE - 1) & -LINE;
  }

  /// How many records it has: one for each child that could be, of a node that is.
  static long recordsFor(int blocks) {
    return recordsFor(topLevelFor(blocks), blocks);
  }

  private static long recordsFor(int level, int blocks) {
    if (level == 0) {
      return 1;
    }
    int whole = (int) (blocks / span(level - 1));
    int rest = (int) (blocks % span(level - 1));
    long records = 1 + (long) whole * SUBTREE[level - 1];
    int absent = FAN_OUT - whole;
    if (rest > 0) {
      records += recordsFor(level - 1, rest);
      absent--;
    }
    return records + absent;
  }

  /// How many blocks a tree of this height has room for.
  long radix() {
    return span(topLevel);
  }

  /// How many records lie below the first of a tree with all its children.
  int skip() {
    return SUBTREE[topLevel] - 1;
  }

  /// How many blocks there are, free or not.
  public int blocks() {
    return blocks;
  }

  /// How many blocks are free.
  public int freeBlocks() {
    return freeBlocks;
  }

  /// Takes the lowest run of neighbouring blocks from `from` on (`alist_alloc`). It is aligned to
  /// its length rounded up to a power of two, and only found where as many blocks are free.
  ///
  /// @param from at least 0
  /// @param count at least 1
  /// @return its first block, or [#NONE]
  public int allocate(int from, int count) {
    return allocate(from, count, 1);
  }

  /// The same within limits. A run that is aligned to more than its length is only found where that
  /// many blocks are free.
  ///
  /// @param count at least 1
  /// @return its first block, or [#NONE]
  public int allocate(RunLimits limits, int count) {
    if (limits.boundary() != 0 && count > limits.boundary()) {
      return NONE; // a shorter run can't cross a boundary, for its own alignment
    }
    int block = allocate(limits.low(), count, limits.alignment());
    if (block != NONE && (long) block + count > limits.high()) {
      free(block, count); // it was the lowest, so there is none
      return NONE;
    }
    return block;
  }

  private int allocate(int from, int count, int alignment) {
    if (from < 0 || count < 1) {
      throw new IllegalArgumentException("from=" + from + ", count=" + count);
    }
    long rounded = Math.max(roundedUp(count), alignment);
    if (from >= blocks || rounded > blocks) {
      return NONE;
    }
    int run = (int) rounded;
    int block = allocate(0, topLevel, 0, run, from);
    if (block != NONE) {
      freeBlocks -= run;
      if (run > count) {
        free(block + count, run - count);
      }
    }
    return block;
  }

  private static long roundedUp(int count) {
    return Long.highestOneBit(2L * count - 1);
  }

  /// Frees a range of any size and place, which must be allocated (`alist_free`).
  public void free(int first, int count) {
    if (first < 0 || count < 1 || count > blocks - first) {
      throw new IllegalArgumentException(
          "%d blocks from %d are not within %d".formatted(count, first, blocks));
    }
    int already = nextFree(first);
    if (already != NONE && already < first + count) {
      throw new VmPanic(
          "freeing blocks %d to %d: block %d is free already (%d of %d are)"
              .formatted(first, first + count - 1, already, freeBlocks, blocks));
    }
    free(0, topLevel, 0, first, (long) first + count);
    freeBlocks += count;
  }

  /// Whether a block is free.
  public boolean isFree(int block) {
    return nextFree(block) == block;
  }

  /// The lowest free block from `from` on, or [#NONE].
  public int nextFree(int from) {
    return nextFree(0, topLevel, 0, from);
  }

  /// How many free blocks there are at the top end, as far as one walk down shows
  /// (`alist_free_info`): the highest child with any, whole if it is all free; in a leaf the
  /// highest block.
  ///
  /// @return its first block in the upper half and its length in the lower, 0 if none is free
  public long lastFree() {
    int node = 0;
    long start = 0;
    for (int level = topLevel; level > 0; level--) {
      int bitmap = bitmap(node);
      if (bitmap == 0) {
        return 0;
      }
      int child = (Integer.SIZE - 1 - Integer.numberOfLeadingZeros(bitmap)) / 2;
      start += child * span(level - 1);
      if (state(bitmap, child) == ALL_FREE) {
        return (start << Integer.SIZE) | span(level - 1);
      }
      node = childOf(node, level, child);
    }
    int bitmap = bitmap(node);
    return bitmap == 0
        ? 0
        : ((start + Integer.SIZE - 1 - Integer.numberOfLeadingZeros(bitmap)) << Integer.SIZE) | 1;
  }

  // ---- taking

  private int allocate(int node, int level, long start, int count, int from) {
    long unit = level == 0 ? 1 : span(level - 1);
    int block =
        count >= unit
            ? takeHere(node, level, start, count, from)
            : takeBelow(node, level, start, count, from);
    if (block == NONE && from <= start) {
      setHint(node, Math.min(hint(node), count / 2));
    }
    return block;
  }

  /// Takes whole blocks of a leaf, or whole children of an inner node.
  private int takeHere(int node, int level, long start, int count, int from) {
    int unitShift = level == 0 ? 0 : shift(level - 1);
    int bitsEach = level == 0 ? 1 : 2;
    int bits = (count >>> unitShift) * bitsEach;
    long unitsBelow = from <= start ? 0 : (from - start + (1L << unitShift) - 1) >>> unitShift;
    if (unitsBelow * bitsEach >= Integer.SIZE) {
      return NONE;
    }
    int starts = startsOfRuns(bitmap(node), bits) & (-1 << (int) (unitsBelow * bitsEach));
    if (starts == 0) {
      return NONE;
    }
    int bit = Integer.numberOfTrailingZeros(starts);
    setBitmap(node, bitmap(node) & ~mask(bit, bits));
    return (int) (start + ((long) (bit / bitsEach) << unitShift));
  }

  private int takeBelow(int node, int level, long start, int count, int from) {
    int bitmap = bitmap(node);
    for (int i = 0; i < FAN_OUT; i++) {
      int state = state(bitmap, i);
      long at = start + i * span(level - 1);
      if (state == NONE_FREE || at + span(level - 1) <= from) {
        continue;
      }
      int child = childOf(node, level, i);
      if (state == ALL_FREE) {
        write(child, -1, (int) span(level - 1));
      }
      if (count <= hint(child)) {
        int block = allocate(child, level - 1, at, count, from);
        if (block != NONE) {
          setState(node, i, bitmap(child) == 0 ? NONE_FREE : SOME_FREE);
          return block;
        }
      }
    }
    return NONE;
  }

  // ---- giving back

  private void free(int node, int level, long start, long first, long end) {
    if (level == 0) {
      setBitmap(node, bitmap(node) | mask((int) (first - start), (int) (end - first)));
      setHint(node, LEAF_BLOCKS); // how long the run became is left to the next search
      return;
    }
    long childSpan = span(level - 1);
    int i = (int) ((first - start) >>> shift(level - 1));
    for (long at = start + i * childSpan; at < end; at += childSpan, i++) {
      if (first <= at && at + childSpan <= end) {
        setState(node, i, ALL_FREE);
        setHint(node, (int) span(level));
      } else {
        freeInChild(node, level, i, Math.max(first, at), Math.min(end, at + childSpan), at);
      }
    }
  }

  private void freeInChild(int node, int level, int i, long first, long end, long at) {
    int child = childOf(node, level, i);
    if (state(bitmap(node), i) == NONE_FREE) {
      write(child, 0, 0);
    }
    free(child, level - 1, at, first, end);
    boolean whole = bitmap(child) == -1;
    setState(node, i, whole ? ALL_FREE : SOME_FREE);
    setHint(node, whole ? (int) span(level) : Math.max(hint(node), hint(child)));
  }

  // ---- looking

  private int nextFree(int node, int level, long start, int from) {
    int bitmap = bitmap(node);
    if (level == 0) {
      int rest = from <= start ? bitmap : bitmap & (-1 << (int) (from - start));
      return rest == 0 ? NONE : (int) start + Integer.numberOfTrailingZeros(rest);
    }
    long childSpan = span(level - 1);
    int i = from <= start ? 0 : (int) ((from - start) >>> shift(level - 1));
    for (; i < FAN_OUT; i++) {
      long at = start + i * childSpan;
      int state = state(bitmap, i);
      if (state == ALL_FREE) {
        return (int) Math.max(from, at);
      }
      if (state != NONE_FREE) {
        int block = nextFree(childOf(node, level, i), level - 1, at, from);
        if (block != NONE) {
          return block;
        }
      }
    }
    return NONE;
  }

  // ---- the shape of the tree

  private static int topLevelFor(int blocks) {
    if (blocks < 1 || blocks > MAX_BLOCKS) {
      throw new IllegalArgumentException("blocks=" + blocks + " is not from 1 to " + MAX_BLOCKS);
    }
    int level = 0;
    while (span(level) < blocks) {
      level++;
    }
    return level;
  }

  private static int[] subtreeSizes() {
    int[] sizes = new int[7];
    sizes[0] = 1;
    for (int level = 1; level < sizes.length; level++) {
      sizes[level] = 1 + FAN_OUT * sizes[level - 1];
    }
    return sizes;
  }

  private static int shift(int level) {
    return LEAF_SHIFT + level * FAN_SHIFT;
  }

  /// How many blocks a whole node of a level stands for.
  private static long span(int level) {
    return 1L << shift(level);
  }

  private static int childOf(int node, int level, int child) {
    return node + 1 + child * SUBTREE[level - 1];
  }

  // ---- bits

  /// The bits at which an aligned run of so many set bits starts.
  private static int startsOfRuns(int bitmap, int bits) {
    int starts = bitmap;
    for (int length = 1; length < bits; length *= 2) {
      starts &= starts >>> length;
    }
    return starts & STARTS[Integer.numberOfTrailingZeros(bits)];
  }

  /// So many bits from `first` on, 1 to 32 of them: a shift by 32 would shift by nothing.
  private static int mask(int first, int bits) {
    return (-1 >>> (Integer.SIZE - bits)) << first;
  }

  private static int state(int bitmap, int child) {
    return (bitmap >>> (2 * child)) & 3;
  }

  private void setState(int node, int child, int state) {
    setBitmap(node, (bitmap(node) & ~(3 << (2 * child))) | (state << (2 * child)));
  }

  private void write(int node, int bitmap, int hint) {
    setBitmap(node, bitmap);
    setHint(node, hint);
  }

  private int bitmap(int node) {
    return RawMemory.getInt(base + (long) node * BYTES);
  }

  private void setBitmap(int node, int bitmap) {
    RawMemory.putInt(base + (long) node * BYTES, bitmap);
  }

  private int hint(int node) {
    return RawMemory.getInt(base + (long) node * BYTES + HINT);
  }

  private void setHint(int node, int hint) {
    RawMemory.putInt(base + (long) node * BYTES + HINT, hint);
  }
}
