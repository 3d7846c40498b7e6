package org.pondhawk.vm.pmap;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;

/// A page table of a directory and pieces that lie anywhere: for ranges whose linear table is too
/// large to reserve. An entry is two loads away.
///
/// ```
///   base                                            chunk of places        another
///   │ shared piece │ region words │ directory │     │ 7 │ 0 │ 512 │ …      │ …
///   └ no entry, ───┘              └ word n: the place of piece n, counted from base;
///     ever                          0, the shared piece, while it is not charged
/// ```
///
/// So the walk needs no test for a piece that is not there: it finds an entry of the shared piece,
/// which is not valid.
///
/// **Contract.** As [TableMemory]. A directory word is 0 or the one place that the piece ever has.
final class TwoLevelTable extends TableMemory {
  /*
   * Loads of views are validated, not guarded: nobody can know that none is still on its way between the
   * directory and an entry, or between an entry and its second look. So a place, once given to a piece, is
   * never given to another: only its memory is, after it was zeroed. A stale place is then an entry of the
   * same address, as it is in a linear table, and what it says is believed by the same rules. The
   * places of a space go back to the kernel when no view has the table pinned.
   *
   * I1  a piece of entries is charged  <=>  its directory word is not 0
   * I2  places are given once; directory words hold nothing else
   * I3  nobody stores into the shared piece: entries are only installed in charged pieces
   */
  private static final long CHUNK_BYTES = 64 * PIECE_BYTES;

  private final long base;
  private final long bytes;
  private final long entryPieces;
  private final long directory;

  /// The places that pieces of entries were given, by number; guarded by the lock.
  private final long[][] places;

  private final List<Long> chunks = new ArrayList<>();
  private long nextPlace;
  private long chunkEnd;

  TwoLevelTable(OwnMemory memory, TableFrames frames, long id, long entryPieces) {
    super(memory, frames, id, entryPieces, 2);
    long wordPieces = wordPiecesFor(entryPieces);
    this.entryPieces = entryPieces;
    this.bytes = (1 + 2 * wordPieces) << PIECE_SHIFT;
    this.base = memory.reserveSparse(bytes);
    this.directory = regions() + (wordPieces << PIECE_SHIFT);
    this.places = new long[(int) wordPieces][];
  }

  /// What directory words count from: the address of the shared piece.
  long base() {
    return base;
  }

  /// The address of the first directory word.
  long directory() {
    return directory;
  }

  private long word(long n) {
    return directory + n * Long.BYTES;
  }

  @Override
  long slot(long entry) {
    long piece = base + RawMemory.getLongAcquire(word(entry >>> LG_WORDS_PER_PIECE));
    return piece + (entry & ((1 << LG_WORDS_PER_PIECE) - 1)) * Long.BYTES;
  }

  @Override
  long regions() {
    return base + PIECE_BYTES;
  }

  @Override
  long placeOf(long n) {
    return n < entryPieces ? givenPlace(n) : regions() + ((n - entryPieces) << PIECE_SHIFT);
  }

  /// The place of a piece of entries; 0 if it was never charged.
  private long givenPlace(long n) {
    long[] leaf = places[(int) (n >>> LG_WORDS_PER_PIECE)];
    return leaf == null ? 0 : leaf[low(n)];
  }

  private static int low(long n) {
    return (int) n & ((1 << LG_WORDS_PER_PIECE) - 1);
  }

  @Override
  void provide(long n) {
    if (givenPlace(n) != 0) {
      return;
    }
    if (nextPlace == chunkEnd) {
      addChunk();
    }
    int high = (int) (n >>> LG_WORDS_PER_PIECE);
    if (places[high] == null) {
      places[high] = new long[1 << LG_WORDS_PER_PIECE];
    }
    places[high][low(n)] = nextPlace;
    nextPlace += PIECE_BYTES;
  }

  private void addChunk() {
    try {
      nextPlace = memory.reserveSparse(CHUNK_BYTES);
    } catch (IllegalStateException refused) {
      throw new OutOfPagesException("no addresses for a page table: " + refused.getMessage());
    }
    chunkEnd = nextPlace + CHUNK_BYTES;
    chunks.add(nextPlace);
  }

  @Override
  void connect(long n) {
    RawMemory.setLongVolatile(word(n), givenPlace(n) - base);
  }

  @Override
  void disconnect(long n) {
    RawMemory.setLongVolatile(word(n), 0);
  }

  @Override
  void release() {
    memory.releaseSparse(base, bytes);
    chunks.forEach(chunk -> memory.releaseSparse(chunk, CHUNK_BYTES));
  }

  @Override
  List<String> problems() {
    List<String> found = new ArrayList<>();
    if (!RawMemory.allBytesAre(base, PIECE_BYTES, (byte) 0)) {
      found.add("the piece that stands for all that are not charged is not empty");
    }
    lock();
    try {
      for (long n = 0; n < entryPieces; n++) {
        if (places[(int) (n >>> LG_WORDS_PER_PIECE)] == null) {
          n |= low(-1); // none of these was ever charged
        } else {
          checkWord(n, found);
        }
      }
    } finally {
      unlock();
    }
    return found;
  }

  private void checkWord(long n, List<String> found) {
    long expected = isCharged(n) ? givenPlace(n) - base : 0;
    long word = RawMemory.getLongVolatile(word(n));
    if (word != expected) {
      found.add("the directory says 0x%x for piece %d, not 0x%x".formatted(word, n, expected));
    }
  }
}
