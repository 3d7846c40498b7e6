package org.pondhawk.vm.swap;

import java.io.IOException;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.sync.VmThread;

/// The swap pager of one anonymous object: which block of swap holds which page.
///
/// Every write goes to new blocks, side by side where they can be had, and frees the old ones: so
/// what is written together lies together. The block numbers are in a radix tree whose leaf is the
/// reference's `swblock`.
///
/// **Failure.** A page that could not be written keeps no block: the only good copy is in memory,
/// and its result says whether to try again. A page that could not be read keeps its block.
final class SwapPager implements BlockPager {
  private final SwapStore store;
  private final IntRadix blocks;

  SwapPager(SwapStore store) {
    this.store = store;
    this.blocks = new IntRadix(store.nodes());
  }

  @Override
  public PagerResult pageIn(VmThread self, long pindex, int page) throws IOException {
    int block = blocks.get(pindex);
    if (block == IntRadix.NONE) {
      return PagerResult.FAIL;
    }
    store.reader().read(self, store, this, pindex, page, block);
    return PagerResult.OK;
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    SwapWriter writer = store.newWriter();
    writer.add(this, run);
    writer.write(self);
  }

  /// Notes that a page is now behind another block, and frees the one before. The token is held
  /// exclusively.
  ///
  /// @return false if memory for the note is missing: nothing is changed then
  boolean assign(VmThread self, long pindex, int block) {
    int old = blocks.get(pindex);
    if (!blocks.put(self, pindex, block)) {
      return false;
    }
    if (old != IntRadix.NONE) {
      store.free(old, 1);
    }
    return true;
  }

  /// Frees the block behind an index, if there is one. The token is held exclusively.
  void release(long pindex) {
    int block = blocks.remove(pindex);
    if (block != IntRadix.NONE) {
      store.free(block, 1);
    }
  }

  @Override
  public int block(long pindex) {
    return blocks.get(pindex);
  }

  @Override
  public void forget(VmThread self, long firstPindex, long pageCount) {
    long end = firstPindex + pageCount;
    for (long p = blocks.next(firstPindex); p >= 0 && p < end; p = blocks.next(p + 1)) {
      release(p);
    }
  }

  @Override
  public long blocks() {
    return blocks.size();
  }

  @Override
  public long nextBlock(long from) {
    return blocks.next(from);
  }

  @Override
  public boolean handOver(VmThread self, long pindex, BlockPager to, long toPindex) {
    SwapPager other = (SwapPager) to;
    if (!other.blocks.put(self, toPindex, blocks.get(pindex))) {
      return false;
    }
    blocks.remove(pindex);
    return true;
  }
}
