package org.pondhawk.bench;

import org.pondhawk.vm.View;
import org.pondhawk.vm.mem.Linux;
import org.pondhawk.vm.mem.RawMemory;

/// One access to each page, in random order.
final class FaultLoops {
  private FaultLoops() {}

  /// Stores into each page.
  ///
  /// @return nanoseconds for a page
  static double stores(View view, long base, int pageSize, int[] order) {
    long from = System.nanoTime();
    for (int page : order) {
      view.putLong(base + (long) page * pageSize, page);
    }
    return (double) (System.nanoTime() - from) / order.length;
  }

  /// Loads from each page.
  ///
  /// @return nanoseconds for a page
  static double loads(View view, long base, int pageSize, int[] order) {
    long sum = 0;
    long from = System.nanoTime();
    for (int page : order) {
      sum += view.getLong(base + (long) page * pageSize);
    }
    double nanos = (double) (System.nanoTime() - from) / order.length;
    Turns.sink = sum;
    return nanos;
  }

  /// The kernel's first touch of a fresh anonymous mapping.
  ///
  /// @return nanoseconds for a page
  static double kernelFirstTouch(long bytes, int pageSize, int[] order, boolean huge) {
    long address = Linux.reserve(bytes);
    try {
      if (huge) {
        Linux.hugePages(address, bytes);
      } else {
        Linux.noHugePages(address, bytes);
      }
      long from = System.nanoTime();
      for (int page : order) {
        RawMemory.putLong(address + (long) page * pageSize, page);
      }
      return (double) (System.nanoTime() - from) / order.length;
    } finally {
      Linux.release(address, bytes);
    }
  }
}
