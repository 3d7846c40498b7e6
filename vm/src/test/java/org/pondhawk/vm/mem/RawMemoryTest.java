package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RawMemoryTest {
  private static final int BYTES = 4096;

  private final OwnMemory memory = new OwnMemory();
  private final long base = memory.allocate(BYTES, "test");

  @AfterEach
  void release() {
    memory.close();
  }

  @Nested
  class PlainAccess {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 7, 62, 1001})
    void worksAtAnyAddressAndTouchesNothingElse(int offset) {
      long at = base + 64 + offset;
      RawMemory.fill(base, BYTES, (byte) 0x55);

      RawMemory.putLong(at, 0x0102_0304_0506_0708L);
      assertThat(RawMemory.getLong(at)).isEqualTo(0x0102_0304_0506_0708L);
      RawMemory.putInt(at, -7);
      assertThat(RawMemory.getInt(at)).isEqualTo(-7);
      RawMemory.putShort(at, (short) -300);
      assertThat(RawMemory.getShort(at)).isEqualTo((short) -300);
      RawMemory.putByte(at, (byte) -1);
      assertThat(RawMemory.getByte(at)).isEqualTo((byte) -1);

      assertThat(RawMemory.allBytesAre(base, at - base, (byte) 0x55)).isTrue();
      assertThat(RawMemory.allBytesAre(at + 8, base + BYTES - at - 8, (byte) 0x55)).isTrue();
    }
  }

  @Nested
  class AtomicAccessOfALong {
    @Test
    void comparesAndSets() {
      assertThat(RawMemory.compareAndSetLong(base, 0, 5)).isTrue();
      assertThat(RawMemory.compareAndSetLong(base, 0, 6)).isFalse();
      assertThat(RawMemory.compareAndExchangeLong(base, 5, 7)).isEqualTo(5);
      assertThat(RawMemory.compareAndExchangeLong(base, 5, 8)).isEqualTo(7);
      assertThat(RawMemory.getLongVolatile(base)).isEqualTo(7);
    }

    @Test
    void returnsWhatWasThere() {
      RawMemory.setLongRelease(base, 0b1100);

      assertThat(RawMemory.getAndAddLong(base, 1)).isEqualTo(0b1100);
      assertThat(RawMemory.getAndBitwiseOrLong(base, 0b10)).isEqualTo(0b1101);
      assertThat(RawMemory.getAndBitwiseAndLong(base, 0b111)).isEqualTo(0b1111);
      assertThat(RawMemory.getAndSetLong(base, -1)).isEqualTo(0b111);
      assertThat(RawMemory.getLongAcquire(base)).isEqualTo(-1);
    }

    @Test
    void storesInEveryMode() {
      RawMemory.setLongOpaque(base, 1);
      assertThat(RawMemory.getLongOpaque(base)).isEqualTo(1);
      RawMemory.setLongVolatile(base, 2);
      assertThat(RawMemory.getLong(base)).isEqualTo(2);
    }

    @Test
    void refusesAnUnalignedAddress() {
      assertThatThrownBy(() -> RawMemory.getLongAcquire(base + 4))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Nested
  class AtomicAccessOfAnInt {
    @Test
    void comparesAndSets() {
      assertThat(RawMemory.compareAndSetInt(base + 4, 0, 5)).isTrue();
      assertThat(RawMemory.compareAndSetInt(base + 4, 0, 6)).isFalse();
      assertThat(RawMemory.compareAndExchangeInt(base + 4, 5, 7)).isEqualTo(5);
      assertThat(RawMemory.getIntVolatile(base + 4)).isEqualTo(7);
      assertThat(RawMemory.getInt(base)).as("the neighbour").isZero();
    }

    @Test
    void returnsWhatWasThere() {
      RawMemory.setIntRelease(base, 0b1100);

      assertThat(RawMemory.getAndAddInt(base, 1)).isEqualTo(0b1100);
      assertThat(RawMemory.getAndBitwiseOrInt(base, 0b10)).isEqualTo(0b1101);
      assertThat(RawMemory.getAndBitwiseAndInt(base, 0b111)).isEqualTo(0b1111);
      assertThat(RawMemory.getAndSetInt(base, -1)).isEqualTo(0b111);
      assertThat(RawMemory.getIntAcquire(base)).isEqualTo(-1);
    }

    @Test
    void storesInEveryMode() {
      RawMemory.setIntOpaque(base, 1);
      assertThat(RawMemory.getIntOpaque(base)).isEqualTo(1);
      RawMemory.setIntVolatile(base, 2);
      assertThat(RawMemory.getInt(base)).isEqualTo(2);
    }
  }

  @Nested
  class Ranges {
    @Test
    void areCopiedToAndFromArrays() {
      byte[] bytes = {9, 1, 2, 3, 9};
      RawMemory.copyFromArray(bytes, 1, base + 5, 3);

      byte[] back = new byte[5];
      RawMemory.copyToArray(base + 5, back, 2, 3);

      assertThat(back).containsExactly(0, 0, 1, 2, 3);
    }

    @Test
    void areCopiedEvenWhereTheyOverlap() {
      RawMemory.copyFromArray(new byte[] {1, 2, 3, 4}, 0, base, 4);

      RawMemory.copy(base, base + 1, 4);

      assertThat(RawMemory.segment(base, 5).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
          .containsExactly(1, 1, 2, 3, 4);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 8, 63, 64, 4095})
    void showTheOneByteThatDiffers(int offset) {
      OwnMemory other = new OwnMemory();
      long second = other.allocate(BYTES, "test");
      assertThat(RawMemory.mismatch(base, second, BYTES)).isEqualTo(-1);
      assertThat(RawMemory.allBytesAre(base, BYTES, (byte) 0)).isTrue();

      RawMemory.putByte(base + offset, (byte) 1);

      assertThat(RawMemory.mismatch(base, second, BYTES)).isEqualTo(offset);
      assertThat(RawMemory.allBytesAre(base, BYTES, (byte) 0)).isFalse();
      other.close();
    }

    @Test
    void thatAreEmptyAreFullOfAnything() {
      assertThat(RawMemory.allBytesAre(base, 0, (byte) 1)).isTrue();
      assertThat(RawMemory.allBytesAre(base, 1, (byte) 1)).isFalse();
    }
  }
}
