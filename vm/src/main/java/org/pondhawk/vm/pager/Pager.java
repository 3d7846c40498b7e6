package org.pondhawk.vm.pager;

import java.io.IOException;
import org.pondhawk.vm.sync.VmThread;

/// Where the pages of one object come from and go to (the reference's `pagerops`, bound to an
/// object).
///
/// The caller of every operation holds the object's token; one that blocks gives it up meanwhile. A
/// pager never waits for memory: what it needs and cannot have is [PagerResult#AGAIN].
public interface Pager {
  /// Reads a page (`vm_pager_get_page`). May block.
  ///
  /// @param page a hard-busy page, inserted at `pindex`, whose content is overwritten
  /// @return [PagerResult#OK] with every byte read, or [PagerResult#FAIL] if there is no data
  /// @throws IOException if the data is there and cannot be read
  PagerResult pageIn(VmThread self, long pindex, int page) throws IOException;

  /// Writes pages (`vm_pager_put_pages`), noting in the run what became of each. May block.
  ///
  /// @param run soft-busy pages that nobody can store into meanwhile
  void pageOut(VmThread self, PageRun run);

  /// Whether there is data for an index (`vm_pager_has_page`).
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
  boolean handOver(VmThread self, long pindex, Pager to, long toPindex);

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
