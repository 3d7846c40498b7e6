package org.pondhawk.vm.pmap;

/// A page table entry: one long that a view reads with one load.
///
/// ```
///   63 62            48 47                    12 11   7 6 5 4 3 2 1 0
///  ┌──┬────────────────┬────────────────────────┬──────┬─┬─┬─┬─┬─┬─┬─┐
///  │ 0│   generation   │  frame's address >> 12 │  0   │G│P│X│M│A│W│V│
///  └──┴────────────────┴────────────────────────┴──────┴─┴─┴─┴─┴─┴─┴─┘
/// ```
///
/// V valid, W writable, A accessed, M modified, X executable, P pinned (wired), G managed: a page
/// with a descriptor. A implies V, and M implies W and A, so that one bit tells whether an access
/// hits: whoever takes A away takes M with it, into the page's dirty bits.
///
/// The generation is from 1 to 32,767, or 0 in a slot that was never used. It is raised at every
/// installation and survives removal, so that a reader who loads the same word twice knows that
/// nothing came between, unless a multiple of 32,767 installations did and the last one was of the
/// same frame. Where a piece of the table was dropped and generations begin anew, they begin
/// elsewhere.
public final class Pte {
  /// The entry maps a page.
  public static final long VALID = 1;

  /// Stores are allowed.
  public static final long WRITABLE = 2;

  /// The page was accessed through the entry.
  public static final long ACCESSED = 4;

  /// The page was stored into through the entry.
  public static final long MODIFIED = 8;

  /// The page is wired because of the entry (`pg_w`): it has one wiring of its own for that.
  public static final long WIRED = 32;

  static final long MANAGED = 64;

  /// The bits of the frame's address.
  public static final long FRAME = (1L << 48) - (1L << 12);

  /// What an entry must have for a load to hit: an accessed entry is valid.
  public static final long READ_HIT = ACCESSED;

  /// What an entry must have for a store to hit: a modified entry is valid, writable and accessed.
  public static final long WRITE_HIT = MODIFIED;

  private static final int GENERATION_SHIFT = 48;

  /// The last generation; 1 follows it.
  static final int MAX_GENERATION = 0x7fff;

  private static final long GENERATION = (long) MAX_GENERATION << GENERATION_SHIFT;

  private Pte() {}

  /// Whether an entry maps a page.
  public static boolean isValid(long pte) {
    return (pte & VALID) != 0;
  }

  /// Whether an entry allows stores.
  public static boolean isWritable(long pte) {
    return (pte & (VALID | WRITABLE)) == (VALID | WRITABLE);
  }

  /// Whether an entry maps a page that is wired because of it.
  public static boolean isWired(long pte) {
    return (pte & (VALID | WIRED)) == (VALID | WIRED);
  }

  /// Whether the bits of a valid entry may be together.
  public static boolean isConsistent(long pte) {
    return (pte & MODIFIED) == 0 || ((pte & ACCESSED) != 0 && isWritable(pte));
  }

  /// The address of the frame that an entry maps.
  public static long frame(long pte) {
    return pte & FRAME;
  }

  /// Whether an entry is valid and maps a frame.
  static boolean maps(long pte, long frame) {
    return isValid(pte) && frame(pte) == frame;
  }

  /// The entry that follows `old` in its slot and maps a frame.
  ///
  /// @param seed where the generations of a slot begin that has none
  static long install(long old, long frame, long bits, int seed) {
    assert fits(frame, 1) : "no entry can map 0x" + Long.toHexString(frame);
    int last = generation(old) == 0 ? seed & MAX_GENERATION : generation(old);
    long next = last == MAX_GENERATION ? 1 : last + 1; // never 0: a slot begins but once
    return (next << GENERATION_SHIFT) | frame | VALID | MANAGED | bits;
  }

  private static int generation(long pte) {
    return (int) ((pte & GENERATION) >>> GENERATION_SHIFT);
  }

  /// The entry that follows `old` in its slot and maps nothing.
  static long removed(long old) {
    return old & GENERATION;
  }

  /// Whether entries can map what lies there. The kernel gives no addresses above that, unless one
  /// asks for them.
  public static boolean fits(long address, long bytes) {
    return ((address | (address + bytes - 1)) & -(1L << GENERATION_SHIFT)) == 0;
  }

  /// An entry in words, for messages.
  public static String describe(long pte) {
    return "%s%s%s%s%s frame 0x%x generation %d"
        .formatted(
            isValid(pte) ? "V" : "-",
            (pte & WRITABLE) != 0 ? "W" : "-",
            (pte & ACCESSED) != 0 ? "A" : "-",
            (pte & MODIFIED) != 0 ? "M" : "-",
            (pte & WIRED) != 0 ? "P" : "",
            frame(pte),
            generation(pte));
  }
}
