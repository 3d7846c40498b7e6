package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.stats.PhysicalRange;

/// How the physical memory of a machine is divided: which ranges there are once they are whole
/// pages and disjoint, what of the largest is taken for the machine's own structures, and which
/// page numbers the rest has (the arithmetic of `vm_page_startup`).
///
/// ```
///   given      [####)   [#####)      [##############)
///                          [###)                        the overlap is counted once, and reported
///   map        |####....|########....|##########|       . a hole: descriptors without memory
///   overhead                                    |oooo|  off the top of the largest
/// ```
///
/// @param map the pages that are left to use
/// @param overhead what was taken for structures, in whole pages
/// @param ranges whole pages, disjoint, ascending
/// @param duplicates what was given more than once
/// @param spanPages page numbers from the first page to the end of the last range
record PhysicalLayout(
    PhysicalMap map,
    PhysicalRange overhead,
    List<PhysicalRange> ranges,
    List<PhysicalRange> duplicates,
    int spanPages) {
  /// The first page has a number that is a multiple of this many bytes: so alignments hold for page
  /// numbers, physical addresses and addresses of this process alike.
  private static final long FIRST_PAGE_MULTIPLE = 2L << 20;

  private static final long MAX_PAGES = 1L << 30;

  /// Says what the structures of a machine take.
  @FunctionalInterface
  interface Overhead {
    /// The bytes that they take.
    ///
    /// @param map the pages that there are
    /// @param spanPages see [PhysicalLayout]
    long bytes(PhysicalMap map, int spanPages);
  }

  /// The memory of a machine with ranges: their whole pages.
  ///
  /// @param given in any order
  /// @return how many bytes they have together, each counted once
  static long bytesOf(List<PhysicalRange> given, int pageShift) {
    return disjoint(given, pageShift, new ArrayList<>()).stream()
        .mapToLong(PhysicalRange::bytes)
        .sum();
  }

  /// Divides ranges.
  ///
  /// @param given in any order
  /// @throws IllegalArgumentException if no page is left
  static PhysicalLayout of(List<PhysicalRange> given, int pageShift, Overhead overhead) {
    List<PhysicalRange> duplicates = new ArrayList<>();
    List<PhysicalRange> ranges = disjoint(given, pageShift, duplicates);
    if (ranges.isEmpty()) {
      throw new IllegalArgumentException("no range has a whole page of memory: " + given);
    }
    Division division = new Division(ranges, pageShift, largest(ranges));
    int kept = division.mostKept(overhead, division.largestPages() << pageShift);
    long largestEnd = ranges.get(division.largest).end();
    long taken = (division.largestPages() - kept) << pageShift;
    return new PhysicalLayout(
        division.map(kept),
        new PhysicalRange(largestEnd - taken, largestEnd),
        ranges,
        List.copyOf(duplicates),
        division.spanPages());
  }

  /// Divides one range from address 0, whose end need not be one of a page.
  static PhysicalLayout ofOne(long bytes, int pageShift, Overhead overhead) {
    PhysicalRange all = new PhysicalRange(0, bytes).wholePages(1L << pageShift);
    Division division = new Division(List.of(all), pageShift, 0);
    int kept = division.mostKept(overhead, bytes);
    PhysicalRange rest = new PhysicalRange((long) kept << pageShift, all.end());
    return new PhysicalLayout(
        division.map(kept), rest, List.of(all), List.of(), division.spanPages());
  }

  /// Calls back for every page whose memory is taken for structures.
  void overheadPages(IntConsumer page) {
    int first = (int) ((overhead.start() - map.physical(0)) >> map.pageShift());
    int end = (int) ((overhead.end() - map.physical(0)) >> map.pageShift());
    for (int n = first; n < end; n++) {
      page.accept(n);
    }
  }

  /// The whole pages of ranges, ascending, without those that an earlier one has.
  private static List<PhysicalRange> disjoint(
      List<PhysicalRange> given, int pageShift, List<PhysicalRange> duplicates) {
    List<PhysicalRange> sorted = new ArrayList<>();
    for (PhysicalRange range : given) {
      sorted.add(range.wholePages(1L << pageShift));
    }
    sorted.sort(Comparator.comparingLong(PhysicalRange::start));
    List<PhysicalRange> disjoint = new ArrayList<>();
    long end = 0;
    for (PhysicalRange range : sorted) {
      if (range.bytes() == 0) {
        continue;
      }
      long start = Math.min(Math.max(range.start(), end), range.end());
      if (start > range.start()) {
        duplicates.add(new PhysicalRange(range.start(), start));
      }
      if (start < range.end()) {
        disjoint.add(new PhysicalRange(start, range.end()));
        end = range.end();
      }
    }
    return List.copyOf(disjoint);
  }

  /// The first of the largest.
  private static int largest(List<PhysicalRange> ranges) {
    int largest = 0;
    for (int n = 1; n < ranges.size(); n++) {
      if (ranges.get(n).bytes() > ranges.get(largest).bytes()) {
        largest = n;
      }
    }
    return largest;
  }

  /// Ranges, and the one that gives memory for structures.
  private record Division(List<PhysicalRange> ranges, int pageShift, int largest) {
    long largestPages() {
      return ranges.get(largest).bytes() >> pageShift;
    }

    private long firstFrame() {
      return (ranges.getFirst().start() & -FIRST_PAGE_MULTIPLE) >> pageShift;
    }

    private long number(long address) {
      return (address >> pageShift) - firstFrame();
    }

    int spanPages() {
      long pages = number(ranges.getLast().end());
      if (pages > MAX_PAGES) {
        throw new IllegalArgumentException(
            "%s are %d pages with what lies between them; the most is %d"
                .formatted(ranges, pages, MAX_PAGES));
      }
      return (int) pages;
    }

    /// The pages that are left if the largest range keeps so many. Nothing is numbered above them.
    PhysicalMap map(int kept) {
      int[] starts = new int[ranges.size()];
      int[] ends = new int[ranges.size()];
      int n = 0;
      for (int r = 0; r < ranges.size(); r++) {
        long start = number(ranges.get(r).start());
        long end = r == largest ? start + kept : number(ranges.get(r).end());
        if (end > start) {
          starts[n] = (int) start;
          ends[n++] = (int) end;
        }
      }
      int pages = n == 0 ? 0 : ends[n - 1];
      return new PhysicalMap(
          pageShift, firstFrame(), pages, Arrays.copyOf(starts, n), Arrays.copyOf(ends, n));
    }

    /// How many pages the largest range keeps so that its rest holds the structures, which get
    /// smaller by much less than what fewer pages leave.
    ///
    /// @param bytes what the largest range has
    /// @return 0 if there is no room for them even so
    int mostKept(Overhead overhead, long bytes) {
      int span = spanPages();
      int low = 0;
      int high = (int) largestPages();
      while (low < high) {
        int kept = (int) (((long) low + high + 1) / 2);
        if (overhead.bytes(map(kept), span) <= bytes - ((long) kept << pageShift)) {
          low = kept;
        } else {
          high = kept - 1;
        }
      }
      return low;
    }
  }
}
