package org.pondhawk.vm.swap;

import java.nio.file.Path;

/// What a swap file should be: where, how large, cut into pages of what size.
///
/// @param place the directory of an anonymous file, or the file itself
/// @param anonymous whether the file has no name while it is used, so that nothing can remain
/// @param blockCount the blocks of the file, the reserved ones included
/// @param pageSize the bytes of one block, a power of two from 4 KiB to 64 KiB
/// @param direct whether to bypass the kernel's page cache
public record SwapFileSpec(
    Path place, boolean anonymous, int blockCount, int pageSize, boolean direct) {

  /// Checks the size and the page size.
  public SwapFileSpec {
    if (pageSize < 1 << 12 || pageSize > 1 << 16 || Integer.bitCount(pageSize) != 1) {
      throw new IllegalArgumentException(
          "pageSize=" + pageSize + " is not a power of two from 4096 to 65536");
    }
    if (blockCount <= SwapSpace.RESERVED || blockCount > RadixBitmap.MAX_BLOCKS) {
      throw new IllegalArgumentException("blockCount=" + blockCount + " is out of range");
    }
  }

  /// A file without a name, in a directory, for at most `bytes` bytes of data.
  public static SwapFileSpec anonymous(Path directory, long bytes, int pageSize) {
    return new SwapFileSpec(directory, true, blocksFor(bytes, pageSize), pageSize, false);
  }

  /// A file that is kept under its name while it is open, for at most `bytes` bytes of data.
  public static SwapFileSpec at(Path file, long bytes, int pageSize) {
    return new SwapFileSpec(file, false, blocksFor(bytes, pageSize), pageSize, false);
  }

  /// The same, past the kernel's page cache.
  public SwapFileSpec withDirectIo() {
    return new SwapFileSpec(place, anonymous, blockCount, pageSize, true);
  }

  /// The bytes of data that fit.
  public long dataBytes() {
    return (long) (blockCount - SwapSpace.RESERVED) * pageSize;
  }

  /// The bytes of the file.
  public long fileBytes() {
    return (long) blockCount * pageSize;
  }

  /// Whole stripes, rounded down so that no block lies past the end, and the reserved one.
  private static int blocksFor(long bytes, int pageSize) {
    long stripeBytes = (long) RadixBitmap.MAX_RUN * Math.max(pageSize, 1);
    long stripes = bytes / stripeBytes;
    if (stripes < 1) {
      throw new IllegalArgumentException(
          "a swap of %d bytes is too small: at pages of %d bytes the least is %d"
              .formatted(bytes, pageSize, stripeBytes));
    }
    if (stripes >= RadixBitmap.MAX_BLOCKS / RadixBitmap.MAX_RUN) {
      throw new IllegalArgumentException(
          "a swap of %d bytes is too large: at pages of %d bytes the most is %d"
              .formatted(
                  bytes,
                  pageSize,
                  (RadixBitmap.MAX_BLOCKS / RadixBitmap.MAX_RUN - 1) * stripeBytes));
    }
    return (int) (stripes + 1) * RadixBitmap.MAX_RUN;
  }
}
