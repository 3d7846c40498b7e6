package org.pondhawk.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Where the swap file goes.
///
/// @param file its path, or null for one without a name
/// @param directory the directory that it is made in
record SwapPlace(@Nullable Path file, Path directory) {
  /// The place for a swap file, or for one without a name in the directory for temporary files.
  static SwapPlace of(@Nullable Path file) {
    if (file == null) {
      return new SwapPlace(null, Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
    }
    Path parent = file.toAbsolutePath().getParent();
    if (parent == null || Files.isDirectory(file)) {
      throw new BadUsageException("--swap-file " + file + " is a directory, expected a file");
    }
    return new SwapPlace(file, parent);
  }

  /// Refuses, before anything is made, a place that cannot take a swap file of this size.
  void check(long swapBytes) {
    if (!Files.isDirectory(directory)) {
      throw new BadUsageException("the swap directory " + directory + " does not exist");
    }
    if (!Files.isWritable(directory)) {
      throw new BadUsageException("the swap directory " + directory + " is not writable");
    }
    long free = freeBytes();
    if (swapBytes > free) {
      throw new BadUsageException(
          "--swap %s is more than the %s free in %s"
              .formatted(ByteSize.format(swapBytes), ByteSize.format(free), directory));
    }
  }

  private long freeBytes() {
    try {
      return Files.getFileStore(directory).getUsableSpace();
    } catch (IOException e) {
      throw new BadUsageException("cannot use the swap directory " + directory + ": " + e, e);
    }
  }
}
