package org.pondhawk.vm.mem;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/// What the kernel knows of a file (`statx`).
///
/// ```
///   byte  16          28         32        40       48                136        140
///      ┌──────┬────┬──────┬────┬─────────┬────────┬─────────┬──────┬──────────┬──────────┐
///      │ links│ …  │ mode │ …  │ inode   │ size   │ sectors │ …    │ dev major│ dev minor│ …  256
///      └──────┴────┴──────┴────┴─────────┴────────┴─────────┴──────┴──────────┴──────────┘
/// ```
///
/// @param device the device that the file is on, as one number
/// @param inode the number of the file on that device
/// @param linkCount how many names it has; 0 once it is unlinked
/// @param isRegular whether it is a regular file
/// @param size its length in bytes
/// @param allocatedBytes the disk space behind it
public record FileStatus(
    long device, long inode, int linkCount, boolean isRegular, long size, long allocatedBytes) {
  static final int BYTES = 256;
  static final int BASIC_STATS = 0x7ff;

  private static final int LINKS = 16;
  private static final int MODE = 28;
  private static final int INODE = 32;
  private static final int SIZE = 40;
  private static final int SECTORS = 48;
  private static final int DEVICE_MAJOR = 136;
  private static final int DEVICE_MINOR = 140;

  private static final int SECTOR_BYTES = 512;
  private static final int TYPE_MASK = 0xf000;
  private static final int TYPE_REGULAR = 0x8000;

  /// Whether both are the same file.
  public boolean isSameFile(FileStatus other) {
    return device == other.device && inode == other.inode;
  }

  static FileStatus decode(MemorySegment statx) {
    long major = Integer.toUnsignedLong(statx.get(JAVA_INT, DEVICE_MAJOR));
    long minor = Integer.toUnsignedLong(statx.get(JAVA_INT, DEVICE_MINOR));
    return new FileStatus(
        major << 32 | minor,
        statx.get(JAVA_LONG, INODE),
        statx.get(JAVA_INT, LINKS),
        (statx.get(JAVA_SHORT, MODE) & TYPE_MASK) == TYPE_REGULAR,
        statx.get(JAVA_LONG, SIZE),
        statx.get(JAVA_LONG, SECTORS) * SECTOR_BYTES);
  }
}
