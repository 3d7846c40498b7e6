package org.pondhawk.vm.page;

import org.pondhawk.vm.error.VmPanic;

/// The eighths of a page, in which its content is known to be good or changed: which of them a
/// range of bytes touches (`vm_page_bits`).
///
/// The reference's chunk is 512 bytes because its page is 4096; here it is an eighth of whatever a
/// page is.
///
/// @param pageShift the logarithm of the page size
public record Chunks(int pageShift) {
  /// How many there are.
  public static final int COUNT = 8;

  /// All of them.
  public static final int ALL = (1 << COUNT) - 1;

  private static final int LG_COUNT = 3;

  /// The size of a chunk in bytes.
  public int bytes() {
    return 1 << shift();
  }

  private int shift() {
    return pageShift - LG_COUNT;
  }

  private int pageSize() {
    return 1 << pageShift;
  }

  /// The chunks that a range touches, also those that it covers only in part.
  ///
  /// @param offset the first byte, counted from the start of the page
  /// @param size in bytes; 0 touches nothing
  /// @return a bit for each, the first chunk's lowest
  public int mask(int offset, int size) {
    if (offset < 0 || size < 0 || offset > pageSize() - size) {
      throw new VmPanic(
          "%d bytes from %d do not lie in a page of %d".formatted(size, offset, pageSize()));
    }
    if (size == 0) {
      return 0;
    }
    int first = offset >>> shift();
    int last = (offset + size - 1) >>> shift();
    return (2 << last) - (1 << first);
  }

  /// The start of the chunk that a byte lies in.
  ///
  /// @param offset a byte, or the end of the page
  public int floor(int offset) {
    return offset & -bytes();
  }

  /// The first start of a chunk from a byte on.
  ///
  /// @param offset a byte, or the end of the page
  public int ceiling(int offset) {
    return floor(offset + bytes() - 1);
  }
}
