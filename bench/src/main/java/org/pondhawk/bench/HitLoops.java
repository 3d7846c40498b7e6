package org.pondhawk.bench;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import org.pondhawk.vm.View;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;

/// Random loads and stores of 8 bytes: through a view, through a page table without any safety (the
/// floor), and of a plain segment. One method each, so that each is compiled by itself.
final class HitLoops {
  private HitLoops() {}

  static Work viewReads(View view, long base, long bytes) {
    int shift = Walk.shiftFor(bytes);
    return (seed, n) -> viewReads(view, base, shift, seed, n);
  }

  private static long viewReads(View view, long base, int shift, long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      sum += view.getLong(base + Walk.place(state, shift));
    }
    return sum;
  }

  static Work viewWrites(View view, long base, long bytes) {
    int shift = Walk.shiftFor(bytes);
    return (seed, n) -> viewWrites(view, base, shift, seed, n);
  }

  private static long viewWrites(View view, long base, int shift, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      view.putLong(base + Walk.place(state, shift), i);
    }
    return state;
  }

  /// @param table the address of the entry of the range's first page
  static Work floorReads(long table, int pageSize, long bytes) {
    int shift = Walk.shiftFor(bytes);
    int pageShift = Integer.numberOfTrailingZeros(pageSize);
    return (seed, n) -> floorReads(table, pageShift, shift, seed, n);
  }

  private static long floorReads(long table, int pageShift, int shift, long seed, int n) {
    long offsetMask = (1L << pageShift) - 1;
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      long entry = RawMemory.getLong(table + (place >>> pageShift) * Long.BYTES);
      sum += RawMemory.getLong(Pte.frame(entry) + (place & offsetMask));
    }
    return sum;
  }

  static Work floorWrites(long table, int pageSize, long bytes) {
    int shift = Walk.shiftFor(bytes);
    int pageShift = Integer.numberOfTrailingZeros(pageSize);
    return (seed, n) -> floorWrites(table, pageShift, shift, seed, n);
  }

  private static long floorWrites(long table, int pageShift, int shift, long seed, int n) {
    long offsetMask = (1L << pageShift) - 1;
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      long entry = RawMemory.getLong(table + (place >>> pageShift) * Long.BYTES);
      RawMemory.putLong(Pte.frame(entry) + (place & offsetMask), i);
    }
    return state;
  }

  static Work rawReads(MemorySegment segment) {
    int shift = Walk.shiftFor(segment.byteSize());
    return (seed, n) -> rawReads(segment, shift, seed, n);
  }

  private static long rawReads(MemorySegment segment, int shift, long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      sum += segment.get(JAVA_LONG, Walk.place(state, shift));
    }
    return sum;
  }

  static Work rawWrites(MemorySegment segment) {
    int shift = Walk.shiftFor(segment.byteSize());
    return (seed, n) -> rawWrites(segment, shift, seed, n);
  }

  private static long rawWrites(MemorySegment segment, int shift, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      segment.set(JAVA_LONG, Walk.place(state, shift), i);
    }
    return state;
  }
}
