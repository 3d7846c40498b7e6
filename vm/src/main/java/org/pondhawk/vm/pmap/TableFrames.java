package org.pondhawk.vm.pmap;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Charges page table memory to the budget: for each piece of a table that is touched, a frame is
/// taken out of use and its memory given back to the kernel, so that the sum stays true. Such a
/// frame is called a balloon.
public final class TableFrames {
  private final PageParts parts;
  private final PageAllocator allocator;

  /// Makes it over the parts of a machine.
  public TableFrames(PageParts parts, PageAllocator allocator) {
    this.parts = parts;
    this.allocator = allocator;
  }

  /// Takes a frame as a balloon. Does not wait.
  ///
  /// @return its page, or [PageArray#NONE] if memory is short
  int take(VmThread self, long spread) {
    int page = allocator.allocate(self, allocator.colorFor(self, spread, 0), AllocClass.SYSTEM);
    if (page != PageArray.NONE) {
      parts.mover().wire(self, page);
      parts.busy().unbusy(page);
      parts.pages().frames().giveBack(page);
      parts.stats().count(self.stripe(), Event.TABLE_FRAMES, 1);
    }
    return page;
  }

  /// Gives a balloon back.
  void give(VmThread self, int page) {
    if (!parts.busy().tryHardBusy(page)) {
      throw new org.pondhawk.vm.error.VmPanic("a balloon is busy: " + parts.pages().describe(page));
    }
    parts.mover().unwireToFree(self, page);
    allocator.free(self, page);
    parts.stats().count(self.stripe(), Event.TABLE_FRAMES, -1);
  }

  /// One piece of a page table that is charged, and how many of its entries are valid.
  static final class Piece {
    final int balloon;
    private final java.util.concurrent.atomic.AtomicInteger valid =
        new java.util.concurrent.atomic.AtomicInteger();

    Piece(int balloon) {
      this.balloon = balloon;
    }

    void raise() {
      valid.incrementAndGet();
    }

    void lower() {
      valid.decrementAndGet();
    }

    int valid() {
      return valid.get();
    }
  }

  /// The charged pieces of one page table, by their place in it: two levels of arrays on the heap.
  static final class Pieces {
    private static final int LG_LEAF = 9;

    private final @Nullable Piece[][] leaves;

    Pieces(long pieceCount) {
      leaves = new @Nullable Piece[(int) ((pieceCount >>> LG_LEAF) + 1)][];
    }

    @Nullable Piece get(long n) {
      @Nullable Piece[] leaf = leaves[(int) (n >>> LG_LEAF)];
      return leaf == null ? null : leaf[(int) n & ((1 << LG_LEAF) - 1)];
    }

    void set(long n, @Nullable Piece piece) {
      int high = (int) (n >>> LG_LEAF);
      @Nullable Piece[] leaf = leaves[high];
      if (leaf == null) {
        leaf = new @Nullable Piece[1 << LG_LEAF];
        leaves[high] = leaf;
      }
      leaf[(int) n & ((1 << LG_LEAF) - 1)] = piece;
    }

    List<Long> charged() {
      List<Long> places = new ArrayList<>();
      for (int high = 0; high < leaves.length; high++) {
        @Nullable Piece[] leaf = leaves[high];
        for (int low = 0; leaf != null && low < leaf.length; low++) {
          if (leaf[low] != null) {
            places.add(((long) high << LG_LEAF) | low);
          }
        }
      }
      return places;
    }
  }
}
