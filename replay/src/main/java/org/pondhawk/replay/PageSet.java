package org.pondhawk.replay;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/// The pages of a machine that a trace touches, where the machine's pages may be larger.
///
/// Several neighbouring pages of the trace may lie in one page of the machine. Pages of the set
/// have indices of their own, in the order in which the trace first touches them. Immutable, and
/// shared by all the processes that replay the trace.
final class PageSet {
  /// A run of adjacent pages: `firstPage` is a page number of the machine.
  record Region(long firstPage, long pageCount) {}

  private final int pageSize;
  private final int[] indexOfId;
  private final PageNumbers numbers = new PageNumbers();
  private final BitSet firstRead = new BitSet();

  private PageSet(Trace trace, int pageSize) {
    this.pageSize = pageSize;
    this.indexOfId = new int[trace.pageCount()];
    int shift = Integer.numberOfTrailingZeros(pageSize) - Trace.PAGE_SHIFT;
    for (int id = 0; id < indexOfId.length; id++) {
      indexOfId[id] = numbers.idOf(trace.pageNumber(id) >>> shift);
    }
    findFirstReads(trace.references());
  }

  /// The pages of `pageSize` bytes that a trace touches.
  static PageSet of(Trace trace, int pageSize) {
    if (Integer.bitCount(pageSize) != 1 || pageSize < 1 << Trace.PAGE_SHIFT) {
      throw new IllegalArgumentException("page size " + pageSize);
    }
    return new PageSet(trace, pageSize);
  }

  /// Looks for the first reference to each page. Indices are in that order, so one count is enough.
  private void findFirstReads(References references) {
    int seen = 0;
    for (int b = 0; b < references.blockCount() && seen < numbers.count(); b++) {
      int[] block = references.block(b);
      for (int i = 0; i < references.lengthOf(b) && seen < numbers.count(); i++) {
        if (indexOfId[Trace.pageOf(block[i])] == seen) {
          firstRead.set(seen, !Trace.isWrite(block[i]));
          seen++;
        }
      }
    }
  }

  int pageSize() {
    return pageSize;
  }

  int count() {
    return numbers.count();
  }

  long bytes() {
    return (long) count() * pageSize;
  }

  /// The number of a page in the address space of the traced program.
  long number(int index) {
    return numbers.get(index);
  }

  /// Whether the first reference to a page is a read.
  boolean isReadFirst(int index) {
    return firstRead.get(index);
  }

  /// The index of the page that holds each page of the trace, by id. Not a copy.
  int[] indexOfId() {
    return indexOfId;
  }

  /// The pages as runs of neighbours, in the order of their addresses.
  List<Region> regions() {
    long[] sorted = new long[count()];
    Arrays.setAll(sorted, numbers::get);
    Arrays.sort(sorted);
    var regions = new ArrayList<Region>();
    for (int start = 0, end; start < sorted.length; start = end) {
      end = start + 1;
      while (end < sorted.length && sorted[end] == sorted[end - 1] + 1) {
        end++;
      }
      regions.add(new Region(sorted[start], end - start));
    }
    return List.copyOf(regions);
  }
}
