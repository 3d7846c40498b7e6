package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// What ends a wait beside pages that are freed, of which [FreeGateTest] has the levels: min 391,
/// start 1173.
class WaitEndsTest {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
  private static final long FAR = TimeUnit.SECONDS.toNanos(15);

  private final AtomicLong clock = new AtomicLong();
  private final VmStats stats = new VmStats(1);
  private final Pressure pressure = new Pressure(FreeLevels.withBase(64, 65_536, 65_536), stats);
  private final FreeGate gate =
      new FreeGate(
          pressure,
          stats,
          clock::get,
          new HaltSwitch(),
          PATIENCE,
          Tunable.live("vm.page_free_hysteresis", 0, 1 << 20, 16, "Pages."));
  private final VmThread self = new VmThread("self", 0, false, 0);

  private void free(int count) {
    for (int i = 0; i < count; i++) {
      stats.increment(0, PageCount.FREE);
    }
    stats.rollup();
  }

  @Nested
  class MemoryThatNobodySees implements UnseenPages {
    private final List<String> asked = new ArrayList<>();
    private boolean there;
    private boolean thereAtLast;

    MemoryThatNobodySees() {
      gate.reclaimBy(this);
    }

    @Override
    public boolean reclaim(boolean lastChance) {
      asked.add(lastChance ? "last chance" : "reclaim");
      return there || (lastChance && thereAtLast);
    }

    @Override
    public void memoryIsShort() {
      asked.add("short");
    }

    @Test
    void isNotedOnceWhereTheDaemonWasIdle() {
      free(1172);
      gate.requestPaging(self);
      assertThat(asked).containsExactly("short");
      gate.requestPaging(self);
      assertThat(asked).as("it runs by now").containsExactly("short");
    }

    @Test
    void isAskedForWhereAnAllocationFailed() {
      free(1172);
      gate.noteShortage(self);
      assertThat(asked).containsExactly("short");
      assertThat(gate.work().pagesNeeded()).isEqualTo(1);
    }

    @Test
    void endsTheWaitBeforeItBegins() {
      there = true;
      gate.await(self, gate.patience());
      assertThat(asked).containsExactly("reclaim");
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
    }

    @Test
    void isTheLastResortOfWhoWouldFail() {
      Patience patience = gate.patience();
      gate.await(self, patience);
      clock.addAndGet(PATIENCE + 1);
      thereAtLast = true;
      gate.await(self, patience);
      assertThat(asked).endsWith("reclaim", "last chance");
      thereAtLast = false;
      assertThatThrownBy(() -> gate.await(self, patience))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("nothing was freed for 5000 ms");
    }

    @Test
    void isTheLastResortWhereSwapIsFull() {
      gate.setExhausted(true);
      thereAtLast = true;
      gate.await(self, gate.patience());
      assertThat(asked).containsExactly("reclaim", "last chance");
    }
  }

  @Nested
  class FullSwap {
    @Test
    void refusesWhoWouldWait() {
      gate.setExhausted(true);
      assertThatThrownBy(() -> gate.await(self, gate.patience()))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("swap is full and nothing can be freed");
      assertThat(stats.total(Event.MEMORY_WAITS)).isZero();
    }

    @Test
    void wakesWhoWaitsAlready() {
      Helper<Boolean> waiter =
          Helper.run(() -> gate.await(self, gate.patience(), FAR)).awaitAsleep();
      long began = System.nanoTime();
      gate.setExhausted(true);
      waiter.join();
      assertThat(System.nanoTime() - began).isLessThan(FAR / 2);
    }

    @Test
    void isForgottenOnceAnythingMoves() {
      for (Event event :
          List.of(
              Event.FREED,
              Event.SWAP_PAGES_OUT,
              Event.SWAP_PAGES_IN,
              Event.FILE_PAGES_IN,
              Event.FILE_PAGES_OUT)) {
        gate.setExhausted(true);
        stats.count(0, event, 1);
        assertThatCode(() -> gate.await(self, gate.patience(), 1)).doesNotThrowAnyException();
      }
    }

    @Test
    void isTakenBack() {
      gate.setExhausted(true);
      gate.setExhausted(false);
      assertThatCode(() -> gate.await(self, gate.patience(), 1)).doesNotThrowAnyException();
    }
  }

  @Nested
  class APageThatStaysBusy {
    @Test
    void isWaitedForAsLongAsTheMachineIsPatient() {
      Patience patience = gate.checkBusyWait(self, null);
      clock.addAndGet(PATIENCE);
      assertThat(gate.checkBusyWait(self, patience)).isSameAs(patience);
      clock.addAndGet(1);
      assertThatThrownBy(() -> gate.checkBusyWait(self, patience))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("a page stayed busy, and nothing moved, for more than 5000 ms");
    }

    @Test
    void isWaitedForLongerWhileOthersMove() {
      Patience patience = gate.checkBusyWait(self, null);
      clock.addAndGet(PATIENCE + 1);
      stats.count(0, Event.SWAP_PAGES_IN, 1);
      assertThat(gate.checkBusyWait(self, patience)).isSameAs(patience);
    }
  }
}
