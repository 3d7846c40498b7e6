package org.pondhawk.vm.map;

/// A mapping as a program asks for it (the arguments of `mmap`), with the form of its arguments
/// checked.
///
/// @param place how the address is chosen
/// @param address the hint or the place, below the range
/// @param bytes the length, whole pages
/// @param limit the address behind the last that will do, if the place is to be found
/// @param sizeAligned whether it is to lie at a multiple of its length (`MAP_SIZEALIGN`)
/// @param stack whether it is a stack, of which the length is the most that it may grow to
/// @param traits what is true of all its pages
public record MapCall(
    Place place,
    long address,
    long bytes,
    long limit,
    boolean sizeAligned,
    boolean stack,
    EntryTraits traits) {
  /// From this length on a mapping is aligned, whatever its length is a multiple of.
  private static final long LARGE = 32L << 20;

  /// What mappings are aligned to whose length is a multiple of it (`SEG_SIZE`).
  private static final long ALIGNED = 2L << 20;

  /// How the address of a mapping is chosen.
  public enum Place {
    /// The first place from the address on where it fits.
    ANYWHERE,
    /// At the address, if nothing is mapped there (`MAP_TRYFIXED`).
    FREE,
    /// At the address, in the place of what is mapped there (`MAP_FIXED`).
    REPLACING
  }

  /// What the address of a mapping is to be a multiple of, if it is to be found.
  ///
  /// @throws IllegalArgumentException if it is to be a multiple of a length that is no power of two
  long alignment(long pageSize) {
    if (sizeAligned) {
      if (Long.bitCount(bytes) != 1) {
        throw new IllegalArgumentException(
            "a length of %d bytes is no power of two to be aligned to".formatted(bytes));
      }
      return bytes;
    }
    boolean aligned = !stack && (bytes % ALIGNED == 0 || bytes > LARGE);
    return aligned ? Math.max(ALIGNED, pageSize) : pageSize;
  }

  Placement placement(long alignment) {
    return switch (place) {
      case ANYWHERE -> new Placement.Anywhere(address, alignment, limit);
      case FREE -> new Placement.Free(address);
      case REPLACING -> new Placement.Replacing(address);
    };
  }
}
