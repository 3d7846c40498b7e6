package org.pondhawk.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Sizes of memory: in words, and whether the computer has them.
final class Memory {
  static final long MIB = 1L << 20;
  static final long GIB = 1L << 30;
  private static final long LEAVE = GIB;

  private Memory() {}

  /// Whether so much can be taken now and some is left for others.
  static boolean has(long bytes) {
    return available() - LEAVE >= bytes;
  }

  /// What the kernel says can be taken without swapping; everything where it does not say.
  static long available() {
    try {
      return Files.readAllLines(Path.of("/proc/meminfo")).stream()
          .filter(line -> line.startsWith("MemAvailable:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
          .findFirst()
          .orElse(Long.MAX_VALUE);
    } catch (IOException _) {
      return Long.MAX_VALUE;
    }
  }

  static String words(long bytes) {
    if (bytes >= GIB && bytes % GIB == 0) {
      return bytes / GIB + " GiB";
    }
    if (bytes >= MIB) {
      return String.format(
          Locale.ROOT, bytes % MIB == 0 ? "%.0f MiB" : "%.1f MiB", (double) bytes / MIB);
    }
    return bytes / 1024 + " KiB";
  }
}
