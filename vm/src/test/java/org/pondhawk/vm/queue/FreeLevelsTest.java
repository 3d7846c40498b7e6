package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.RecordComponent;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("EnumOrdinal") // the order is what is tested
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

  @Test
  void areKnownByTheirNamesInTheOrderOfTheComponents() throws ReflectiveOperationException {
    FreeLevels levels = new FreeLevels(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    RecordComponent[] components = FreeLevels.class.getRecordComponents();
    assertThat(components).hasSize(FreeLevel.values().length);
    for (FreeLevel level : FreeLevel.values()) {
      String component = components[level.ordinal()].getName();
      String constant = component.replaceAll("([A-Z])", "_$1").toUpperCase(Locale.ROOT);
      assertThat(level.name()).isEqualTo(constant);
      assertThat(levels.get(level)).isEqualTo(level.ordinal() + 1L);
      FreeLevels changed = levels.with(level, 99);
      for (FreeLevel other : FreeLevel.values()) {
        assertThat(changed.get(other)).isEqualTo(other == level ? 99 : levels.get(other));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "INTERRUPT_MIN, 203, v_interrupt_free_min=203 would be above v_free_reserved=202",
    "RESERVED, 392, v_free_reserved=392 would be above v_free_min=391",
    "SEVERE, 392, v_free_severe=392 would be above v_free_min=391",
    "PAGEOUT_MIN, 392, v_pageout_free_min=392 would be above v_free_min=391",
    "PAGING_WAIT, 390, v_free_min=391 would be above v_paging_wait=390",
    "PAGING_START, 781, v_paging_wait=782 would be above v_paging_start=781",
    "TARGET1, 1172, v_paging_start=1173 would be above v_paging_target1=1172",
    "TARGET2, 1563, v_paging_target1=1564 would be above v_paging_target2=1563",
    "TARGET2, 32769, v_paging_target2=32769 is more than half of the 65536 pages of the machine",
    "FREE_TARGET, 390, v_free_min=391 would be above v_free_target=390",
    "FREE_TARGET, 1956, v_free_target=1956 would be above v_paging_target2=1955"
  })
  void areRefusedOutOfOrder(FreeLevel level, long pages, String why) {
    FreeLevels good = FreeLevels.withBase(64, 65_536, 65_536);
    assertThat(good.requireOrder(65_536)).isEqualTo(good);
    assertThatThrownBy(() -> good.with(level, pages).requireOrder(65_536))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(why);
  }

  @ParameterizedTest
  @CsvSource({
    "RESERVED, 391", "SEVERE, 391", "PAGEOUT_MIN, 391", "PAGING_WAIT, 391", "PAGING_START, 782",
    "TARGET1, 1173", "TARGET2, 1564", "TARGET2, 32768", "FREE_TARGET, 391", "FREE_TARGET, 1955"
  })
  void mayBeEqual(FreeLevel level, long pages) {
    FreeLevels good = FreeLevels.withBase(64, 65_536, 65_536).with(FreeLevel.FREE_TARGET, 391);
    assertThat(good.with(level, pages).requireOrder(65_536).get(level)).isEqualTo(pages);
  }

  @ParameterizedTest
  @ValueSource(longs = {256, 1000, 4095, 4096, 65_536, 1 << 24})
  void areInAnOrderThatIsAccepted(long pages) {
    assertThat(FreeLevels.of(pages, pages / 2).requireOrder(pages).min()).isPositive();
  }
}
