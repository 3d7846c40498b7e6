package org.pondhawk.vm.pmap;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;
import org.pondhawk.vm.sync.SpinLock;
import org.pondhawk.vm.sync.VmThread;

/// The memory of one page table: addresses that take memory only where they are touched, cut into
/// pieces of 4 KiB that are charged to the budget before they are.
///
/// ```
///   pieces of entries            arrays of words, one word for each piece of entries
///   │ 0 │ 1 │ 2 │ … 512 entries  │ region words │ and in two levels: directory words │
///   └───┴───┴───┘ in each        └ 512 words to a piece ─────────────────────────────┘
/// ```
///
/// Pieces are numbered: first those of entries, in the order of the addresses that they translate,
/// then those of the words. Where they lie is the business of the two forms.
///
/// **Contract.** The place of a piece is its own while the table lives: whoever still knows an
/// entry's place from an earlier time finds there an entry of the same address, or zeros. A piece
/// counts what makes it needed: valid entries, or for words the pieces that they are of. It is
/// dropped only while nobody installs entries. The memory outlives [#close] for as long as somebody
/// has it pinned.
abstract sealed class TableMemory permits LinearTable, TwoLevelTable {
  static final int PIECE_SHIFT = 12;
  static final int LG_WORDS_PER_PIECE = PIECE_SHIFT - 3;
  static final long PIECE_BYTES = 1L << PIECE_SHIFT;

  /// The largest table that is linear unless asked for: 32 GiB of addresses, for 16 TiB in pages of
  /// 4 KiB. A process has 128 TiB of addresses, and a machine may have many spaces.
  static final long LARGEST_LINEAR = 32L << 30;

  private static final int CLOSED = 1 << 31;
  private static final int SEED_STEP = 20_251;

  private final TableFrames frames;
  private final long id;
  private final long entryPieces;
  private final long wordPieces;
  private final TablePieces pieces;
  private final ReentrantLock lock = new ReentrantLock();
  final OwnMemory memory;

  /// Holders of the memory, and the bit that says that the last one gives it back.
  private final AtomicInteger holders = new AtomicInteger();

  private volatile int seed;

  /// The piece of entries that was emptied last, and the one that is charged though it was empty,
  /// if nobody has used it since; -1 for none. Under the lock.
  private long lastEmptied = -1;

  private long kept = -1;

  /// An empty table; the addresses for it are the form's to reserve.
  ///
  /// @param entryPieces how many pieces the entries take
  /// @param wordArrays how many words there are for each of them
  TableMemory(OwnMemory memory, TableFrames frames, long id, long entryPieces, int wordArrays) {
    this.memory = memory;
    this.frames = frames;
    this.id = id;
    this.entryPieces = entryPieces;
    this.wordPieces = wordPiecesFor(entryPieces);
    this.pieces = new TablePieces(entryPieces + wordArrays * wordPieces);
  }

  static long wordPiecesFor(long entryPieces) {
    return (entryPieces >>> LG_WORDS_PER_PIECE) + 1;
  }

  /// Reserves the addresses of an empty table.
  ///
  /// @param id a number of the address space, to spread what belongs to different ones
  /// @throws IllegalStateException if the kernel does not grant them
  static TableMemory reserve(
      OwnMemory memory, TableFrames frames, long id, long entryCount, TableForm form) {
    long entryPieces = Math.max(1, entryCount >>> LG_WORDS_PER_PIECE);
    boolean large = entryPieces << PIECE_SHIFT > LARGEST_LINEAR;
    if (form == TableForm.TWO_LEVEL || (form == TableForm.AUTO && large)) {
      return new TwoLevelTable(memory, frames, id, entryPieces);
    }
    try {
      return new LinearTable(memory, frames, id, entryPieces);
    } catch (IllegalStateException refused) { // a limit of the process, or strict overcommit
      if (form == TableForm.LINEAR) {
        throw refused;
      }
      return new TwoLevelTable(memory, frames, id, entryPieces);
    }
  }

  // ---- the form

  /// Where an entry is. In two levels it is in the shared piece while its own is not charged.
  ///
  /// @param entry the number of the page that it translates
  abstract long slot(long entry);

  /// The address of the first region word: they follow each other in both forms.
  abstract long regions();

  /// Where a piece lies that is charged, or is about to be.
  abstract long placeOf(long n);

  /// Finds a place for a piece of entries that was never charged; called under the lock.
  ///
  /// @throws OutOfPagesException if the kernel has no addresses left for it
  abstract void provide(long n);

  /// Makes a piece of entries that is about to be charged the one that [#slot] finds.
  abstract void connect(long n);

  /// Makes [#slot] find no entry where a piece was, as far as it can.
  abstract void disconnect(long n);

  /// Gives all addresses back.
  abstract void release();

  /// What does not fit together, in words. The table is at rest.
  abstract List<String> problems();

  // ---- words

  /// The address of the word of the region that a piece of entries covers.
  final long region(long piece) {
    return regions() + piece * Long.BYTES;
  }

  /// The first of the pieces that hold a word of a piece of entries; the others follow each
  /// `wordPieces` further on.
  private long firstWordPieceOf(long n) {
    return entryPieces + (n >>> LG_WORDS_PER_PIECE);
  }

  /// Where generations of new entries begin; another number after each piece that was dropped.
  final int seed() {
    return seed;
  }

  final void lock() {
    assert LockOrder.mayWaitFor(LockRank.TABLE);
    lock.lock();
    assert LockOrder.took(LockRank.TABLE);
  }

  final void unlock() {
    assert LockOrder.gave(LockRank.TABLE);
    lock.unlock();
  }

  // ---- which pieces are charged

  final boolean isCharged(long piece) {
    return pieces.get(piece) != null;
  }

  /// A piece that must be charged, as it is in use.
  final TablePieces.Piece charged(long n) {
    TablePieces.Piece piece = pieces.get(n);
    if (piece == null) {
      throw new VmPanic("table memory is used that is not charged: piece " + n);
    }
    return piece;
  }

  /// Whether a piece of entries is charged; false behind the last.
  final boolean isChargedEntries(long n) {
    return holdsEntries(n) && isCharged(n);
  }

  /// The first charged piece of entries from `n` to before `end`, or -1.
  final long nextCharged(long n, long end) {
    return pieces.next(n, Math.min(end, entryPieces));
  }

  /// The charged pieces that hold entries, in order.
  final List<Long> chargedEntries() {
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

  /// Charges a piece of entries and what holds its words. Does not wait for memory.
  ///
  /// @return false if there is no frame to charge it with
  /// @throws OutOfPagesException if the kernel has no addresses for it; nothing is changed then
  final boolean charge(VmThread self, long piece) {
    if (isCharged(piece)) {
      return true;
    }
    for (long n = firstWordPieceOf(piece); n < pieces.count(); n += wordPieces) {
      if (!chargeOne(self, n)) {
        return false;
      }
    }
    return chargeOne(self, piece);
  }

  private boolean chargeOne(VmThread self, long n) {
    if (isCharged(n)) {
      return true;
    }
    int balloon = frames.take(self, id + n);
    if (balloon == PageArray.NONE) {
      return false;
    }
    boolean used = false;
    lock();
    try {
      if (!isCharged(n)) {
        add(n, balloon);
        used = true;
      }
    } finally {
      unlock();
      if (!used) {
        frames.give(self, balloon);
      }
    }
    return true;
  }

  private void add(long n, int balloon) {
    if (holdsEntries(n)) {
      provide(n);
      connect(n);
      for (long w = firstWordPieceOf(n); w < pieces.count(); w += wordPieces) {
        charged(w).raise();
      }
    }
    pieces.set(n, new TablePieces.Piece(balloon)); // last: who sees it finds the slots connected
  }

  /// Waits until pieces from `first` to before `end`, of which every entry is removed, say so: a
  /// reverse scan needs no map, and may have removed one that it is about to count.
  final void awaitEmpty(VmThread self, long first, long end) {
    for (long n = nextCharged(first, end); n >= 0; n = nextCharged(n + 1, end)) {
      TablePieces.Piece piece = charged(n);
      for (int round = 1; piece.valid() != 0; round++) {
        self.checkHalt(); // a scan that has panicked counts no more
        SpinLock.pause(round);
      }
    }
  }

  /// Drops the pieces of entries from `first` to before `end` that have no valid one, and the
  /// pieces of words of which none is needed any more. Where memory is plenty, one that is emptied
  /// twice in a row is kept, for it will be needed a third time; not if all are to go.
  final void uncharge(VmThread self, long first, long end) {
    boolean all = first == 0 && end >= entryPieces;
    boolean mayKeep = !all && frames.arePlenty(self);
    List<Integer> balloons = new ArrayList<>();
    lock();
    try {
      for (long n = nextCharged(first, end); n >= 0; n = nextCharged(n + 1, end)) {
        if (charged(n).valid() == 0) {
          if (mayKeep && n == lastEmptied) {
            keep(n, balloons);
          } else {
            drop(n, balloons);
          }
          lastEmptied = n;
        }
      }
      if (all) {
        dropUnusedWords(balloons);
      }
    } finally {
      unlock();
    }
    for (int balloon : balloons) {
      frames.give(self, balloon);
    }
  }

  /// Keeps an empty piece as if it had just been charged, and drops the one that was kept before.
  private void keep(long n, List<Integer> balloons) {
    long before = kept;
    kept = n;
    if (before != n && before >= 0 && isCharged(before) && charged(before).valid() == 0) {
      drop(before, balloons);
    }
    RawMemory.setLongVolatile(region(n), 0);
  }

  /// Drops a piece of entries, and those of its words that no other needs.
  private void drop(long n, List<Integer> balloons) {
    disconnect(n);
    RawMemory.setLongVolatile(region(n), 0);
    dropOne(n, balloons);
    for (long w = firstWordPieceOf(n); w < pieces.count(); w += wordPieces) {
      charged(w).lower();
      if (charged(w).valid() == 0) {
        dropOne(w, balloons);
      }
    }
  }

  /// Drops what was charged for the words of pieces that then found no frame.
  private void dropUnusedWords(List<Integer> balloons) {
    long count = pieces.count();
    for (long w = pieces.next(entryPieces, count); w >= 0; w = pieces.next(w + 1, count)) {
      if (charged(w).valid() == 0) {
        dropOne(w, balloons);
      }
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock only
  private void dropOne(long n, List<Integer> balloons) {
    balloons.add(charged(n).balloon);
    pieces.set(n, null);
    seed += SEED_STEP;
    memory.giveBack(placeOf(n), PIECE_BYTES);
  }

  /// The wired pages that charge the memory.
  final List<Integer> balloons() {
    lock();
    try {
      return pieces.charged().stream().map(n -> charged(n).balloon).toList();
    } finally {
      unlock();
    }
  }

  // ---- the life of the memory

  /// Keeps the memory from being given back until [#unpin]; false if it is given back already.
  final boolean pin() {
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

  final void unpin() {
    if (holders.decrementAndGet() == CLOSED) {
      release();
    }
  }

  /// Gives the memory back once nobody has it pinned. Every piece is uncharged.
  final void close() {
    if (holders.getAndUpdate(n -> n | CLOSED) == 0) {
      release();
    }
  }
}
