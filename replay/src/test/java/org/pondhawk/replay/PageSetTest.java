package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageSetTest {
  /// Pages 8, 9, 10, 13 and 4: one run of three, and two alone.
  private static final Trace TRACE =
      new CompactTraces()
          .pages(9, 13, 8, 4, 10)
          .read(0)
          .write(1)
          .write(0)
          .write(2)
          .read(3)
          .write(4)
          .trace("t");

  @Test
  void isTheTraceWherePagesAreOfOneSize() {
    PageSet pages = PageSet.of(TRACE, 4096);

    assertThat(pages.count()).isEqualTo(5);
    assertThat(pages.bytes()).isEqualTo(5 * 4096);
    assertThat(pages.indexOfId()).containsExactly(0, 1, 2, 3, 4);
    assertThat(pages.regions())
        .containsExactly(
            new PageSet.Region(4, 1), new PageSet.Region(8, 3), new PageSet.Region(13, 1));
    assertThat(pages.isReadFirst(0)).isTrue();
    assertThat(pages.isReadFirst(1)).isFalse();
    assertThat(pages.isReadFirst(2)).isFalse();
    assertThat(pages.isReadFirst(3)).isTrue();
    assertThat(pages.isReadFirst(4)).isFalse();
  }

  @Test
  void joinsPagesOfTheTraceInLargerOnes() {
    PageSet pages = PageSet.of(TRACE, 16384);

    assertThat(pages.count()).isEqualTo(3);
    assertThat(pages.indexOfId()).containsExactly(0, 1, 0, 2, 0);
    assertThat(pages.number(0)).isEqualTo(2);
    assertThat(pages.number(1)).isEqualTo(3);
    assertThat(pages.number(2)).isEqualTo(1);
    assertThat(pages.regions()).containsExactly(new PageSet.Region(1, 3));
    assertThat(pages.isReadFirst(0)).isTrue();
    assertThat(pages.isReadFirst(1)).isFalse();
    assertThat(pages.isReadFirst(2)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -4096, 2048, 4097, 12288})
  void refusesAPageSize(int pageSize) {
    assertThatThrownBy(() -> PageSet.of(TRACE, pageSize))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
