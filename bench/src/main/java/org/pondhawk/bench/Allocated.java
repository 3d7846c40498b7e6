package org.pondhawk.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/// How many bytes of heap the calling thread takes.
final class Allocated {
  private static final ThreadMXBean THREADS =
      ManagementFactory.getPlatformMXBean(ThreadMXBean.class);

  private Allocated() {}

  /// The heap bytes of one operation of a loop that is warm.
  static double bytesPerOperation(Work work, int operations) {
    Turns.sink = work.run(1, operations);
    long before = THREADS.getCurrentThreadAllocatedBytes();
    Turns.sink = work.run(2, operations);
    return (double) (THREADS.getCurrentThreadAllocatedBytes() - before) / operations;
  }

  static long now() {
    return THREADS.getCurrentThreadAllocatedBytes();
  }
}
