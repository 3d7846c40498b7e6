package org.pondhawk.vm.queue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntConsumer;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.SpinLock;

/// Zeroed pages that each processor has set aside for faults to come (`VM_ALLOC_USE_GD`).
///
/// **Contract.** Its pages are hard-busy, on no queue, of no object, zero and flagged so: they are
/// allocated, and no longer counted as free. Last in, first out. Nobody waits for a magazine to
/// take from it: who finds it in use goes to the queues.
final class PageMagazine {
  /*
   * One record a stripe: a lock word, a count, the pages. The records are padded so that two share no
   * cache line. The lock is held for a few stores.
   */
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(int[].class);
  private static final int LOW_SHARE = 4;
  private static final int PAD = 16;
  private static final int LOCK = PAD;
  private static final int COUNT = PAD + 1;
  private static final int PAGES = PAD + 2;

  private final int[][] records;
  private final int size;

  /// Makes empty magazines.
  ///
  /// @param size how many pages each holds at most; 0 for none at all
  PageMagazine(int stripes, int size) {
    this.size = size;
    this.records = new int[stripes][size == 0 ? 0 : PAGES + size + PAD];
  }

  /// Whether there are magazines.
  boolean isOn() {
    return size != 0;
  }

  /// How many pages each holds at most.
  int size() {
    return size;
  }

  /// With how many left it is filled up: a quarter, and one at least.
  int low() {
    return (size + LOW_SHARE - 1) / LOW_SHARE;
  }

  /// How many pages a stripe has set aside: a hint.
  int count(int stripe) {
    return isOn() ? (int) CELL.getOpaque(records[stripe], COUNT) : 0;
  }

  /// Takes the page that was put in last.
  ///
  /// @return the page, or [PageArray#NONE] if there is none, or the magazine is in use
  int take(int stripe) {
    int[] record = records[stripe];
    // A hint that is wrong sends one fault to the queues.
    if ((int) CELL.getOpaque(record, COUNT) == 0 || !tryLock(record)) {
      return PageArray.NONE;
    }
    int count = record[COUNT];
    int page = PageArray.NONE;
    if (count > 0) {
      page = record[PAGES + count - 1];
      CELL.setOpaque(record, COUNT, count - 1); // read without the lock, as a hint
    }
    unlock(record);
    return page;
  }

  /// Puts a page in.
  ///
  /// @return false if the magazine is full, or in use
  boolean put(int stripe, int page) {
    int[] record = records[stripe];
    if (!tryLock(record)) {
      return false;
    }
    int count = record[COUNT];
    boolean fits = count < size;
    if (fits) {
      record[PAGES + count] = page;
      CELL.setOpaque(record, COUNT, count + 1); // read without the lock, as a hint
    }
    unlock(record);
    return fits;
  }

  /// Empties all magazines, as far as nobody puts in more meanwhile. Waits for who is in the middle
  /// of one.
  ///
  /// @param taker gets each page
  /// @return whether there were any
  boolean drain(IntConsumer taker) {
    boolean any = false;
    for (int stripe = 0; stripe < records.length; stripe++) {
      for (int round = 1; count(stripe) != 0; round++) {
        int page = take(stripe);
        if (page == PageArray.NONE) {
          SpinLock.pause(round);
        } else {
          taker.accept(page);
          any = true;
        }
      }
    }
    return any;
  }

  /// Shows all pages that are set aside: for inspection at rest.
  void forEach(IntConsumer viewer) {
    for (int stripe = 0; stripe < records.length; stripe++) {
      for (int i = 0; i < count(stripe); i++) {
        viewer.accept(records[stripe][PAGES + i]);
      }
    }
  }

  private static boolean tryLock(int[] record) {
    return CELL.compareAndSet(record, LOCK, 0, 1);
  }

  private static void unlock(int[] record) {
    CELL.setRelease(record, LOCK, 0);
  }
}
