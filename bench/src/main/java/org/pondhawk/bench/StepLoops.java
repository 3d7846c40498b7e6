package org.pondhawk.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;

/// Accesses through a page table with one part of a view's safety more in each method. What a check
/// refuses is counted, as a call in its place would be a reason for slower code.
final class StepLoops {
  /// A region is of 512 pages.
  private static final int REGION_SHIFT = 9;

  private static final VarHandle COUNT;

  static {
    try {
      COUNT = MethodHandles.lookup().findVarHandle(Marked.class, "count", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long table;
  private final long regions;
  private final long bytes;
  private final int pageShift;
  private final int shift;
  private final long offsetMask;
  private final Thread owner = Thread.currentThread();
  private final Marked mark = new Marked();

  /// A guard's counter.
  private static final class Marked {
    long count;
  }

  /// @param table the address of the entry of the range's first page
  /// @param regions the address of the region word of the range's first page
  /// @param bytes the range, a power of two
  StepLoops(long table, long regions, long bytes, int pageSize) {
    this.table = table;
    this.regions = regions;
    this.bytes = bytes;
    this.pageShift = Integer.numberOfTrailingZeros(pageSize);
    this.shift = Walk.shiftFor(bytes);
    this.offsetMask = pageSize - 1L;
  }

  private long slot(long place) {
    return table + (place >>> pageShift) * Long.BYTES;
  }

  private long at(long entry, long place) {
    return Pte.frame(entry) + (place & offsetMask);
  }

  private long region(long place) {
    return RawMemory.getLong(regions + (place >>> (pageShift + REGION_SHIFT)) * Long.BYTES);
  }

  /// Whether a view would make the access: its thread, inside, and in one page.
  @SuppressWarnings("ReferenceEquality")
  private boolean mayAccess(long place) {
    return Thread.currentThread() == owner
        && Objects.checkIndex(place, bytes) >= 0
        && (place & offsetMask) <= offsetMask - (Long.BYTES - 1);
  }

  long checkedReads(long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      long entry = RawMemory.getLong(slot(place));
      sum += (entry & Pte.READ_HIT) != 0 ? RawMemory.getLong(at(entry, place)) : 1;
    }
    return sum;
  }

  long validatedReads(long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      sum += validated(Walk.place(state, shift));
    }
    return sum;
  }

  private long validated(long place) {
    long slot = slot(place);
    long entry = RawMemory.getLong(slot);
    if ((entry & Pte.READ_HIT) != 0) {
      long value = RawMemory.getLong(at(entry, place));
      VarHandle.loadLoadFence();
      if (RawMemory.getLong(slot) == entry) {
        return value;
      }
    }
    return 1;
  }

  long safeReads(long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      sum += mayAccess(place) ? validated(place) : 1;
    }
    return sum;
  }

  long checkedWrites(long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      long entry = RawMemory.getLong(slot(place));
      if ((entry & Pte.WRITE_HIT) != 0 && region(place) == 0) {
        RawMemory.putLong(at(entry, place), i);
      }
    }
    return state;
  }

  long guardedWrites(long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      guarded(Walk.place(state, shift), i);
    }
    return state;
  }

  private void guarded(long place, long value) {
    COUNT.setOpaque(mark, mark.count | 1);
    long entry = RawMemory.getLong(slot(place));
    if ((entry & Pte.WRITE_HIT) != 0 && region(place) == 0) {
      RawMemory.putLong(at(entry, place), value);
    }
    COUNT.setRelease(mark, (mark.count | 1) + 1);
  }

  long safeWrites(long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      if (mayAccess(place)) {
        guarded(place, i);
      }
    }
    return state;
  }
}
