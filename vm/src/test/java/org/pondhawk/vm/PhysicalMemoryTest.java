package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.stats.MemoryMap;
import org.pondhawk.vm.stats.PhysicalRange;

/// Machines whose memory lies in ranges, as a user makes and sees them.
class PhysicalMemoryTest {
  private static final int PAGE = 4096;
  private static final PhysicalRange BASE = new PhysicalRange(0, 640 << 10);
  private static final PhysicalRange EXTENDED = new PhysicalRange(1 << 20, 5 << 20);

  private static VmConfig.Builder config(PhysicalRange... ranges) {
    return VmConfig.builder()
        .physicalRanges(List.of(ranges))
        .swap(16 << 20)
        .poisonFreedFrames(true);
  }

  @Test
  void theBudgetIsTheRangesTogether() {
    VmConfig config = config(BASE, EXTENDED).build();
    assertThat(config.physicalMemory()).isEqualTo((640 << 10) + (4 << 20));
    assertThat(config.physicalRanges()).containsExactly(BASE, EXTENDED);
    assertThat(config(BASE).physicalMemory(32 << 20).build().physicalRanges()).isEmpty();
    assertThatThrownBy(() -> VmConfig.builder().physicalRanges(List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no physical range is given");
  }

  @Test
  void theMapSaysWhereEveryByteWent() {
    VmConfig config =
        config(BASE, EXTENDED, new PhysicalRange(512 << 10, 1 << 19 | 8192))
            .dmaReserve(64 << 10)
            .build();
    try (VirtualMemory vm = VirtualMemory.boot(config)) {
      MemoryMap map = vm.memoryMap();
      assertThat(map.budgetBytes()).isEqualTo(config.physicalMemory());
      assertThat(map.frameCount()).isEqualTo(vm.statistics().pageCount());
      long taken = map.frameCount() * PAGE + map.structureBytes();
      assertThat(taken).isBetween(map.budgetBytes() - PAGE - 64, map.budgetBytes());
      assertThat(map.overhead().end()).isEqualTo(5 << 20);
      assertThat(map.overhead().bytes()).isEqualTo(map.budgetBytes() - map.frameCount() * PAGE);
      assertThat(map.structures())
          .containsOnlyKeys(
              "page descriptors",
              "fictitious pages",
              "page queues",
              "alist",
              "dump bitmap",
              "swap bitmap");
      assertThat(map.ranges()).containsExactly(BASE, EXTENDED);
      assertThat(map.holes()).containsExactly(new PhysicalRange(640 << 10, 1 << 20));
      assertThat(map.duplicates())
          .containsExactly(new PhysicalRange(512 << 10, (512 << 10) + 8192));
      assertThat(map.firstPage()).isZero();
      assertThat(map.descriptorCount()).isEqualTo(map.frameCount() + 96);
      assertThat(map.reserveFrames()).isEqualTo(16);
      assertThat(map.reserveFree()).isEqualTo(16);
      assertThat(map.fictitiousPages()).isEqualTo(64);
      assertThat(map.fictitiousInUse()).isZero();
      assertThat(map.indexFrames()).isPositive();
      assertThat(map.describe())
          .contains("memory             [0x0, 0xa0000), 655360 bytes\n")
          .contains("hole               [0xa0000, 0x100000), 393216 bytes\n")
          .contains("given twice        [0x80000, 0x82000)\n")
          .contains("page descriptors   ")
          .contains("reserve            16 frames, 16 free\n");
    }
  }

  @Test
  void pageTablesAreInTheMapWhileTheyAreThere() {
    try (VirtualMemory vm = VirtualMemory.boot(config(BASE, EXTENDED).build())) {
      try (AddressSpace space = vm.newAddressSpace();
          View view = space.view()) {
        view.putLong(space.map(PAGE, Protection.READ_WRITE), 1);
        assertThat(vm.memoryMap().tableFrames()).isPositive();
        int[] dumped = vm.machine().dump().pages();
        assertThat(dumped.length)
            .isEqualTo(
                (int)
                    (vm.memoryMap().tableFrames()
                        + vm.memoryMap().indexFrames()
                        + vm.memoryMap().overhead().bytes() / PAGE));
        assertThat(vm.check().summary()).isEqualTo("clean");
      }
      assertThat(vm.memoryMap().tableFrames()).isZero();
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  @Test
  void withoutRangesThereIsOneFromZero() {
    try (VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().build())) {
      MemoryMap map = vm.memoryMap();
      assertThat(map.ranges()).containsExactly(new PhysicalRange(0, 64 << 20));
      assertThat(map.holes()).isEmpty();
      assertThat(map.frameCount() * PAGE + map.structureBytes())
          .isBetween((64L << 20) - PAGE - 64, 64L << 20);
    }
  }

  @Nested
  class Holes {
    private final VmConfig config =
        config(BASE, EXTENDED, new PhysicalRange(6 << 20, (6 << 20) + (1 << 20))).build();

    private void requireUntouched(VirtualMemory vm) {
      PhysicalMap map = vm.machine().physical();
      PageArray pages = vm.machine().page().pages();
      for (int page = 0; page < map.pageCount(); page++) {
        if (map.isHole(page)) {
          assertThat(pages.describe(page))
              .contains(
                  "busy --- n=0, flags none, wire 0, hold 0, cow 0, object -1 at 0, queue 0,");
          assertThat(RawMemory.allBytesAre(pages.address(page), PAGE, (byte) 0)).isTrue();
        }
      }
    }

    @Test
    void areNeverUsedHoweverShortMemoryIs() {
      try (VirtualMemory vm = VirtualMemory.boot(config)) {
        long pages = 2 * vm.statistics().pageCount();
        try (AddressSpace space = vm.newAddressSpace();
            View view = space.view()) {
          long heap = space.map(pages * PAGE, Protection.READ_WRITE);
          for (long n = 0; n < pages; n++) {
            view.putLong(heap + n * PAGE, n + 1);
          }
          for (long n = 0; n < pages; n++) {
            assertThat(view.getLong(heap + n * PAGE)).isEqualTo(n + 1);
          }
        }
        assertThat(vm.statistics().pagesOut()).isPositive();
        assertThat(vm.check().summary()).isEqualTo("clean");
        requireUntouched(vm);
      }
    }

    @Test
    void areInNoContiguousMemory() {
      try (VirtualMemory vm = VirtualMemory.boot(config)) {
        PhysicalMap map = vm.machine().physical();
        List<ContiguousMemory> taken = new ArrayList<>();
        while (true) {
          try {
            taken.add(vm.allocateContiguous(40 * PAGE));
          } catch (OutOfPagesException _) {
            break;
          }
        }
        assertThat(taken).hasSizeGreaterThan(20);
        for (ContiguousMemory memory : taken) {
          for (int n = 0; n < memory.frameCount(); n++) {
            assertThat(map.isHole(memory.firstFrame() + n)).isFalse();
          }
          memory.segment().fill((byte) 7);
        }
        assertThat(vm.check().summary()).isEqualTo("clean");
        taken.forEach(ContiguousMemory::close);
        assertThat(vm.check().summary()).isEqualTo("clean");
      }
    }
  }

  @Nested
  class ContiguousMemoryWithinBounds {
    private static final PhysicalRange FIRST_MEBIBYTE = new PhysicalRange(0, 1 << 20);

    @Test
    void liesThereAndKnowsItsPhysicalAddress() {
      try (VirtualMemory vm = VirtualMemory.boot(config(BASE, EXTENDED).build())) {
        try (ContiguousMemory low = vm.allocateContiguous(100 * PAGE, 1, 0, FIRST_MEBIBYTE);
            ContiguousMemory high =
                vm.allocateContiguous(
                    2 * PAGE, 8192, 0, new PhysicalRange((2 << 20) + 1, 3 << 20))) {
          assertThat(low.physicalAddress() + 100 * PAGE).isLessThanOrEqualTo(640 << 10);
          assertThat(high.physicalAddress()).isBetween(2L << 20, 3L << 20);
          assertThat(high.physicalAddress() % 8192).isZero();
          assertThat(high.segment().address() % 8192).isZero();
          high.segment().set(ValueLayout.JAVA_LONG, 0, 5);
          assertThat(vm.machine().physical().pageOf(high.physicalAddress() + 9))
              .isEqualTo(high.firstFrame());
        }
      }
    }

    @Test
    void isRefusedWhereThereIsNoMemory() {
      try (VirtualMemory vm = VirtualMemory.boot(config(BASE, EXTENDED).build())) {
        for (PhysicalRange within :
            List.of(
                new PhysicalRange(640 << 10, 1 << 20),
                new PhysicalRange(1L << 40, 1L << 41),
                new PhysicalRange(PAGE + 1, 2 * PAGE + 4095),
                new PhysicalRange(0, 0))) {
          assertThatThrownBy(() -> vm.allocateContiguous(PAGE, 1, 0, within))
              .as("within %s", within)
              .isInstanceOf(OutOfPagesException.class);
        }
      }
    }
  }

  @Nested
  class AMachineTooSmall {
    @Test
    void isRefusedWithWhatItNeeds() {
      VmConfig.Builder small =
          config(new PhysicalRange(0, 500 << 10), new PhysicalRange(1 << 20, (1 << 20) + 40960));
      long least = small.build().minimumPhysicalMemory();
      assertThatThrownBy(() -> VirtualMemory.boot(small.build()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a machine of 552960 bytes is too small")
          .hasMessageContaining("in [[0x0, 0x7d000), [0x100000, 0x10a000)]")
          .hasMessageEndingWith("the least is " + least + " bytes");
    }

    @ParameterizedTest(name = "{0} GiB")
    @ValueSource(ints = {1, 4})
    void isOneWithAHoleWhoseDescriptorsTakeIt(int gibibytes) {
      long far = (long) gibibytes << 30;
      VmConfig wide = config(BASE, EXTENDED, new PhysicalRange(far, far + (1 << 20))).build();
      assertThatThrownBy(() -> VirtualMemory.boot(wide))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("too small");
      assertThat(wide.minimumPhysicalMemory()).isGreaterThan(far / PAGE * 64);
    }

    @Test
    void isOneWhoseLargestRangeHasNoRoomForTheStructures() {
      List<PhysicalRange> pieces = new ArrayList<>();
      for (long n = 0; n < 64; n++) {
        pieces.add(new PhysicalRange(n << 20, (n << 20) + (300 << 10)));
      }
      assertThatThrownBy(
              () -> VirtualMemory.boot(VmConfig.builder().physicalRanges(pieces).build()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is too small for the structures of such a machine");
    }

    @Test
    void isNotOneWithWhatItNeeds() {
      VmConfig.Builder builder = config(BASE, EXTENDED);
      long least = builder.build().minimumPhysicalMemory();
      long end = (least - BASE.bytes() + (1 << 20) + PAGE - 1) & -PAGE;
      builder.physicalRanges(List.of(BASE, new PhysicalRange(1 << 20, end)));
      try (VirtualMemory vm = VirtualMemory.boot(builder.build())) {
        // What was asked were wider ranges, with more descriptors.
        assertThat(vm.statistics().pageCount()).isBetween(256L, 280L);
        assertThat(vm.check().summary()).isEqualTo("clean");
      }
    }
  }
}
