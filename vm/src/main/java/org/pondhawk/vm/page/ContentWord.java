package org.pondhawk.vm.page;

/// The content word: which eighths of the page hold good data, which are newer than their backing,
/// and how active the page is.
///
/// ```
///   31          24 23          16 15           8 7            0
///  ┌──────────────┬──────────────┬──────────────┬──────────────┐
///  │ attribute    │ activity     │ dirty        │ valid        │
///  └──────────────┴──────────────┴──────────────┴──────────────┘
/// ```
///
/// The four share one word because bytes have no compare-and-set. Attribute is the cacheability of
/// the reference's `pat_mode`, kept as its difference from write-back, so that the word of a page
/// without content is 0.
final class ContentWord {
  static final int VALID_ALL = 0xff;
  static final int DIRTY_ALL = 0xff00;
  static final int DIRTY_SHIFT = 8;
  static final int ACTIVITY_SHIFT = 16;
  static final int ACTIVITY = 0xff << ACTIVITY_SHIFT;
  static final int ATTRIBUTE_SHIFT = 24;

  private ContentWord() {}

  static int valid(int word) {
    return word & VALID_ALL;
  }

  static int dirty(int word) {
    return (word & DIRTY_ALL) >>> DIRTY_SHIFT;
  }

  static int activity(int word) {
    return (word & ACTIVITY) >>> ACTIVITY_SHIFT;
  }

  /// The word of a page that has just got its first content.
  static int fresh(boolean dirty) {
    return VALID_ALL | (dirty ? DIRTY_ALL : 0) | (Activity.INIT << ACTIVITY_SHIFT);
  }

  static int withActivity(int word, int activity) {
    return (word & ~ACTIVITY) | (activity << ACTIVITY_SHIFT);
  }

  static MemoryAttribute attribute(int word) {
    return MemoryAttribute.of((word >>> ATTRIBUTE_SHIFT) ^ MemoryAttribute.WRITE_BACK.code);
  }

  static int withAttribute(int word, MemoryAttribute attribute) {
    return (word & (-1 >>> (Integer.SIZE - ATTRIBUTE_SHIFT))) | attributeBits(attribute);
  }

  /// The bits that an attribute sets in a word that has none.
  static int attributeBits(MemoryAttribute attribute) {
    return (attribute.code ^ MemoryAttribute.WRITE_BACK.code) << ATTRIBUTE_SHIFT;
  }
}
