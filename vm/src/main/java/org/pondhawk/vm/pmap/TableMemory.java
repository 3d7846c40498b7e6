package org.pondhawk.vm.pmap;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;
import org.pondhawk.vm.sync.VmThread;

/// The memory of one page table: a reservation that exists only where it is touched, cut into
/// pieces of 4 KiB that are charged to the budget before they are.
///
/// ```
///   table                                     regions
///   │ piece 0 │ piece 1 │ piece 2 │ …         │ word of piece 0, of piece 1, … │
///   └ 512 entries each ───────────┘           └ 512 words to a piece ──────────┘
/// ```
///
/// **Contract.** A piece counts what makes it needed: valid entries, or for region words the pieces
/// that they are of. It is dropped only while nobody installs entries. The memory outlives [#close]
/// for as long as somebody has it pinned.
final class TableMemory {
  static final int PIECE_SHIFT = 12;
  static final int LG_WORDS_PER_PIECE = PIECE_SHIFT - 3;

  private static final int CLOSED = 1 << 31;
  private static final int SEED_STEP = 619;

  private final OwnMemory memory;
  private final TableFrames frames;
  private final long id;
  private final long table;
  private final long entryPieces;
  private final long regionPieces;
  private final TablePieces pieces;
  private final ReentrantLock lock = new ReentrantLock();

  /// Holders of the memory, and the bit that says that the last one gives it back.
  private final AtomicInteger holders = new AtomicInteger();

  private volatile int seed;

  /// Reserves the memory of an empty table.
  ///
  /// @param id a number of the address space, to spread what belongs to different ones
  TableMemory(OwnMemory memory, TableFrames frames, long id, long entryCount) {
    this.memory = memory;
    this.frames = frames;
    this.id = id;
    this.entryPieces = Math.max(1, entryCount >>> LG_WORDS_PER_PIECE);
    this.regionPieces = (entryPieces >>> LG_WORDS_PER_PIECE) + 1;
    this.table = memory.reserveSparse(bytes());
    this.pieces = new TablePieces(entryPieces + regionPieces);
  }

  private long bytes() {
    return (entryPieces + regionPieces) << PIECE_SHIFT;
  }

  /// The address of the first entry.
  long table() {
    return table;
  }

  /// The address of the first region word.
  long regions() {
    return table + (entryPieces << PIECE_SHIFT);
  }

  /// The address of the word of the region that a piece of entries covers.
  long region(long piece) {
    return regions() + piece * Long.BYTES;
  }

  /// The piece that an entry lies in.
  long pieceOf(long slot) {
    return (slot - table) >>> PIECE_SHIFT;
  }

  /// Where the generations of new entries begin; another number after each piece that was dropped.
  int seed() {
    return seed;
  }

  void lock() {
    assert LockOrder.mayWaitFor(LockRank.TABLE);
    lock.lock();
    assert LockOrder.took(LockRank.TABLE);
  }

  void unlock() {
    assert LockOrder.gave(LockRank.TABLE);
    lock.unlock();
  }

  boolean isCharged(long piece) {
    return pieces.get(piece) != null;
  }

  /// A piece that must be charged, as it is in use.
  TablePieces.Piece charged(long n) {
    TablePieces.Piece piece = pieces.get(n);
    if (piece == null) {
      throw new VmPanic("table memory is used that is not charged: piece " + n);
    }
    return piece;
  }

  /// The charged pieces that hold entries, in order.
  List<Long> chargedEntries() {
    lock();
    try {
      return pieces.charged().stream().filter(this::holdsEntries).toList();
    } finally {
      unlock();
    }
  }

  private boolean holdsEntries(long n) {
    return n < entryPieces;
  }

  private long regionPieceOf(long n) {
    return entryPieces + (n >>> LG_WORDS_PER_PIECE);
  }

  /// Charges a piece of entries and the words of its region. Does not wait for memory.
  ///
  /// @return false if there is no frame to charge it with
  boolean charge(VmThread self, long piece) {
    return isCharged(piece) || (chargeOne(self, regionPieceOf(piece)) && chargeOne(self, piece));
  }

  private boolean chargeOne(VmThread self, long n) {
    if (isCharged(n)) {
      return true;
    }
    int balloon = frames.take(self, id + n);
    if (balloon == PageArray.NONE) {
      return false;
    }
    boolean first;
    lock();
    try {
      first = !isCharged(n);
      if (first) {
        pieces.set(n, new TablePieces.Piece(balloon));
        if (holdsEntries(n)) {
          charged(regionPieceOf(n)).raise();
        }
      }
    } finally {
      unlock();
    }
    if (!first) {
      frames.give(self, balloon);
    }
    return true;
  }

  /// Drops the pieces of entries from `first` to before `end` that have no valid one, and the
  /// pieces of region words of which none is needed any more.
  void uncharge(VmThread self, long first, long end) {
    List<Integer> balloons = new ArrayList<>();
    lock();
    try {
      for (long n : pieces.charged()) { // entries come before region words
        boolean asked = !holdsEntries(n) || (first <= n && n < end);
        if (asked && charged(n).valid() == 0) {
          balloons.add(drop(n));
        }
      }
    } finally {
      unlock();
    }
    for (int balloon : balloons) {
      frames.give(self, balloon);
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock only
  private int drop(long n) {
    int balloon = charged(n).balloon;
    if (holdsEntries(n)) {
      RawMemory.setLongVolatile(region(n), 0);
      charged(regionPieceOf(n)).lower();
    }
    pieces.set(n, null);
    seed += SEED_STEP;
    memory.giveBack(table + (n << PIECE_SHIFT), 1L << PIECE_SHIFT);
    return balloon;
  }

  /// The wired pages that charge the memory.
  List<Integer> balloons() {
    lock();
    try {
      return pieces.charged().stream().map(n -> charged(n).balloon).toList();
    } finally {
      unlock();
    }
  }

  /// Keeps the memory from being given back until [#unpin]; false if it is given back already.
  boolean pin() {
    for (; ; ) {
      int was = holders.get();
      if ((was & CLOSED) != 0) {
        return false;
      }
      if (holders.compareAndSet(was, was + 1)) {
        return true;
      }
    }
  }

  void unpin() {
    if (holders.decrementAndGet() == CLOSED) {
      memory.releaseSparse(table, bytes());
    }
  }

  /// Gives the memory back once nobody has it pinned. Every piece is uncharged.
  void close() {
    if (holders.getAndUpdate(n -> n | CLOSED) == 0) {
      memory.releaseSparse(table, bytes());
    }
  }
}
