package org.pondhawk.bench;

/// A walk over random places of a range: the next place does not depend on what was read at the
/// last, so a processor may be at several at once, as in a program.
final class Walk {
  private static final long FACTOR = 6364136223846793005L;
  private static final long TERM = 1442695040888963407L;

  private Walk() {}

  static long next(long state) {
    return state * FACTOR + TERM;
  }

  /// How far to shift a state so that it is below a size.
  ///
  /// @param bytes a power of two
  static int shiftFor(long bytes) {
    if (Long.bitCount(bytes) != 1 || bytes < Long.BYTES) {
      throw new IllegalArgumentException(bytes + " bytes is not a power of two");
    }
    return Long.SIZE - Long.numberOfTrailingZeros(bytes);
  }

  /// The place of a state: a multiple of 8.
  static long place(long state, int shift) {
    return (state >>> shift) & -Long.BYTES;
  }
}
