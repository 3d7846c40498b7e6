package org.pondhawk.vm.queue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// The counts of the machine: one global record, and a stripe for each processor that collects
/// changes and shows a recent view (`vmstats`, `gd_vmstats_adj`, `gd_vmstats`, `gd_cnt`).
///
/// Hot paths touch their own stripe only. A stripe that has taken many pages pushes its change to
/// the global record at once and looks at it anew, so the global record errs towards fewer free
/// pages; [#rollup] makes it exact. A thread that moves between processors does no harm: every
/// change is one atomic addition. A stripe's view is what it saw of the global record last and its
/// own change since.
@SuppressWarnings("EnumOrdinal") // the enums name the cells of these arrays and nothing else
public final class VmStats {
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

  /// Words between what two processors write, so that they share no cache line.
  private static final int PAD = 16;

  private static final int ADJUST = PAD;
  private static final int FREE_CELL = ADJUST + PageCount.FREE.ordinal();
  private static final int SEEN = ADJUST + PageCount.SIZE;
  private static final int EVENTS = SEEN + PageCount.SIZE;

  /*
   * A cell of changes is a sum of two numbers, so that one addition counts both:
   *
   *   63                            32 31                             0
   *  ┌────────────────────────────────┬────────────────────────────────┐
   *  │ of FREE: pages freed           │ change since the last push     │   cell = freed * 2^32 + change
   *  └────────────────────────────────┴────────────────────────────────┘
   *
   * The change may be negative and borrows from the upper half then: that half is (cell - change) / 2^32.
   * Before it overflows, whoever counts the page that fills it moves it to the event's own cell: each
   * addition sees a number of its own, so exactly one thread does.
   */
  private static final int FREED_SHIFT = Integer.SIZE;

  private static final long ONE_FREED = (1L << FREED_SHIFT) + 1;
  private static final int CARRY_SHIFT = 30;

  private final long[] global = new long[PAD + PageCount.SIZE + PAD];
  private final long[][] stripes;
  private final long carryAt;
  private volatile long pushAt = 1;

  /// Makes counts that are all zero.
  public VmStats(int stripes) {
    this(stripes, 1L << CARRY_SHIFT);
  }

  /// Makes counts that move freed pages to their event when a stripe has counted so many.
  ///
  /// @param carryAt from 1 to half of what the upper half of a cell can hold
  VmStats(int stripes, long carryAt) {
    this.carryAt = carryAt;
    this.stripes = new long[stripes][EVENTS + Event.SIZE + PAD];
  }

  /// How many stripes there are.
  public int stripes() {
    return stripes.length;
  }

  /// Sets how many pages a stripe may take before it pushes.
  ///
  /// @param pages at least 1
  public void pushAt(long pages) {
    pushAt = pages;
  }

  /// Counts a page in, in a stripe.
  void increment(int stripe, PageCount count) {
    CELL.getAndAdd(stripes[stripe], ADJUST + count.ordinal(), 1L);
  }

  /// Counts a page out, in a stripe, pushing when enough have gone.
  void decrement(int stripe, PageCount count) {
    long[] cells = stripes[stripe];
    int i = count.ordinal();
    int adjust = (int) (long) CELL.getAndAdd(cells, ADJUST + i, -1L) - 1;
    if (adjust <= -pushAt) {
      push(cells, i);
      refresh(cells);
    }
  }

  /// Counts a page in that was freed, in a stripe: a free page more, and a page freed, in one
  /// addition.
  void freed(int stripe) {
    long[] cells = stripes[stripe];
    long was = (long) CELL.getAndAdd(cells, FREE_CELL, ONE_FREED);
    if (freedIn(was) + 1 == carryAt) {
      CELL.getAndAdd(cells, FREE_CELL, -(carryAt << FREED_SHIFT));
      count(stripe, Event.FREED, carryAt);
    }
  }

  private static long freedIn(long cell) {
    return (cell - (int) cell) >>> FREED_SHIFT;
  }

  /// Moves a stripe's change to the global record. Two at a time may both move it; then the second
  /// leaves the opposite behind, and the sum of both records is right at every step.
  private void push(long[] cells, int i) {
    int adjust = (int) (long) CELL.getOpaque(cells, ADJUST + i); // as good as any later one
    if (adjust != 0) {
      CELL.getAndAdd(cells, ADJUST + i, -(long) adjust);
      CELL.getAndAdd(global, PAD + i, (long) adjust);
    }
  }

  private void refresh(long[] cells) {
    for (int i = 0; i < PageCount.SIZE; i++) {
      CELL.setOpaque(cells, SEEN + i, (long) CELL.getOpaque(global, PAD + i));
    }
  }

  /// Pushes every stripe's changes and refreshes every view (`vmstats_rollup`).
  public void rollup() {
    for (long[] cells : stripes) {
      for (int i = 0; i < PageCount.SIZE; i++) {
        push(cells, i);
      }
    }
    for (long[] cells : stripes) {
      refresh(cells);
    }
  }

  /// A count as a stripe sees it: recent, not exact.
  public long view(int stripe, PageCount count) {
    long[] cells = stripes[stripe];
    int i = count.ordinal();
    // A hint by contract: between a push and the look that follows it, the change is missing.
    return (long) CELL.getOpaque(cells, SEEN + i) + (int) (long) CELL.getOpaque(cells, ADJUST + i);
  }

  /// A count of the global record: exact after a [#rollup] at rest.
  public long global(PageCount count) {
    return (long) CELL.getOpaque(global, PAD + count.ordinal()); // a hint by contract
  }

  /// Counts events.
  public void count(int stripe, Event event, long n) {
    CELL.getAndAdd(stripes[stripe], EVENTS + event.ordinal(), n);
  }

  /// How often an event has happened since boot on one stripe (`gd_cnt`).
  public long total(int stripe, Event event) {
    return (long) CELL.getOpaque(stripes[stripe], EVENTS + event.ordinal()); // a hint by contract
  }

  /// How often an event has happened since boot.
  public long total(Event event) {
    long sum = 0;
    for (long[] cells : stripes) {
      sum += (long) CELL.getOpaque(cells, EVENTS + event.ordinal());
      if (event == Event.FREED) {
        sum += freedIn((long) CELL.getOpaque(cells, FREE_CELL));
      }
    }
    return sum;
  }
}
