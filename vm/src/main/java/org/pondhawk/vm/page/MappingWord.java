package org.pondhawk.vm.page;

/// The mapping word: what is under way with the mappings of a page, and who sends its bytes out.
///
/// ```
///   31                        16 15                         0
///  ┌────────────────────────────┬────────────────────────────┐
///  │ cow: who sends its bytes   │ interlock: detached        │
///  └────────────────────────────┴────────────────────────────┘
/// ```
///
/// While `cow` is not 0 no mapping allows a store: it rises only with the page hard-busy, and may
/// fall at any time. The interlock counts mappings that were detached and whose bits are not in the
/// page yet: as many as threads are at that at once.
final class MappingWord {
  private static final int COW_SHIFT = 16;
  private static final int INTERLOCK = (1 << COW_SHIFT) - 1;

  /// One sender.
  static final int ONE_COW = 1 << COW_SHIFT;

  /// The most senders that can be counted.
  static final int MAX_COW = 0xffff;

  private MappingWord() {}

  static boolean isLocked(int word) {
    return (word & INTERLOCK) != 0;
  }

  static int cow(int word) {
    return word >>> COW_SHIFT;
  }
}
