package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;

class ChunksTest {
  @ParameterizedTest(name = "{1} bytes from {0} touch {2}")
  @CsvSource({
    "0, 4096, ff",
    "512, 512, 02",
    "100, 10, 01",
    "500, 20, 03",
    "4095, 1, 80",
    "0, 0, 00",
    "4096, 0, 00",
    "1024, 1537, 3c"
  })
  void ofARangeAreThoseThatItTouches(int offset, int size, String mask) {
    assertThat(new Chunks(12).mask(offset, size)).isEqualTo(Integer.parseInt(mask, 16));
  }

  @ParameterizedTest(name = "pages of 2^{0} bytes")
  @ValueSource(ints = {12, 13, 14, 15, 16})
  void areEighthsWhateverThePageIs(int shift) {
    Chunks chunks = new Chunks(shift);
    int chunk = (1 << shift) / 8;
    assertThat(chunks.bytes()).isEqualTo(chunk);
    for (int n = 0; n < 8; n++) {
      assertThat(chunks.mask(n * chunk, chunk)).isEqualTo(1 << n);
      assertThat(chunks.mask(n * chunk + chunk - 1, 1)).isEqualTo(1 << n);
    }
    assertThat(chunks.mask(chunk - 1, 2)).isEqualTo(3);
    assertThat(chunks.floor(chunk + 1)).isEqualTo(chunk);
    assertThat(chunks.floor(chunk)).isEqualTo(chunk);
    assertThat(chunks.ceiling(chunk)).isEqualTo(chunk);
    assertThat(chunks.ceiling(chunk + 1)).isEqualTo(2 * chunk);
  }

  @ParameterizedTest(name = "{1} bytes from {0}")
  @CsvSource({"4096, 1", "1, 4096", "-1, 1", "0, -1", "2147483647, 2147483647"})
  void ofARangeThatLeavesThePageAreAPanic(int offset, int size) {
    assertThatThrownBy(() -> new Chunks(12).mask(offset, size))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining(size + " bytes from " + offset);
  }

  @Test
  void ofAWholePageAreAll() {
    assertThat(new Chunks(16).mask(0, 65536)).isEqualTo(Chunks.ALL);
  }
}
