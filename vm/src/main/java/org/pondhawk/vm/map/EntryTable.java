package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The entries of a map in the order of their addresses, and the gaps between them
/// (`vm_map_rb_tree`).
///
/// ```
///   firsts    0x1000         0x9000        0x40000         where each piece begins: searched first
///               │              │              │
///   pieces    [ e e e e ]    [ e e ]        [ e e e e e ]   a bounded number of entries each
/// ```
///
/// **Contract.** Neither waits nor locks: its map does. Finding an entry takes time in the
/// logarithm of their number; adding or taking one moves at most one piece and the list of pieces.
final class EntryTable {
  /*
   * I1  no piece is empty, but the only one
   * I2  firsts[p] = the start of the first entry of piece p
   * I3  gap(p) >= the largest gap between two neighbours in piece p: a bound that is too high after
   *     an insert, and made exact by the search that it misleads
   *
   * A gap ends where the entry behind it begins, or what that keeps to grow into: it is below 0
   * where somebody was mapped in there.
   *
   * Follows: vm_map_lookup_entry, vm_map_findspace. Differs from DragonFly: a red-black tree there.
   */
  private static final int MOST = 128;

  private static final class Piece {
    final long[] starts = new long[MOST];
    final @Nullable MapEntry[] entries = new @Nullable MapEntry[MOST];
    int count;
    long gap;

    MapEntry get(int at) {
      MapEntry entry = entries[at];
      if (entry == null) {
        throw new IllegalStateException("no entry at " + at + " of " + count);
      }
      return entry;
    }

    MapEntry last() {
      return get(count - 1);
    }

    /// The place of the last entry that starts at or before an address, or -1.
    int floor(long address) {
      int low = 0;
      int high = count - 1;
      while (low <= high) {
        int middle = (low + high) >>> 1;
        if (starts[middle] <= address) {
          low = middle + 1;
        } else {
          high = middle - 1;
        }
      }
      return high;
    }

    void insert(int at, MapEntry entry) {
      System.arraycopy(starts, at, starts, at + 1, count - at);
      System.arraycopy(entries, at, entries, at + 1, count - at);
      starts[at] = entry.start();
      entries[at] = entry;
      count++;
      noteGaps(at);
    }

    void remove(int at) {
      System.arraycopy(starts, at + 1, starts, at, count - at - 1);
      System.arraycopy(entries, at + 1, entries, at, count - at - 1);
      entries[--count] = null;
      noteGaps(at);
    }

    /// Raises the bound for the gaps on both sides of a place.
    private void noteGaps(int at) {
      for (int i = Math.max(1, at); i <= at + 1 && i < count; i++) {
        gap = Math.max(gap, gapBefore(i));
      }
    }

    private long gapBefore(int i) {
      return get(i).foot() - get(i - 1).end();
    }

    void countGaps() {
      gap = 0;
      for (int i = 1; i < count; i++) {
        gap = Math.max(gap, gapBefore(i));
      }
    }

    /// Moves the entries from a place on into an empty piece.
    Piece split(int at) {
      Piece tail = new Piece();
      tail.append(this, at);
      Arrays.fill(entries, at, count, null);
      count = at;
      countGaps();
      return tail;
    }

    void append(Piece from, int at) {
      int more = from.count - at;
      System.arraycopy(from.starts, at, starts, count, more);
      System.arraycopy(from.entries, at, entries, count, more);
      count += more;
      countGaps();
    }
  }

  private Piece[] pieces = {new Piece()};
  private long[] firsts = new long[1];
  private int pieceCount = 1;
  private int count;

  /// How many entries there are.
  int count() {
    return count;
  }

  private int pieceOf(long address) {
    int low = 1;
    int high = pieceCount - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (firsts[middle] <= address) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high; // 0 if the address is before all of them
  }

  /// The last entry that starts at or before an address, or null.
  @Nullable MapEntry floor(long address) {
    Piece piece = pieces[pieceOf(address)];
    int at = piece.floor(address);
    return at < 0 ? null : piece.get(at);
  }

  /// The first entry that starts after an address, or null.
  @Nullable MapEntry higher(long address) {
    int p = pieceOf(address);
    int at = pieces[p].floor(address) + 1;
    if (at < pieces[p].count) {
      return pieces[p].get(at);
    }
    return p + 1 < pieceCount ? pieces[p + 1].get(0) : null;
  }

  /// Adds an entry; none starts where it does.
  void insert(MapEntry entry) {
    int p = pieceOf(entry.start());
    Piece piece = pieces[p];
    if (piece.count == MOST) {
      insertPiece(p + 1, piece.split(MOST / 2));
      p = pieceOf(entry.start());
      piece = pieces[p];
    }
    piece.insert(piece.floor(entry.start()) + 1, entry);
    firsts[p] = piece.starts[0];
    count++;
  }

  private void insertPiece(int at, Piece piece) {
    if (pieceCount == pieces.length) {
      pieces = Arrays.copyOf(pieces, 2 * pieceCount);
      firsts = Arrays.copyOf(firsts, 2 * pieceCount);
    }
    System.arraycopy(pieces, at, pieces, at + 1, pieceCount - at);
    System.arraycopy(firsts, at, firsts, at + 1, pieceCount - at);
    pieces[at] = piece;
    firsts[at] = piece.starts[0];
    pieceCount++;
  }

  /// Takes an entry away.
  void remove(MapEntry entry) {
    int p = pieceOf(entry.start());
    Piece piece = pieces[p];
    piece.remove(place(piece, entry));
    count--;
    if (piece.count > 0) {
      firsts[p] = piece.starts[0];
      mergeIfFew(p);
    } else if (pieceCount > 1) {
      removePiece(p);
    }
  }

  private void removePiece(int at) {
    System.arraycopy(pieces, at + 1, pieces, at, pieceCount - at - 1);
    System.arraycopy(firsts, at + 1, firsts, at, pieceCount - at - 1);
    pieceCount--;
    pieces[pieceCount] = pieces[0]; // keeps nothing alive
  }

  private void mergeIfFew(int p) {
    int next = p + 1;
    if (next < pieceCount && pieces[p].count + pieces[next].count <= MOST / 4) {
      pieces[p].append(pieces[next], 0);
      removePiece(next);
    }
  }

  /// Puts another entry in the place of one that starts where it does.
  void replace(MapEntry entry, MapEntry other) {
    Piece piece = pieces[pieceOf(entry.start())];
    int at = place(piece, entry);
    if (other.start() != entry.start()) {
      throw new IllegalStateException("cannot take the place of " + entry + ": " + other);
    }
    piece.entries[at] = other;
    piece.noteGaps(at);
  }

  @SuppressWarnings("ReferenceEquality") // this very entry, not one that looks the same
  private static int place(Piece piece, MapEntry entry) {
    int at = piece.floor(entry.start());
    if (at < 0 || piece.entries[at] != entry) {
      throw new IllegalStateException("not in the map: " + entry);
    }
    return at;
  }

  /// The entries that share an address with a range, in order.
  List<MapEntry> overlapping(long start, long end) {
    int p = pieceOf(start);
    int at = Math.max(0, pieces[p].floor(start));
    List<MapEntry> found = new ArrayList<>(2);
    for (; p < pieceCount; p++, at = 0) {
      Piece piece = pieces[p];
      for (; at < piece.count; at++) {
        MapEntry entry = piece.get(at);
        if (entry.start() >= end) {
          return found;
        }
        if (entry.end() > start) {
          found.add(entry);
        }
      }
    }
    return found;
  }

  /// The first address from one on behind which a length is free and kept for nobody, which may lie
  /// beyond every range.
  ///
  /// @param length in bytes
  /// @param alignment a power of two
  /// @return the address, or a negative number if there are no such addresses at all
  long firstFit(long from, long length, long alignment) {
    long start = alignUp(from, alignment);
    int p = pieceOf(start);
    int at = Math.max(0, pieces[p].floor(start));
    for (; p < pieceCount && start >= 0; p++, at = 0) {
      Piece piece = pieces[p];
      if (at == 0 && piece.count > 0 && piece.gap < length && fitsNotBefore(piece, start, length)) {
        start = Math.max(start, alignUp(piece.last().end(), alignment));
        continue;
      }
      for (int i = at; i < piece.count && start >= 0; i++) {
        MapEntry entry = piece.get(i);
        if (entry.end() <= start) {
          continue;
        }
        if (entry.foot() >= start && entry.foot() - start >= length) {
          return start;
        }
        start = alignUp(entry.end(), alignment);
      }
      if (at == 0) {
        piece.countGaps();
      }
    }
    return start;
  }

  /// Whether what is free before the first entry of a piece is too short.
  private static boolean fitsNotBefore(Piece piece, long start, long length) {
    long foot = piece.get(0).foot();
    return foot < start || foot - start < length;
  }

  private static long alignUp(long address, long alignment) {
    return (address + alignment - 1) & -alignment;
  }

  /// Whether the invariants hold, for tests.
  boolean isSound() {
    int seen = 0;
    for (int p = 0; p < pieceCount; p++) {
      Piece piece = pieces[p];
      long bound = piece.gap;
      piece.countGaps();
      if (bound < piece.gap
          || (piece.count == 0 && pieceCount > 1)
          || (piece.count > 0 && firsts[p] != piece.starts[0])) {
        return false;
      }
      for (int i = 0; i < piece.count; i++) {
        MapEntry before = i > 0 ? piece.get(i - 1) : p > 0 ? pieces[p - 1].last() : null;
        MapEntry entry = piece.get(i);
        if (piece.starts[i] != entry.start() || (before != null && before.end() > entry.start())) {
          return false;
        }
      }
      seen += piece.count;
    }
    return seen == count;
  }
}
