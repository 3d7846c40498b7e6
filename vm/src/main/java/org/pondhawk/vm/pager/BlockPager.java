package org.pondhawk.vm.pager;

import org.pondhawk.vm.sync.VmThread;

/// A pager that gives an anonymous object blocks of backing store as it needs them: swap.
///
/// The token of the object is held as for [Pager].
public interface BlockPager extends Pager {
  @Override
  default boolean hasPage(long pindex) {
    return block(pindex) >= 0;
  }

  /// The block of backing store behind an index, or -1.
  int block(long pindex);

  /// Gives up what backs a range of indexes (`swap_pager_freespace`). The token is held
  /// exclusively.
  void forget(VmThread self, long firstPindex, long pageCount);

  /// How many blocks of backing store the object has.
  long blocks();

  /// The first index from `from` on that has a block, or -1.
  long nextBlock(long from);

  /// Gives the block of an index to another pager of the same kind, which has none at its index.
  /// Both tokens are held exclusively.
  ///
  /// @return false if memory for the note is missing: nothing is changed then
  boolean handOver(VmThread self, long pindex, BlockPager to, long toPindex);

  /// Calls back for every block of backing store, as the invariant checker needs them.
  default void forEachBlock(BlockVisitor visitor) {
    for (long p = nextBlock(0); p >= 0; p = nextBlock(p + 1)) {
      visitor.block(p, block(p));
    }
  }

  /// Sees one block of backing store.
  @FunctionalInterface
  interface BlockVisitor {
    /// Called with the index in the object and the number of the block.
    void block(long pindex, int block);
  }
}
