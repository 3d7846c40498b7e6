package org.pondhawk.replay;

import java.util.BitSet;

/// The memory references of one run of a program, by page of 4 KiB. Immutable.
///
/// Pages have ids, counted from 0 in the order in which the program first touched them. A reference
/// is one int:
///
/// ```
///   31                                       2   1   0
///  ┌───────────────────────────────────────────┬───┬───┐
///  │ id of the page                            │ F │ W │
///  └───────────────────────────────────────────┴───┴───┘
///                                                │   └─ WRITE  the page was written
///                                                └───── FETCH  instructions were fetched from it
/// ```
public final class Trace {
  /// The pages of a trace are this power of two bytes, whatever the pages of the machine are.
  public static final int PAGE_SHIFT = 12;

  static final int WRITE = 1;
  static final int FETCH = 2;
  static final int FLAG_BITS = 2;
  static final int FLAGS = WRITE | FETCH;

  /// The most pages that a trace may touch (256 GiB).
  static final int MAX_PAGES = 1 << 26;

  /// The page numbers that exist: a 64-bit address without its offset.
  static final long PAGE_NUMBER_END = 1L << (Long.SIZE - PAGE_SHIFT);

  private final String name;
  private final PageNumbers pageNumbers;
  private final References references;

  Trace(String name, PageNumbers pageNumbers, References references) {
    this.name = name;
    this.pageNumbers = pageNumbers;
    this.references = references;
  }

  /// What the trace is called in reports.
  public String name() {
    return name;
  }

  /// How many different pages are touched.
  public int pageCount() {
    return pageNumbers.count();
  }

  /// The number of page `id` in the address space of the traced program.
  public long pageNumber(int id) {
    return pageNumbers.get(id);
  }

  /// How many bytes of memory the program touched, counted in its pages.
  public long footprintBytes() {
    return (long) pageCount() << PAGE_SHIFT;
  }

  /// How many of the pages are written.
  public int writtenPages() {
    var written = new BitSet(pageCount());
    for (int b = 0; b < references.blockCount(); b++) {
      int[] block = references.block(b);
      for (int i = 0; i < references.lengthOf(b); i++) {
        written.set(pageOf(block[i]), isWrite(block[i]) || written.get(pageOf(block[i])));
      }
    }
    return written.cardinality();
  }

  /// How many references there are.
  public long referenceCount() {
    return references.count();
  }

  /// Reference number `index`, to be taken apart by the static methods below.
  public int reference(long index) {
    return references.get(index);
  }

  /// The page id in a reference.
  public static int pageOf(int reference) {
    return reference >>> FLAG_BITS;
  }

  /// Whether a reference writes.
  public static boolean isWrite(int reference) {
    return (reference & WRITE) != 0;
  }

  /// Whether a reference fetches instructions.
  public static boolean isFetch(int reference) {
    return (reference & FETCH) != 0;
  }

  /// The same trace under another name.
  Trace named(String other) {
    return new Trace(other, pageNumbers, references);
  }

  References references() {
    return references;
  }

  @Override
  public String toString() {
    return name + ": " + referenceCount() + " references to " + pageCount() + " pages";
  }
}
