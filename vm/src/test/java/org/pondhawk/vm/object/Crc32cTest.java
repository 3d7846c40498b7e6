package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class Crc32cTest {
  private static int expected(long value) {
    CRC32C crc = new CRC32C();
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    crc.update(bytes.putLong(0, value));
    return (int) crc.getValue();
  }

  @Test
  void isWhatTheLibrarySays() {
    Random random = new Random(1);
    for (long value = 0; value < 1_000; value++) {
      long other = random.nextLong();
      assertThat(Crc32c.of(value)).isEqualTo(expected(value));
      assertThat(Crc32c.of(other)).as("of %d", other).isEqualTo(expected(other));
    }
  }
}
