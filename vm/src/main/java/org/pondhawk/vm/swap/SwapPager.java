package org.pondhawk.vm.swap;

import java.io.IOException;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.VmThread;

/// The swap pager of one anonymous object: which block of swap holds which page.
///
/// Every write goes to new blocks, side by side where they can be had, and frees the old ones: so
/// what is written together lies together. The block numbers are in a radix tree whose leaf is the
/// reference's `swblock`.
///
/// **Failure.** A page that could not be written keeps no block: the only good copy is in memory,
/// and its result says whether to try again. A page that could not be read keeps its block.
final class SwapPager implements Pager {
  private static final int CLUSTER = 16;

  private final SwapStore store;
  private final IntRadix blocks;
  private final long[] frames = new long[CLUSTER];

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
    store.busy().beginSwap(page);
    try {
      store.read(self, block, store.pages().address(page));
    } finally {
      store.busy().endSwap(page);
    }
    store.pages().setValid(page);
    store.pages().clearDirty(page);
    store.pages().setFlags(page, PageFlags.SWAPPED);
    store.stats().count(self.stripe(), Event.SWAP_IN, 1);
    store.stats().count(self.stripe(), Event.SWAP_PAGES_IN, 1);
    return PagerResult.OK;
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    int done = 0;
    while (done < run.count()) {
      long got = store.allocate(Math.min(CLUSTER, run.count() - done));
      if (got < 0) {
        for (; done < run.count(); done++) {
          run.setResult(done, PagerResult.FAIL);
        }
        return;
      }
      done += writeChunk(self, run, done, (int) got, (int) (got >>> Integer.SIZE));
    }
  }

  /// Writes some pages of a run to fresh blocks.
  ///
  /// @return how many pages now have a result
  private int writeChunk(VmThread self, PageRun run, int from, int block, int count) {
    int known = 0;
    while (known < count && assign(self, run.firstPindex() + from + known, block + known)) {
      frames[known] = store.pages().address(run.page(from + known));
      store.busy().beginSwap(run.page(from + known));
      known++;
    }
    if (known < count) {
      store.free(block + known, count - known);
      run.setResult(from + known, PagerResult.AGAIN);
    }
    if (known > 0) {
      write(self, run, from, block, known);
    }
    return known < count ? known + 1 : known;
  }

  private boolean assign(VmThread self, long pindex, int block) {
    int old = blocks.get(pindex);
    if (!blocks.put(self, pindex, block)) {
      return false;
    }
    if (old != IntRadix.NONE) {
      store.free(old, 1);
    }
    return true;
  }

  private void write(VmThread self, PageRun run, int from, int block, int count) {
    boolean written;
    try {
      store.write(self, block, frames, count);
      written = true;
    } catch (IOException _) {
      written = false; // the result says it, the page stays dirty, and the daemon tries again
    }
    for (int i = from; i < from + count; i++) {
      int page = run.page(i);
      if (written) {
        store.pages().clearDirty(page);
        store.pages().setFlags(page, PageFlags.SWAPPED);
      } else {
        store.pages().clearFlags(page, PageFlags.SWAPPED);
        release(run.firstPindex() + i);
      }
      store.busy().endSwap(page);
      run.setResult(i, written ? PagerResult.OK : PagerResult.ERROR);
    }
    store.stats().count(self.stripe(), Event.SWAP_OUT, 1);
    store.stats().count(self.stripe(), Event.SWAP_PAGES_OUT, written ? count : 0);
  }

  private void release(long pindex) {
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
  public boolean handOver(VmThread self, long pindex, Pager to, long toPindex) {
    SwapPager other = (SwapPager) to;
    if (!other.blocks.put(self, toPindex, blocks.get(pindex))) {
      return false;
    }
    blocks.remove(pindex);
    return true;
  }
}
