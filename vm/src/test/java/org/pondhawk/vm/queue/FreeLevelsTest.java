package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FreeLevelsTest {
  @ParameterizedTest(name = "{0} pages")
  @CsvSource({
    "1024, 69, 41, 34, 24, 15, 138, 207, 276, 345, 64, 20",
    "4096, 84, 49, 42, 28, 17, 168, 252, 336, 420, 256, 32",
    "16384, 145, 79, 72, 43, 25, 290, 435, 580, 725, 1024, 80",
    "65536, 391, 202, 195, 104, 55, 782, 1173, 1564, 1955, 4096, 272",
    "262144, 1374, 694, 687, 350, 178, 2748, 4122, 5496, 6870, 16384, 1040",
    "1048576, 5306, 2660, 2653, 1333, 670, 10612, 15918, 21224, 26530, 65536, 4112",
    "8071042, 40419, 20216, 20209, 10111, 5059, 80838, 121257, 161676, 202095, 504440, 31543"
  })
  void areThoseOfTheSpecificationWithItsBase(
      long pages,
      long min,
      long reserved,
      long severe,
      long pageoutMin,
      long interruptMin,
      long wait,
      long start,
      long target1,
      long target2,
      long inactiveTarget,
      long maxLaunder) {
    assertThat(FreeLevels.withBase(64, pages, pages))
        .isEqualTo(
            new FreeLevels(
                min,
                reserved,
                severe,
                pageoutMin,
                interruptMin,
                wait,
                start,
                target1,
                target2,
                wait,
                inactiveTarget,
                maxLaunder));
  }

  @Test
  void ofASmallMachineStartFromTheSmallBase() {
    assertThat(FreeLevels.of(4095, 4095)).isEqualTo(FreeLevels.withBase(16, 4095, 4095));
    assertThat(FreeLevels.of(4096, 4096)).isEqualTo(FreeLevels.withBase(64, 4096, 4096));
    assertThat(FreeLevels.of(256, 200))
        .isEqualTo(new FreeLevels(17, 15, 8, 11, 9, 34, 51, 68, 85, 34, 12, 17));
  }

  @ParameterizedTest
  @ValueSource(longs = {256, 4095, 4096, 1 << 20})
  void areInTheirOrder(long pages) {
    FreeLevels levels = FreeLevels.of(pages, pages);
    assertThat(
            new long[] {
              levels.interruptMin(),
              levels.reserved(),
              levels.min(),
              levels.pagingWait(),
              levels.pagingStart(),
              levels.target1(),
              levels.target2(),
              pages
            })
        .isSorted()
        .doesNotHaveDuplicates();
    assertThat(levels.severe()).isLessThan(levels.min());
  }

  @ParameterizedTest
  @CsvSource({"65536, 2, 48", "256, 8, 1", "1073741824, 1, 1024"})
  void tellHowManyPagesAStripeMayTakeUnseen(long pages, int stripes, long expected) {
    assertThat(FreeLevels.of(pages, pages).pushAt(stripes)).isEqualTo(expected);
  }
}
