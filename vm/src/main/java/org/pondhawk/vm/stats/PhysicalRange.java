package org.pondhawk.vm.stats;

/// A range of physical addresses of a machine (an element of the reference's `phys_avail`).
///
/// Physical addresses are the machine's own: they number its frames, have holes where a study wants
/// them, and say nothing about addresses of this process.
///
/// @param start the first address
/// @param end the address behind the last
public record PhysicalRange(long start, long end) {
  /// What addresses are below.
  public static final long MAX_END = 1L << 52;

  /// Checks the numbers.
  ///
  /// @throws IllegalArgumentException unless 0 ≤ start ≤ end ≤ [#MAX_END]
  public PhysicalRange {
    if (start < 0 || end < start || end > MAX_END) {
      throw new IllegalArgumentException(
          "physical range from 0x%x to 0x%x is not within 0 to 0x%x"
              .formatted(start, end, MAX_END));
    }
  }

  /// Its size in bytes; 0 for an empty one.
  public long bytes() {
    return end - start;
  }

  /// The range of whole pages inside it: its start rounded up and its end down, and empty at its
  /// end if none is left.
  ///
  /// @param pageSize a power of two
  public PhysicalRange wholePages(long pageSize) {
    long last = end & -pageSize;
    return new PhysicalRange(Math.min((start + pageSize - 1) & -pageSize, last), last);
  }

  @Override
  public String toString() {
    return "[0x%x, 0x%x)".formatted(start, end);
  }
}
