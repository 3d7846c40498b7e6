package org.pondhawk.vm.pmap;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// Which pieces of one page table are charged to the budget, by their place in it: two levels of
/// arrays, because a table is mostly holes.
///
/// **Contract.** Read by anyone; changed under the table's lock.
final class TablePieces {
  private static final int LG_LEAF = 9;

  /// Who sees a piece must see what was done before it was set: the charge of a piece makes it
  /// reachable first.
  private static final VarHandle ELEMENT = MethodHandles.arrayElementVarHandle(Piece[].class);

  private final long count;
  private final @Nullable Piece[][] leaves;

  /// A charged piece, and how many of its entries are valid.
  static final class Piece {
    final int balloon;
    private final AtomicInteger valid = new AtomicInteger();

    /// A piece without a valid entry.
    ///
    /// @param balloon the wired page that it is charged with
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

  TablePieces(long pieceCount) {
    count = pieceCount;
    leaves = new @Nullable Piece[(int) ((pieceCount >>> LG_LEAF) + 1)][];
  }

  /// How many places there are.
  long count() {
    return count;
  }

  @Nullable Piece get(long n) {
    @Nullable Piece[] leaf = leaves[(int) (n >>> LG_LEAF)];
    return leaf == null ? null : (Piece) ELEMENT.getAcquire(leaf, low(n));
  }

  /// The first charged place from `n` to before `end`, or -1.
  long next(long n, long end) {
    for (long at = n; at < end; at++) {
      if (leaves[(int) (at >>> LG_LEAF)] == null) {
        at |= (1 << LG_LEAF) - 1;
      } else if (get(at) != null) {
        return at;
      }
    }
    return -1;
  }

  void set(long n, @Nullable Piece piece) {
    int high = (int) (n >>> LG_LEAF);
    @Nullable Piece[] leaf = leaves[high];
    if (leaf == null) {
      leaf = new @Nullable Piece[1 << LG_LEAF];
      leaves[high] = leaf;
    }
    ELEMENT.setRelease(leaf, low(n), piece);
  }

  private static int low(long n) {
    return (int) n & ((1 << LG_LEAF) - 1);
  }

  /// The places that are charged, in order.
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
