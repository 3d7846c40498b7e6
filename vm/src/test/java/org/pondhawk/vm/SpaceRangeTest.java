package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;

/// The range that a space is made with.
class SpaceRangeTest {
  private static final long PAGE = 4096;
  private static final long TEBIBYTE = 1L << 40;

  private final VirtualMemory vm = boot(PageTables.AUTO, PAGE);

  private static VirtualMemory boot(PageTables tables, long pageSize) {
    return VirtualMemory.boot(
        VmConfig.builder()
            .physicalMemory(pageSize == PAGE ? 4L << 20 : 40L << 20)
            .pageSize((int) pageSize)
            .pageTables(tables)
            .poisonFreedFrames(true)
            .build());
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, 1, PAGE, 256 * PAGE, 3 * TEBIBYTE, TEBIBYTE + 1, 256 * TEBIBYTE})
  void isAPowerOfTwoFromOneRegionToTheLargest(long range) {
    assertThatThrownBy(() -> vm.newAddressSpace(range))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a range of %d bytes is not a power of two from 2097152 to 140737488355328", range);
  }

  @Test
  void isATebibyteIfNothingElseIsSaid() {
    try (AddressSpace space = vm.newAddressSpace()) {
      assertThat(space.range()).isEqualTo(AddressSpace.DEFAULT_RANGE).isEqualTo(TEBIBYTE);
      assertThat(space.pageTables()).isEqualTo(PageTables.LINEAR);
    }
  }

  @ParameterizedTest(name = "{0}, {1} bytes in pages of {2}")
  @CsvSource({
    "AUTO, 2097152, 4096, LINEAR",
    "LINEAR, 2097152, 4096, LINEAR",
    "TWO_LEVEL, 2097152, 4096, TWO_LEVEL",
    "TWO_LEVEL, 33554432, 65536, TWO_LEVEL",
    "TWO_LEVEL, 1099511627776, 4096, TWO_LEVEL",
    "AUTO, 17592186044416, 4096, LINEAR",
    "AUTO, 35184372088832, 4096, TWO_LEVEL",
    "AUTO, 140737488355328, 4096, TWO_LEVEL",
    "AUTO, 140737488355328, 65536, LINEAR",
    "LINEAR, 140737488355328, 4096, LINEAR"
  })
  void isAllThereAndNothingBeyond(PageTables asked, long range, long pageSize, PageTables form) {
    try (VirtualMemory other = boot(asked, pageSize);
        AddressSpace space = other.newAddressSpace(range);
        View view = space.view()) {
      assertThat(space.pageTables()).isEqualTo(form);
      long last = range - pageSize;
      space.mapAt(last, pageSize, Protection.READ_WRITE);
      space.mapAt(0, pageSize, Protection.READ_WRITE);
      view.putLong(range - 8, 7);
      view.putLong(0, 8);
      assertThat(view.getLong(range - 8)).isEqualTo(7);
      assertThat(view.getLong(0)).isEqualTo(8);
      assertThat(view.getLong(last)).isZero();
      assertThatThrownBy(() -> view.getLong(range)).isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> view.putLong(range - 7, 1))
          .isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> space.mapAt(range, pageSize, Protection.READ))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the %d bytes of %s", range, space.name());
      assertThat(other.check().problems()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {2 << 20, 1L << 47})
  void isInheritedByAFork(long range) {
    try (AddressSpace parent = vm.newAddressSpace(range);
        View ours = parent.view()) {
      parent.mapAt(range - PAGE, PAGE, Protection.READ_WRITE);
      ours.putLong(range - 8, 7);
      try (AddressSpace child = parent.fork();
          View theirs = child.view()) {
        ours.putLong(range - 8, 8);
        assertThat(child.range()).isEqualTo(range);
        assertThat(theirs.getLong(range - 8)).isEqualTo(7);
        theirs.putLong(range - 8, 9);
        assertThat(ours.getLong(range - 8)).isEqualTo(8);
        assertThat(vm.check().problems()).isEmpty();
      }
    }
  }

  /// The work is in the regions that were used, not in those that were mapped.
  @Test
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void ofTheLargestSizeMapsForksAndUnmapsAllOfIt() {
    long bytes = AddressSpace.MAX_RANGE - PAGE;
    try (AddressSpace space = vm.newAddressSpace(AddressSpace.MAX_RANGE);
        View view = space.view()) {
      long base = space.map(bytes, Protection.READ_WRITE);
      for (long at = 0; at < bytes; at += bytes / 50) {
        view.putLong(base + (at & -8), at);
      }
      try (AddressSpace child = space.fork();
          View theirs = child.view()) {
        for (long at = 0; at < bytes; at += bytes / 50) {
          assertThat(theirs.getLong(base + (at & -8))).isEqualTo(at);
        }
      }
      assertThat(vm.check().problems()).isEmpty();
      space.unmap(base, bytes);
      assertThatThrownBy(() -> view.getLong(base)).isInstanceOf(AccessViolationException.class);
    }
  }

  @Test
  void ofOneViewIsNotThatOfAnother() {
    try (AddressSpace large = vm.newAddressSpace(AddressSpace.MAX_RANGE);
        AddressSpace small = vm.newAddressSpace(2 << 20);
        View there = large.view();
        View here = small.view()) {
      large.mapAt(64 * TEBIBYTE, 3 * PAGE, Protection.READ_WRITE);
      small.mapAt(PAGE, 3 * PAGE, Protection.READ_WRITE);
      byte[] bytes = new byte[(int) (2 * PAGE)];
      bytes[5000] = 5;
      there.copyFrom(bytes, 0, bytes.length, 64 * TEBIBYTE + 100);
      here.copyFrom(bytes, 0, bytes.length, PAGE + 200);
      assertThat(here.mismatch(PAGE + 200, there, 64 * TEBIBYTE + 100, bytes.length)).isEqualTo(-1);
      here.putByte(PAGE + 200 + 6000, (byte) 1);
      assertThat(there.mismatch(64 * TEBIBYTE + 100, here, PAGE + 200, bytes.length))
          .isEqualTo(6000);
    }
  }
}
