package org.pondhawk.vm.queue;

/// Where a run of neighbouring pages may lie.
///
/// @param low the lowest page number
/// @param high the page number that the run must end at or below
/// @param alignment what the number of the first page is a multiple of: a power of two
/// @param boundary the run contains no two pages with a multiple of this number between them: a
///   power of two, or 0 for none
public record RunLimits(int low, int high, int alignment, int boundary) {
  /// No page number.
  static final int NONE = -1;

  /// No limits at all.
  public static final RunLimits ANYWHERE = new RunLimits(0, Integer.MAX_VALUE, 1, 0);

  /// Checks the numbers.
  ///
  /// @throws IllegalArgumentException naming the one that is wrong
  public RunLimits {
    require(low >= 0, "low", low, "negative");
    require(high >= low, "high", high, "below low=" + low);
    require(isPowerOfTwo(alignment), "alignment", alignment, "not a power of two");
    require(boundary == 0 || isPowerOfTwo(boundary), "boundary", boundary, "not a power of two");
  }

  private static boolean isPowerOfTwo(int n) {
    return n > 0 && Integer.bitCount(n) == 1;
  }

  private static void require(boolean holds, String name, int value, String wrong) {
    if (!holds) {
      throw new IllegalArgumentException("%s=%d is %s".formatted(name, value, wrong));
    }
  }

  /// The first place from `from` on that a run of so many pages may start at.
  ///
  /// @param from a page number, at least 0
  /// @param count how many pages, at least 1
  /// @return the number of its first page, or [#NONE]
  int next(long from, int count) {
    if (boundary != 0 && count > boundary) {
      return NONE;
    }
    long first = roundUp(Math.max(from, low), alignment);
    if (boundary != 0 && (first & -(long) boundary) != ((first + count - 1) & -(long) boundary)) {
      first = roundUp(first, Math.max(alignment, boundary));
    }
    return first + count <= high ? (int) first : NONE;
  }

  private static long roundUp(long n, int powerOfTwo) {
    return (n + powerOfTwo - 1) & -(long) powerOfTwo;
  }
}
