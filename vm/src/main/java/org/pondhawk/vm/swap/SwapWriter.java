package org.pondhawk.vm.swap;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.Token;
import org.pondhawk.vm.sync.VmThread;

/// Writes pages to swap as a log is written: runs of any objects side by side, in one request
/// (`swap_pager_putpages`, without its bound to one object).
///
/// What is evicted together is rarely adjacent in its object; on the device it can be. A run stays
/// together there, so that it can be read back in one request as well.
///
/// **Contract.** One daemon's own. [#add] runs of soft-busy pages that nobody can store into, then
/// [#write], which takes the objects' tokens one after the other and holds none during the
/// transfer. The busy pages keep the objects alive. Nothing here waits for memory.
///
/// **Failure.** Each run says what became of its pages; see [SwapPager].
public final class SwapWriter {
  /*
   * 1. take adjacent blocks, as many as there are pages, or half, and so on
   * 2. for each run: lock the object, note the block of each page, unlock
   * 3. one vectored write
   * 4. note what became of each page; after an error take the blocks back
   *
   * A page whose block cannot be noted is left out, and the next one gets the block.
   */

  /// The most bytes in one request.
  private static final int MAX_BYTES = 1 << 20;

  private final SwapStore store;
  private final int capacity;
  private final List<Part> parts = new ArrayList<>();
  private final Part[] partOf;
  private final int[] placeOf;
  private final long[] frames;
  private int pageCount;

  /// Of the request under way: how many pages have a block.
  private int noted;

  /// A run of an object.
  ///
  /// @param token the object's, or null if the caller holds it
  private record Part(@Nullable Token token, SwapPager pager, PageRun run) {
    void lock(VmThread self) {
      if (token != null) {
        token.lock(self, true);
      }
    }

    void unlock(VmThread self) {
      if (token != null) {
        token.unlock(self);
      }
    }
  }

  SwapWriter(SwapStore store) {
    this.store = store;
    int pageSize = store.pages().frames().pageSize();
    this.capacity = Math.clamp(MAX_BYTES / pageSize, 1, RadixBitmap.MAX_RUN);
    this.partOf = new Part[capacity];
    this.placeOf = new int[capacity];
    this.frames = new long[capacity];
  }

  /// Whether so many more pages fit into the same request.
  public boolean hasRoomFor(int pages) {
    return pageCount + pages <= capacity;
  }

  /// Adds a run of pages of an anonymous object, which gets a pager if it has none.
  public void add(VmThread self, VmObject object, PageRun run) {
    object.token().lock(self, true);
    BlockPager pager = object.swap();
    if (pager == null) {
      pager = store.newPager();
      object.setSwap(self, pager);
    }
    object.token().unlock(self);
    add(new Part(object.token(), (SwapPager) pager, run));
  }

  /// Adds a run of pages of an object whose token the caller holds.
  void add(SwapPager pager, PageRun run) {
    add(new Part(null, pager, run));
  }

  private void add(Part part) {
    parts.add(part);
    pageCount += part.run.count();
  }

  /// Writes what was added, and is empty again. May block.
  public void write(VmThread self) {
    int left = pageCount;
    int next = 0; // the first part that is not dealt with, and from which place on
    int place = 0;
    while (left > 0) {
      long got = store.allocate(Math.min(capacity, left));
      if (got < 0) {
        refuse(next, place);
        break;
      }
      int block = (int) got;
      int count = (int) (got >>> Integer.SIZE);
      noted = 0;
      while (noted < count && left > 0) {
        Part part = parts.get(next);
        int end = note(self, part, place, block, count);
        left -= end - place;
        place = end == part.run.count() ? 0 : end;
        next += place == 0 ? 1 : 0;
      }
      if (noted < count) {
        store.free(block + noted, count - noted);
      }
      if (noted > 0) {
        transfer(self, block);
      }
    }
    parts.clear();
    pageCount = 0;
  }

  /// Gives all that is left an answer when there is no block.
  private void refuse(int firstPart, int firstPlace) {
    int place = firstPlace;
    for (Part part : parts.subList(firstPart, parts.size())) {
      for (; place < part.run.count(); place++) {
        part.run.setResult(place, PagerResult.FAIL);
      }
      place = 0;
    }
  }

  /// Notes the blocks of a run's pages, until the blocks are used up.
  ///
  /// @return the place behind the last page that was dealt with
  private int note(VmThread self, Part part, int from, int block, int count) {
    PageRun run = part.run;
    int place = from;
    part.lock(self);
    for (; place < run.count() && noted < count; place++) {
      if (!part.pager.assign(self, run.firstPindex() + place, block + noted)) {
        run.setResult(place, PagerResult.AGAIN);
        continue;
      }
      store.busy().beginSwap(run.page(place));
      frames[noted] = store.pages().address(run.page(place));
      partOf[noted] = part;
      placeOf[noted] = place;
      noted++;
    }
    part.unlock(self);
    return place;
  }

  private void transfer(VmThread self, int block) {
    boolean written;
    try {
      store.write(self, block, frames, noted);
      written = true;
    } catch (IOException _) {
      written = false; // the results say it, the pages stay dirty, and the daemon tries again
    }
    for (int i = 0; i < noted; i++) {
      settle(self, partOf[i], placeOf[i], written);
    }
    store.stats().count(self.stripe(), Event.SWAP_OUT, 1);
    store.stats().count(self.stripe(), Event.SWAP_PAGES_OUT, written ? noted : 0);
  }

  private void settle(VmThread self, Part part, int place, boolean written) {
    int page = part.run.page(place);
    if (written) {
      store.pages().clearDirty(page);
      store.pages().setFlags(page, PageFlags.SWAPPED);
    } else {
      store.pages().clearFlags(page, PageFlags.SWAPPED);
      part.lock(self);
      part.pager.release(part.run.firstPindex() + place);
      part.unlock(self);
    }
    store.busy().endSwap(page);
    part.run.setResult(place, written ? PagerResult.OK : PagerResult.ERROR);
  }
}
