package org.pondhawk.vm.map;

/// Where searches for space of the last few kinds may begin (`freehint`).
///
/// A hint says of a length and an alignment that no such space lies between two addresses: where
/// the search began that found this out, and where it ended. Searches that ask for less, or begin
/// lower, do without.
final class FreeHints {
  /// How many kinds are remembered (`VM_MAP_FFCOUNT`).
  static final int COUNT = 4;

  private final long[] lengths = new long[COUNT];
  private final long[] alignments = new long[COUNT];
  private final long[] origins = new long[COUNT];
  private final long[] starts = new long[COUNT];
  private int next;

  private int slot(long length, long alignment) {
    for (int i = 0; i < COUNT; i++) {
      if (lengths[i] == length && alignments[i] == alignment) {
        return i;
      }
    }
    return -1;
  }

  /// Where a search may begin instead of at an address.
  ///
  /// @return the address itself, if nothing is known
  long begin(long length, long alignment, long from) {
    int i = slot(length, alignment);
    return i >= 0 && origins[i] <= from ? Math.max(from, starts[i]) : from;
  }

  /// Notes that a search which was to begin at one address found space at another.
  void found(long length, long alignment, long from, long at) {
    int i = slot(length, alignment);
    long origin = from;
    if (i < 0) {
      i = next++ % COUNT;
    } else if (origins[i] <= from && from <= starts[i]) {
      origin = origins[i];
    }
    lengths[i] = length;
    alignments[i] = alignment;
    origins[i] = origin;
    starts[i] = at;
  }

  /// Notes a hole: what may lie in it is no longer passed over.
  ///
  /// @param length of all that is free there
  void hole(long start, long length) {
    for (int i = 0; i < COUNT; i++) {
      if (lengths[i] <= length && starts[i] > start) {
        starts[i] = Math.max(start, origins[i]);
      }
    }
  }

  /// A search that goes by no hint.
  interface Search {
    long firstFit(long origin, long length, long alignment);
  }

  /// The first address that a hint passes over although what it is for would fit there, or -1.
  long misleading(Search search) {
    for (int i = 0; i < COUNT; i++) {
      if (lengths[i] != 0) {
        long fit = search.firstFit(origins[i], lengths[i], alignments[i]);
        if (fit < starts[i]) {
          return fit;
        }
      }
    }
    return -1;
  }
}
