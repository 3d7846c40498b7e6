package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Pages 0 to 159 and 256 to 511, from physical address 4 MiB on.
class PhysicalMapTest {
  private static final long FIRST = 4L << 20;
  private final PhysicalMap map =
      new PhysicalMap(12, FIRST >> 12, 512, new int[] {0, 256}, new int[] {160, 512});

  @Test
  void aPageHasAnAddressAndTheAddressThePage() {
    for (int page = 0; page < 512; page++) {
      long physical = map.physical(page);
      assertThat(physical).isEqualTo(FIRST + page * 4096L);
      assertThat(map.pageOf(physical)).isEqualTo(page);
      assertThat(map.pageOf(physical + 4095)).isEqualTo(page);
    }
  }

  @Test
  void holesHaveNumbersAndNoMemory() {
    assertThat(map.pageCount()).isEqualTo(512);
    assertThat(map.frameCount()).isEqualTo(160 + 256);
    assertThat(map.isHole(0)).isFalse();
    assertThat(map.isHole(159)).isFalse();
    assertThat(map.isHole(160)).isTrue();
    assertThat(map.isHole(255)).isTrue();
    assertThat(map.isHole(256)).isFalse();
    assertThat(map.isHole(511)).isFalse();
    assertThat(map.isHole(512)).as("beyond the last").isTrue();
  }

  @Test
  void aHoleMayBeFirst() {
    PhysicalMap late = new PhysicalMap(12, 0, 20, new int[] {16}, new int[] {20});
    assertThat(late.isHole(0)).isTrue();
    assertThat(late.isHole(16)).isFalse();
    assertThat(late.limitOf(1)).isEqualTo(17);
  }

  @Test
  void whatLiesOutsideIsRefused() {
    assertThatThrownBy(() -> map.pageOf(FIRST - 1))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining(
            "no page has the physical address 0x3fffff: they are from 0x400000 to 0x600000");
    assertThatThrownBy(() -> map.pageOf(FIRST + 512 * 4096L))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> map.pageOf(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> map.physical(-1)).hasMessage("page -1 of 512");
    assertThatThrownBy(() -> map.physical(512)).hasMessage("page 512 of 512");
  }

  @ParameterizedTest(name = "{0} pages with memory lie below {1}")
  @CsvSource({"0, 0", "1, 1", "160, 160", "161, 257", "416, 512"})
  void theLimitOfAReserveSkipsHoles(int count, int limit) {
    assertThat(map.limitOf(count)).isEqualTo(limit);
  }

  @Test
  void noMorePagesThanThereAreLieBelowALimit() {
    assertThatThrownBy(() -> map.limitOf(417)).hasMessage("417 pages of 416");
  }

  @ParameterizedTest(name = "[{0}, {1}) and [{2}, {3}) of 10")
  @CsvSource({"0, 4, 3, 6", "0, 0, 4, 5", "5, 4, 6, 7", "0, 4, 5, 11", "4, 6, 0, 2"})
  void stretchesThatCannotBeAreRefused(int start, int end, int secondStart, int secondEnd) {
    int[] starts = {start, secondStart};
    int[] ends = {end, secondEnd};
    assertThatThrownBy(() -> new PhysicalMap(12, 0, 10, starts, ends))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no stretch of 10 pages");
  }
}
