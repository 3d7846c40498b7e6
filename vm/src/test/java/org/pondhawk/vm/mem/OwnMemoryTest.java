package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OwnMemoryTest {
  private final OwnMemory memory = new OwnMemory();

  @AfterEach
  void release() {
    memory.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 64, 65, 4095, 4096, 100_000, 3 << 20})
  void isZeroedAlignedAndApart(long bytes) {
    Set<Long> lines = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      long address = memory.allocate(bytes, "test");
      assertThat(address % (bytes >= 4096 ? 4096 : 64)).isZero();
      assertThat(RawMemory.allBytesAre(address, bytes, (byte) 0)).isTrue();
      RawMemory.fill(address, bytes, (byte) 1);
      for (long line = address; line < address + bytes; line += 64) {
        assertThat(lines.add(line)).isTrue();
      }
    }
  }

  @Test
  void countsWholeLinesByName() {
    memory.allocate(1, "queues");
    memory.allocate(10_000, "descriptors");
    memory.allocate(100, "queues");

    assertThat(memory.breakdown()).isEqualTo(Map.of("queues", 192L, "descriptors", 10_048L));
    assertThat(memory.totalBytes()).isEqualTo(10_240);
  }

  @ParameterizedTest
  @ValueSource(longs = {100, 100_000})
  void thatIsFreedIsNotCountedAndComesBackZeroed(long bytes) {
    long address = memory.allocate(bytes, "test");
    RawMemory.fill(address, bytes, (byte) 1);

    memory.free(address, bytes, "test");
    assertThat(memory.totalBytes()).isZero();

    long again = memory.allocate(bytes, "test");
    assertThat(RawMemory.allBytesAre(again, bytes, (byte) 0)).isTrue();
  }

  @Test
  void sparseRangesAreNotCountedAndCanBeGivenBackInPart() {
    long address = memory.reserveSparse(1 << 20);
    assertThat(memory.totalBytes()).isZero();
    RawMemory.fill(address, 1 << 20, (byte) 1);

    memory.giveBack(address + 4096, 4096);

    assertThat(RawMemory.allBytesAre(address, 4096, (byte) 1)).isTrue();
    assertThat(RawMemory.allBytesAre(address + 4096, 4096, (byte) 0)).isTrue();
    assertThat(RawMemory.allBytesAre(address + 8192, 4096, (byte) 1)).isTrue();
    memory.releaseSparse(address, 1 << 20);
    assertThatThrownBy(() -> memory.releaseSparse(address, 1 << 20))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aSparseRangeMayBeFarLargerThanTheMachine() {
    Assumptions.assumeTrue(Linux.available());
    long bytes = 1L << 42;
    long address = memory.reserveSparse(bytes);

    RawMemory.putLong(address + bytes - 8, 7);

    assertThat(RawMemory.getLong(address + bytes - 8)).isEqualTo(7);
    memory.releaseSparse(address, bytes);
  }

  @Test
  void isGoneAfterTheClose() {
    memory.allocate(10_000, "test");
    memory.close();
    memory.close();

    assertThatThrownBy(() -> memory.allocate(1, "test")).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void thatIsNothingIsRefused() {
    assertThatThrownBy(() -> memory.allocate(0, "queues"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("queues");
  }
}
