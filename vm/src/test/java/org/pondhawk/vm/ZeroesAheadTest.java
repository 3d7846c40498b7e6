package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// The zeroing thread of a running machine.
class ZeroesAheadTest {
  private static final int PAGES = 400;
  private static final int SIZE = 4096;

  private static void storeAll(AddressSpace space, View view) {
    long at = space.map((long) PAGES * SIZE, Protection.READ_WRITE);
    for (long i = 0; i < PAGES; i++) {
      for (long offset = 0; offset < SIZE; offset += 512) {
        assertThat(view.getLong(at + i * SIZE + offset)).isZero();
      }
      view.fill(at + i * SIZE, SIZE, (byte) 1);
    }
    space.unmap(at, (long) PAGES * SIZE);
  }

  @Test
  void wakesWhenPagesAreFreedAndServesTheNextFaults() {
    VmConfig config = VmConfig.builder().physicalMemory(24 << 20).zeroesAhead(true).build();
    try (VirtualMemory vm = VirtualMemory.boot(config);
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      for (int round = 0; vm.statistics().zeroedAhead() < PAGES || round < 3; round++) {
        assertThat(System.nanoTime()).as("frames are zeroed: %s", vm.statistics()).isLessThan(end);
        storeAll(space, view);
        assertThat(vm.check().problems()).isEmpty();
      }
      assertThat(vm.statistics().zeroFillsReady()).isPositive();
    }
  }

  @Test
  void zeroesNothingUnlessItIsWanted() {
    try (VirtualMemory vm =
            VirtualMemory.boot(VmConfig.builder().physicalMemory(24 << 20).build());
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      for (int round = 0; round < 5; round++) {
        storeAll(space, view);
      }
      assertThat(vm.statistics().zeroedAhead()).isZero();
    }
  }
}
