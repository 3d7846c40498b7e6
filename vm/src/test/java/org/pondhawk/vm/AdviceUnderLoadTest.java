package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.sync.Helper;

/// Advice while others use the range, on a machine with too little memory for it.
class AdviceUnderLoadTest {
  private static final long PAGE = 4096;

  private final ViewFixture fixture = new ViewFixture((int) PAGE);
  private final AddressSpace space = fixture.space;
  private final View view = fixture.view;

  @AfterEach
  void theMachineIsSound() {
    fixture.close();
  }

  /// Two threads count words up, each its own of every page, while the page table forgets parts of
  /// the range and the daemon evicts others: no count is lost.
  @Test
  void whatThePageTableForgetsLosesNoStore() {
    long base = fixture.mapTwiceTheMemory();
    int pages = (int) (2 * fixture.frameBytes() / PAGE);
    AtomicBoolean done = new AtomicBoolean();
    List<Helper<long[]>> users = new ArrayList<>();
    for (int n = 0; n < 2; n++) {
      int number = n;
      users.add(Helper.start(() -> count(base, pages, number, done)));
    }
    for (int n = 0; n < 400; n++) {
      long first = n * 31L % (pages - 20);
      space.advise(base + first * PAGE, (1 + n % 20) * PAGE, Advice.INVALIDATE);
    }
    done.set(true);
    for (int n = 0; n < 2; n++) {
      long[] counts = users.get(n).join();
      for (int p = 0; p < pages; p++) {
        assertThat(view.getLong(base + p * PAGE + 8L * n)).as("page %d", p).isEqualTo(counts[p]);
      }
    }
  }

  private long[] count(long base, int pages, int number, AtomicBoolean done) {
    long[] counts = new long[pages];
    try (View own = space.view()) {
      for (long i = 0; !done.get(); i++) {
        int page = (int) (i * 13 % pages);
        long address = base + page * PAGE + 8L * number;
        long was = own.getLong(address);
        assertThat(was).isEqualTo(counts[page]);
        own.putLong(address, was + 1);
        counts[page]++;
      }
    }
    return counts;
  }

  /// What is given up reads as it was or as zeros, whatever happens to its frames meanwhile.
  @Test
  void whatIsFreedIsOldOrZeroUnderPressureAndNeverForeign() {
    long base = space.map(64 * PAGE, Protection.READ_WRITE);
    for (int round = 1; round <= 5; round++) {
      for (int n = 0; n < 64; n++) {
        view.putLong(base + n * PAGE, round * 1000L + n);
      }
      space.advise(base, 64 * PAGE, Advice.FREE);
      long other = fixture.mapTwiceTheMemory();
      for (long at = other; at < other + 2 * fixture.frameBytes(); at += PAGE) {
        view.putLong(at, -1);
      }
      for (int n = 0; n < 64; n++) {
        assertThat(view.getLong(base + n * PAGE)).isIn(0L, round * 1000L + n);
        assertThat(view.getLong(base + n * PAGE + 8)).isZero();
      }
      space.unmap(other, 2 * fixture.frameBytes());
    }
  }
}
