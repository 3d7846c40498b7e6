package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LockOrderTest {
  @ParameterizedTest
  @EnumSource(LockRank.class)
  void aThreadWaitsOnlyForRanksBelowAllItHolds(LockRank held) {
    LockOrder.took(held);
    try {
      for (LockRank wanted : LockRank.values()) {
        if (wanted.compareTo(held) > 0) {
          assertThat(LockOrder.mayWaitFor(wanted)).isTrue();
        } else {
          assertThatThrownBy(() -> LockOrder.mayWaitFor(wanted))
              .isInstanceOf(AssertionError.class)
              .hasMessageContaining(wanted.name())
              .hasMessageContaining(held.name());
        }
      }
    } finally {
      LockOrder.gave(held);
    }
  }

  @ParameterizedTest
  @EnumSource(LockRank.class)
  void aThreadSleepsOnlyWithoutSpinLocks(LockRank held) {
    LockOrder.took(held);
    try {
      assertThat(LockOrder.maySleep()).isEqualTo(held.compareTo(LockRank.TABLE) <= 0);
    } finally {
      LockOrder.gave(held);
    }
  }

  @Test
  void whatIsNotHeldCannotBeGivenBack() {
    assertThatThrownBy(() -> LockOrder.gave(LockRank.PAGE)).isInstanceOf(AssertionError.class);
  }

  @Test
  void aRankTakenTwiceIsHeldUntilGivenBackTwice() {
    LockOrder.took(LockRank.PAGE);
    LockOrder.took(LockRank.PAGE);
    LockOrder.gave(LockRank.PAGE);
    assertThat(LockOrder.holds(LockRank.PAGE)).isTrue();
    LockOrder.gave(LockRank.PAGE);
    assertThat(LockOrder.holds(LockRank.PAGE)).isFalse();
  }

  @Test
  void whatOneThreadHoldsIsNoMatterToAnother() {
    LockOrder.took(LockRank.QUEUE);
    try {
      assertThat(Helper.start(() -> LockOrder.mayWaitFor(LockRank.MAP)).join()).isTrue();
    } finally {
      LockOrder.gave(LockRank.QUEUE);
    }
  }
}
