package org.pondhawk.replay;

import java.util.List;

/// Maps the pages of a trace into the address space of a process.
final class Regions {
  private Regions() {}

  /// Maps each run of adjacent pages at once, where the traced program had it if that is possible.
  ///
  /// @return the address of each page, by its index
  static long[] map(PageSet pages, ProcessMemory memory) {
    int shift = Integer.numberOfTrailingZeros(pages.pageSize());
    List<PageSet.Region> regions = pages.regions();
    long[] starts = new long[regions.size()];
    for (int r = 0; r < starts.length; r++) {
      PageSet.Region region = regions.get(r);
      starts[r] = memory.map(region.firstPage() << shift, region.pageCount() << shift);
    }
    long[] addresses = new long[pages.count()];
    for (int index = 0; index < addresses.length; index++) {
      int r = regionOf(regions, pages.number(index));
      addresses[index] = starts[r] + ((pages.number(index) - regions.get(r).firstPage()) << shift);
    }
    return addresses;
  }

  /// The last region that does not begin after a page.
  private static int regionOf(List<PageSet.Region> regions, long page) {
    int low = 0;
    int high = regions.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (regions.get(middle).firstPage() <= page) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
