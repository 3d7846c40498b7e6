package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.VmPanic;

class SpaceLifeTest {
  private final SpaceLife life = new SpaceLife();

  private void requireIs(String word) {
    assertThat(life.toString()).isEqualTo(word);
  }

  private void delete() {
    assertThat(life.tryDelete()).isTrue();
  }

  @Test
  void beginsWithItsMakersReferenceAndTheHoldThatItOwns() {
    requireIs("--- r=1 h=1");
  }

  @Test
  void theDrawingIsTheLayout() {
    assertThat(LifeWord.describe(LifeWord.DELETED)).isEqualTo("D-- r=0 h=0");
    assertThat(LifeWord.describe(LifeWord.EMPTIED)).isEqualTo("-1- r=0 h=0");
    assertThat(LifeWord.describe(LifeWord.TORN_DOWN)).isEqualTo("--2 r=0 h=0");
    assertThat(LifeWord.describe(LifeWord.MOST * LifeWord.ONE_REFERENCE))
        .isEqualTo("--- r=1073741823 h=0");
    assertThat(LifeWord.describe(LifeWord.MOST)).isEqualTo("--- r=0 h=1073741823");
  }

  @Nested
  class AReference {
    @Test
    void ownsAHold() {
      assertThat(life.tryReference()).isTrue();
      requireIs("--- r=2 h=2");

      assertThat(life.release()).isEqualTo(SpaceLife.Release.DONE);
      requireIs("--- r=1 h=1");
    }

    @Test
    void thatIsTheLastIsKeptUntilItIsGivenBackForGood() {
      assertThat(life.release()).isEqualTo(SpaceLife.Release.LAST);
      requireIs("--- r=1 h=1");

      delete();
      requireIs("D-- r=0 h=1");
      assertThat(life.release()).isEqualTo(SpaceLife.Release.ENDED);
    }

    @Test
    void thatIsNotTheLastDeletesNothing() {
      assertThat(life.tryReference()).isTrue();
      assertThat(life.tryDelete()).isFalse();
      requireIs("--- r=2 h=2");
    }

    @Test
    void neverComesBack() {
      delete();
      assertThat(life.tryReference()).isFalse();
      assertThat(life.tryDelete()).isFalse();
      assertThat(life.deleteAll()).isFalse();
      requireIs("D-- r=0 h=1");
    }

    @Test
    void ofEverybodyGoesWithTheMachine() {
      assertThat(life.tryReference()).isTrue();
      assertThat(life.tryReference()).isTrue();
      assertThat(life.tryHold()).isTrue();

      assertThat(life.deleteAll()).isTrue();

      requireIs("D-- r=0 h=2");
      assertThat(life.release()).isEqualTo(SpaceLife.Release.ENDED);
    }
  }

  @Nested
  class AHold {
    @Test
    void putsStageTwoOff() {
      assertThat(life.tryHold()).isTrue();
      delete();
      life.emptied();
      assertThat(life.drop()).isFalse();
      requireIs("D1- r=0 h=1");

      assertThat(life.drop()).isTrue();
      requireIs("D12 r=0 h=0");
      assertThat(life.isTornDown()).isTrue();
    }

    @Test
    void isStillGrantedBetweenTheStages() {
      delete();
      life.emptied();
      assertThat(life.tryHold()).isTrue();
      assertThat(life.drop()).isFalse();
    }

    @Test
    void isNotGrantedAfterTheLast() {
      delete();
      life.emptied();
      assertThat(life.drop()).isTrue();
      assertThat(life.tryHold()).isFalse();
    }

    @Test
    void thatAReferenceOwnsIsNotDroppedWithoutIt() {
      assertThatThrownBy(life::drop).isInstanceOf(VmPanic.class).hasMessageContaining("r=1 h=1");
    }

    @Test
    void isNotTheLastBeforeStageOneIsOver() {
      delete();
      assertThatThrownBy(life::drop).isInstanceOf(VmPanic.class).hasMessageContaining("D-- r=0");
    }

    @Test
    void isNotDroppedTwice() {
      delete();
      life.emptied();
      assertThat(life.drop()).isTrue();
      assertThatThrownBy(life::drop).isInstanceOf(VmPanic.class).hasMessageContaining("D12");
    }
  }

  @Nested
  class StageOne {
    @Test
    void endsOnce() {
      delete();
      life.emptied();
      assertThatThrownBy(life::emptied).isInstanceOf(VmPanic.class);
    }

    @Test
    void isNotOfASpaceInUse() {
      assertThatThrownBy(life::emptied).isInstanceOf(VmPanic.class);
    }
  }
}
