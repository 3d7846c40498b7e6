package org.pondhawk.vm.swap;

import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;

/// The allocator of swap blocks: a bitmap under a tree of counts (the reference's `blist`).
///
/// A bitmap alone is small but slow to search when it is large and nearly full; the tree above it
/// lets a search pass over everything that cannot hold the run that is wanted.
///
/// ```
///   level 2        ┌───────────────┐            65,536 blocks
///                  │ free │ longest│
///                  └──┬─────────┬──┘
///   level 1      ┌────┴──┐   ┌──┴────┐            2,048 blocks each, 32 children to a node
///                │  │    │   │  │    │
///                └┬┬┬┬┬┬─┘   └┬┬┬────┘
///   level 0       ▒▒▒▒▒▒      ▒▒▒                 64 blocks each: a map, bit 0 the lowest block,
///                                                 1 is free
/// ```
///
/// | node  | value                              | hint                                       |
/// |-------|------------------------------------|--------------------------------------------|
/// | leaf  | the map                            | no free run in it is longer                |
/// | inner | the number of free blocks below it | no free run in any leaf below it is longer |
///
/// **Contract.** Blocks are numbered from 0 and are all allocated at first: what may be used is
/// freed. A run is the lowest free one that lies within one leaf, so it never crosses a multiple of
/// [#MAX_RUN]. Not thread-safe: guarded by its owner. The nodes are charged to the [OwnMemory].
///
/// **Failure.** No fit is [#NONE]. Freeing a free block throws `IllegalStateException` with the
/// leaf decoded, before anything is changed.
public final class RadixBitmap {
  /// No such run.
  public static final int NONE = -1;

  /// The longest run that can be allocated, and the size of a leaf.
  public static final int MAX_RUN = 64;

  /// The most blocks that one bitmap has.
  public static final int MAX_BLOCKS = Integer.MAX_VALUE & -MAX_RUN;

  /*
   * How it works. The nodes lie in one array in the order of a walk from the top, so a child is
   * found by its number times the size of a subtree (SUBTREE) and nothing is stored to link them.
   * The array is cut off after the last leaf; a child that would start past the end does not exist.
   *
   * I1  An inner node with value 0 has no free block below it and one whose value is its full size
   *     no other: what is stored below either is stale. It is written anew before a descent
   *     (openEmpty, openFull), so that freeing or taking a large range costs nothing below.
   * I2  A hint may be too high, never too low. It is lowered where a search failed, and only if the
   *     search had not left out blocks below `from`.
   *
   * Differs from DragonFly: hints stop at MAX_RUN, which lets them be bytes; the end is known from
   * the count of blocks and not from a terminating node; fill takes any range; an empty range is
   * nothing to do; a double free is found before the tree is touched.
   */
  private static final int LEAF_SHIFT = 6;
  private static final int FAN_SHIFT = 5;
  private static final int FAN_OUT = 1 << FAN_SHIFT;

  /// How many nodes a whole subtree of each level has.
  private static final int[] SUBTREE = subtreeSizes();

  private static final int VALUE_BYTES = 8;
  private static final int HINT_BYTES = 1;
  private static final String CHARGED_TO = "swap bitmap";

  private final OwnMemory memory;
  private int blocks;
  private int topLevel;
  private long nodeBytes;
  private long values;
  private long hints;
  private int freeBlocks;

  /// A bitmap of that many blocks, none of them free.
  public RadixBitmap(int blocks, OwnMemory memory) {
    this.memory = memory;
    build(blocks);
  }

  /// The memory that a bitmap of that many blocks takes.
  public static long bytesFor(int blocks) {
    return nodesFor(blocks) * (VALUE_BYTES + HINT_BYTES);
  }

  /// How many blocks there are, free or not.
  public int blocks() {
    return blocks;
  }

  /// How many blocks are free.
  public int freeBlocks() {
    return freeBlocks;
  }

  /// Takes the lowest free run of `count` blocks within a leaf; returns its first, or [#NONE].
  public int allocate(int count) {
    return allocate(count, 0);
  }

  /// The same, but leaves out the leaves that end at or below `from`. In the leaf that holds `from`
  /// the run may lie below it.
  public int allocate(int count, int from) {
    if (count < 1 || count > MAX_RUN) {
      throw new IllegalArgumentException("count=" + count + " is not from 1 to " + MAX_RUN);
    }
    int block = allocate(0, topLevel, 0, count, from);
    if (block != NONE) {
      freeBlocks -= count;
    }
    return block;
  }

  /// Frees a range of any size, which must be allocated.
  public void free(int firstBlock, int count) {
    checkRange(firstBlock, count);
    if (count == 0) {
      return;
    }
    int already = firstFree(0, topLevel, 0, firstBlock, (long) firstBlock + count);
    if (already != NONE) {
      throw doubleFree(firstBlock, count, already);
    }
    free(0, topLevel, 0, firstBlock, (long) firstBlock + count);
    freeBlocks += count;
  }

  /// Takes every block of a range, free or not; returns how many of them were free.
  public int fill(int firstBlock, int count) {
    checkRange(firstBlock, count);
    if (count == 0) {
      return 0;
    }
    int taken = (int) fill(0, topLevel, 0, firstBlock, (long) firstBlock + count);
    freeBlocks -= taken;
    return taken;
  }

  /// Changes the number of blocks. What was free stays free as far as it still exists; new blocks
  /// are free if `freeNew` says so, else allocated.
  public void resize(int newBlocks, boolean freeNew) {
    RadixBitmap old = new RadixBitmap(this);
    build(newBlocks);
    int kept = Math.min(old.blocks, newBlocks);
    for (int block = old.nextFree(0); block != NONE && block < kept; ) {
      int leaf = block & -MAX_RUN;
      freeRunsOf(old.leafMap(leaf), leaf, kept);
      block = leaf + MAX_RUN < kept ? old.nextFree(leaf + MAX_RUN) : NONE;
    }
    if (freeNew && newBlocks > kept) {
      free(kept, newBlocks - kept);
    }
    old.release();
  }

  /// Gives the memory back; the bitmap must not be used any more.
  public void release() {
    memory.free(values, nodeBytes, CHARGED_TO);
  }

  /// Whether a block is free.
  public boolean isFree(int block) {
    checkRange(block, 1);
    return firstFree(0, topLevel, 0, block, block + 1L) != NONE;
  }

  /// The lowest free block from `from` on, or [#NONE].
  public int nextFree(int from) {
    checkRange(from, 1);
    return firstFree(0, topLevel, 0, from, blocks);
  }

  // ---- taking ----

  private int allocate(int node, int level, long start, int count, int from) {
    return level == 0
        ? allocateInLeaf(node, start, count)
        : allocateBelow(node, level, start, count, from);
  }

  private int allocateInLeaf(int leaf, long start, int count) {
    long map = value(leaf);
    long starts = startsOfRuns(map, count);
    if (starts == 0) {
      setHint(leaf, map == 0 ? 0 : count - 1);
      return NONE;
    }
    int offset = Long.numberOfTrailingZeros(starts);
    setValue(leaf, map & ~mask(offset, offset + count));
    return (int) start + offset;
  }

  private int allocateBelow(int node, int level, long start, int count, int from) {
    long free = value(node);
    if (free == 0) {
      setHint(node, 0);
      return NONE;
    }
    if (free == radix(level)) {
      openFull(node, level, start);
    }
    long childRadix = radix(level - 1);
    long end = Math.min(start + radix(level), blocks);
    int child = node + 1;
    for (long at = start; at < end; at += childRadix, child += SUBTREE[level - 1]) {
      if (count <= hint(child) && at + childRadix > from) {
        int block = allocate(child, level - 1, at, count, from);
        if (block != NONE) {
          setValue(node, free - count);
          setHint(node, (int) Math.min(hint(node), free - count));
          return block;
        }
      }
    }
    if (start >= from) {
      setHint(node, count - 1);
    }
    return NONE;
  }

  private long fill(int node, int level, long start, long first, long end) {
    long had = value(node);
    if (level == 0) {
      long range = mask((int) (first - start), (int) (end - start));
      setValue(node, had & ~range);
      return Long.bitCount(had & range);
    }
    if (had == 0) {
      return 0;
    }
    if (first == start && end == Math.min(start + radix(level), blocks)) {
      setValue(node, 0);
      setHint(node, 0);
      return had;
    }
    if (had == radix(level)) {
      openFull(node, level, start);
    }
    long taken = 0;
    long childRadix = radix(level - 1);
    for (long at = childStart(start, level, first); at < end; at += childRadix) {
      taken +=
          fill(
              childAt(node, level, start, at),
              level - 1,
              at,
              Math.max(first, at),
              Math.min(end, at + childRadix));
    }
    setValue(node, had - taken);
    return taken;
  }

  // ---- giving back ----

  private void free(int node, int level, long start, long first, long end) {
    setHint(node, MAX_RUN); // how long the run became is left to the next search
    if (level == 0) {
      setValue(node, value(node) | mask((int) (first - start), (int) (end - start)));
      return;
    }
    long had = value(node);
    long has = had + end - first;
    setValue(node, has);
    if (has == radix(level)) {
      return;
    }
    if (had == 0) {
      openEmpty(node, level, start);
    }
    long childRadix = radix(level - 1);
    for (long at = childStart(start, level, first); at < end; at += childRadix) {
      int child = childAt(node, level, start, at);
      free(child, level - 1, at, Math.max(first, at), Math.min(end, at + childRadix));
    }
  }

  private void freeRunsOf(long map, int leaf, int limit) {
    for (long rest = map; rest != 0; ) {
      int offset = Long.numberOfTrailingZeros(rest);
      int length = Long.numberOfTrailingZeros(~(rest >>> offset));
      int end = Math.min(offset + length, MAX_RUN);
      int kept = Math.min(leaf + end, limit) - leaf - offset;
      if (kept > 0) {
        free(leaf + offset, kept);
      }
      rest &= ~mask(offset, end);
    }
  }

  // ---- looking ----

  private int firstFree(int node, int level, long start, long first, long end) {
    long has = value(node);
    if (has == 0) {
      return NONE;
    }
    if (level == 0) {
      long free = has & mask((int) (first - start), (int) (end - start));
      return free == 0 ? NONE : (int) start + Long.numberOfTrailingZeros(free);
    }
    if (has == radix(level)) {
      return (int) first;
    }
    long childRadix = radix(level - 1);
    for (long at = childStart(start, level, first); at < end; at += childRadix) {
      int child = childAt(node, level, start, at);
      int block =
          firstFree(child, level - 1, at, Math.max(first, at), Math.min(end, at + childRadix));
      if (block != NONE) {
        return block;
      }
    }
    return NONE;
  }

  /// The map of the leaf that starts at `leaf`.
  private long leafMap(int leaf) {
    int node = 0;
    long start = 0;
    for (int level = topLevel; level > 0; level--) {
      long has = value(node);
      if (has == 0 || has == radix(level)) {
        return has == 0 ? 0 : -1L;
      }
      long at = childStart(start, level, leaf);
      node = childAt(node, level, start, at);
      start = at;
    }
    return value(node);
  }

  // ---- the shape of the tree ----

  private RadixBitmap(RadixBitmap other) {
    memory = other.memory;
    blocks = other.blocks;
    topLevel = other.topLevel;
    nodeBytes = other.nodeBytes;
    values = other.values;
    hints = other.hints;
    freeBlocks = other.freeBlocks;
  }

  private void build(int newBlocks) {
    long nodes = nodesFor(newBlocks);
    values = memory.allocate(bytesFor(newBlocks), CHARGED_TO);
    nodeBytes = bytesFor(newBlocks);
    hints = values + nodes * VALUE_BYTES;
    blocks = newBlocks;
    topLevel = topLevelFor(newBlocks);
    freeBlocks = 0;
  }

  private static int topLevelFor(int blocks) {
    if (blocks < 1 || blocks > MAX_BLOCKS) {
      throw new IllegalArgumentException("blocks=" + blocks + " is not from 1 to " + MAX_BLOCKS);
    }
    int level = 0;
    while (radix(level) < blocks) {
      level++;
    }
    return level;
  }

  /// One more than the place of the last leaf.
  private static long nodesFor(int blocks) {
    long lastBlock = blocks - 1L;
    long last = 0;
    for (int level = topLevelFor(blocks); level > 0; level--) {
      long child = (lastBlock & (radix(level) - 1)) / radix(level - 1);
      last += 1 + child * SUBTREE[level - 1];
    }
    return last + 1;
  }

  private static int[] subtreeSizes() {
    int[] sizes = new int[6];
    sizes[0] = 1;
    for (int level = 1; level < sizes.length; level++) {
      sizes[level] = 1 + FAN_OUT * sizes[level - 1];
    }
    return sizes;
  }

  /// How many blocks a whole node of a level stands for.
  private static long radix(int level) {
    return 1L << (LEAF_SHIFT + level * FAN_SHIFT);
  }

  /// The first block of the child, of a node of `level` that starts at `start`, that has `block`.
  private static long childStart(long start, int level, long block) {
    return block < start ? start : block & -radix(level - 1);
  }

  private static int childAt(int node, int level, long start, long at) {
    int child = (int) ((at - start) >>> (LEAF_SHIFT + (level - 1) * FAN_SHIFT));
    return node + 1 + child * SUBTREE[level - 1];
  }

  private void openEmpty(int node, int level, long start) {
    open(node, level, start, 0, 0);
  }

  private void openFull(int node, int level, long start) {
    open(node, level, start, level == 1 ? -1L : radix(level - 1), MAX_RUN);
  }

  /// Writes the children of a node anew.
  private void open(int node, int level, long start, long value, int hint) {
    long end = Math.min(start + radix(level), blocks);
    int child = node + 1;
    for (long at = start; at < end; at += radix(level - 1), child += SUBTREE[level - 1]) {
      setValue(child, value);
      setHint(child, hint);
    }
  }

  // ---- bits ----

  /// The bits of a map at which `count` set bits in a row start.
  private static long startsOfRuns(long map, int count) {
    long starts = map;
    int length = 1;
    while (length < count) {
      int step = Math.min(length, count - length);
      starts &= starts >>> step;
      length += step;
    }
    return starts;
  }

  /// The bits from `first` up to, without, `end`; `end` is larger and at most 64.
  private static long mask(int first, int end) {
    return (-1L << first) & (-1L >>> (MAX_RUN - end));
  }

  private long value(int node) {
    return RawMemory.getLong(values + (long) node * VALUE_BYTES);
  }

  private void setValue(int node, long value) {
    RawMemory.putLong(values + (long) node * VALUE_BYTES, value);
  }

  private int hint(int node) {
    return RawMemory.getByte(hints + node);
  }

  private void setHint(int node, int hint) {
    RawMemory.putByte(hints + node, (byte) hint);
  }

  // ---- misuse ----

  private void checkRange(int firstBlock, int count) {
    if (firstBlock < 0 || count < 0 || count > blocks - firstBlock) {
      throw new IllegalArgumentException(
          "%d blocks from %d are not within %d".formatted(count, firstBlock, blocks));
    }
  }

  private IllegalStateException doubleFree(int firstBlock, int count, int already) {
    int leaf = already & -MAX_RUN;
    return new IllegalStateException(
        ("freeing swap blocks %d..%d: block %d is free already (leaf %d..%d has map 0x%016x,"
                + " %d of %d blocks are free)")
            .formatted(
                firstBlock,
                firstBlock + count - 1,
                already,
                leaf,
                leaf + MAX_RUN - 1,
                leafMap(leaf),
                freeBlocks,
                blocks));
  }
}
