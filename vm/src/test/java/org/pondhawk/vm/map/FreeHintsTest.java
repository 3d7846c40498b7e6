package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FreeHintsTest {
  private final FreeHints hints = new FreeHints();

  @Test
  void knowNothingAtFirst() {
    assertThat(hints.begin(8, 1, 5)).isEqualTo(5);
  }

  @Test
  void letASearchOfTheSameKindBeginWhereTheLastEnded() {
    hints.found(8, 1, 0, 100);

    assertThat(hints.begin(8, 1, 0)).isEqualTo(100);
    assertThat(hints.begin(8, 1, 50)).isEqualTo(100);
    assertThat(hints.begin(8, 1, 200)).isEqualTo(200);
    assertThat(hints.begin(8, 2, 0)).isZero();
    assertThat(hints.begin(4, 1, 0)).isZero();
  }

  @Test
  void sayNothingOfWhatLiesBeforeTheSearchThatTheyCameFrom() {
    hints.found(8, 1, 50, 100);
    assertThat(hints.begin(8, 1, 49)).isEqualTo(49);
  }

  @Test
  void keepTheirOriginWhenASearchGoesOn() {
    hints.found(8, 1, 10, 100);
    hints.found(8, 1, 60, 120);
    assertThat(hints.begin(8, 1, 10)).isEqualTo(120);
  }

  @Test
  void beginAnewWithASearchThatBeganBehindThem() {
    hints.found(8, 1, 10, 100);
    hints.found(8, 1, 150, 200);
    assertThat(hints.begin(8, 1, 10)).isEqualTo(10);
    assertThat(hints.begin(8, 1, 160)).isEqualTo(200);
  }

  @Test
  void goBackToAHoleThatIsLargeEnough() {
    hints.found(8, 1, 10, 100);
    hints.hole(40, 7);
    assertThat(hints.begin(8, 1, 10)).isEqualTo(100);
    hints.hole(40, 8);
    assertThat(hints.begin(8, 1, 10)).isEqualTo(40);
    hints.hole(2, 20);
    assertThat(hints.begin(8, 1, 10)).isEqualTo(10);
  }

  @Test
  void rememberTheLastFourKinds() {
    for (int kind = 1; kind <= FreeHints.COUNT + 1; kind++) {
      hints.found(kind, 1, 0, 100L * kind);
    }
    assertThat(hints.begin(1, 1, 0)).isZero();
    assertThat(hints.begin(2, 1, 0)).isEqualTo(200);
    assertThat(hints.begin(5, 1, 0)).isEqualTo(500);
  }
}
