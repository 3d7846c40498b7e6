package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;

/// The machines that tests run on: as small as they come.
final class Machines {
  static final long MEBIBYTE = 1L << 20;
  private static final long POLL_NANOS = 50_000;

  private Machines() {}

  /// A machine of 4 MiB, or the least there is for its page size.
  static VmConfig.Builder tiny(int pageSize, long swapBytes) {
    long least =
        VmConfig.builder().pageSize(pageSize).swap(swapBytes).build().minimumPhysicalMemory();
    return VmConfig.builder()
        .physicalMemory(Math.max(4 * MEBIBYTE, least))
        .pageSize(pageSize)
        .swap(swapBytes)
        .poisonFreedFrames(true);
  }

  /// Waits until something holds that gives no signal, or the time is over.
  static boolean await(BooleanSupplier condition, long nanos) {
    long deadline = System.nanoTime() + nanos;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        return false;
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    return true;
  }

  static void requireClean(VirtualMemory vm, Object context) {
    assertThat(vm.check().problems()).as(context::toString).isEmpty();
  }
}
