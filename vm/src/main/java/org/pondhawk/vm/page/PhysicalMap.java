package org.pondhawk.vm.page;

import java.util.Arrays;

/// Where in the machine's physical address space its pages lie, and which page numbers are holes
/// (`PHYS_TO_VM_PAGE`, `VM_PAGE_TO_PHYS`).
///
/// ```
///   physical   ...|####|........|##########|....
///   page           0  a          b         c        stretches [0, a) and [b, c); [a, b) is a hole
/// ```
///
/// **Contract.** Immutable. Every page number below [#pageCount] has a physical address, those of
/// holes too; only the pages of stretches have memory, are counted and are ever put on a queue.
public final class PhysicalMap {
  private final int pageShift;
  private final long firstFrame;
  private final int[] starts;
  private final int[] ends;
  private final int pageCount;
  private final int frameCount;

  /// Makes a map.
  ///
  /// @param pageShift the logarithm of the page size
  /// @param firstFrame the physical address of page 0, in pages
  /// @param pageCount how many page numbers there are, from 1
  /// @param starts where the stretches begin, ascending
  /// @param ends where each ends: above its start, and not above the next start
  public PhysicalMap(int pageShift, long firstFrame, int pageCount, int[] starts, int[] ends) {
    this.pageShift = pageShift;
    this.firstFrame = firstFrame;
    this.pageCount = pageCount;
    this.starts = starts.clone();
    this.ends = ends.clone();
    int sum = 0;
    int last = 0;
    for (int i = 0; i < starts.length; i++) {
      if (starts[i] < last || ends[i] <= starts[i] || ends[i] > pageCount) {
        throw new IllegalArgumentException(
            "no stretch of %d pages: [%d, %d)".formatted(pageCount, starts[i], ends[i]));
      }
      last = ends[i];
      sum += ends[i] - starts[i];
    }
    this.frameCount = sum;
  }

  /// A map without holes that begins at physical address 0.
  ///
  /// @param pageShift the logarithm of the page size
  /// @param frameCount how many pages there are, from 1
  public static PhysicalMap whole(int pageShift, int frameCount) {
    return new PhysicalMap(pageShift, 0, frameCount, new int[] {0}, new int[] {frameCount});
  }

  /// The logarithm of the page size.
  public int pageShift() {
    return pageShift;
  }

  /// How many page numbers there are, holes included.
  public int pageCount() {
    return pageCount;
  }

  /// How many of them have memory (`v_page_count`).
  public int frameCount() {
    return frameCount;
  }

  /// How many stretches of pages with memory there are.
  public int stretches() {
    return starts.length;
  }

  /// The first page of a stretch.
  ///
  /// @param n which, from 0
  public int start(int n) {
    return starts[n];
  }

  /// The page behind the last of a stretch.
  ///
  /// @param n which, from 0
  public int end(int n) {
    return ends[n];
  }

  /// Whether a page number is a hole's: a descriptor without memory.
  ///
  /// @param page a page number below [#pageCount]
  public boolean isHole(int page) {
    int at = Arrays.binarySearch(starts, page);
    int stretch = at >= 0 ? at : -at - 2;
    return stretch < 0 || page >= ends[stretch];
  }

  /// The page of a physical address (`PHYS_TO_VM_PAGE`), which may be a hole's.
  ///
  /// @throws IndexOutOfBoundsException if there is no such page number
  public int pageOf(long physical) {
    long page = (physical >> pageShift) - firstFrame;
    if (page < 0 || page >= pageCount) {
      throw new IndexOutOfBoundsException(
          "no page has the physical address 0x%x: they are from 0x%x to 0x%x"
              .formatted(physical, address(0), address(pageCount - 1) + (1L << pageShift)));
    }
    return (int) page;
  }

  /// The physical address of a page (`VM_PAGE_TO_PHYS`), which may be a hole's.
  ///
  /// @throws IndexOutOfBoundsException if there is no such page number
  public long physical(int page) {
    if (page < 0 || page >= pageCount) {
      throw new IndexOutOfBoundsException("page " + page + " of " + pageCount);
    }
    return address(page);
  }

  private long address(int page) {
    return (firstFrame + page) << pageShift;
  }

  /// The page number that so many pages with memory lie below: the limit of a reserve of the lowest
  /// ones.
  ///
  /// @param count from 0 to [#frameCount]
  public int limitOf(int count) {
    int left = count;
    for (int n = 0; n < starts.length && left > 0; n++) {
      int size = ends[n] - starts[n];
      if (left <= size) {
        return starts[n] + left;
      }
      left -= size;
    }
    if (left > 0) {
      throw new IllegalArgumentException("%d pages of %d".formatted(count, frameCount));
    }
    return 0;
  }
}
