package org.pondhawk.vm.page;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.StructLayout;
import java.nio.ByteOrder;

/// The descriptor of one page: 64 bytes, one cache line, off the heap, never moved, never freed.
///
/// ```
///   byte +0            +4            +8            +12
///      ┌─────────────┬─────────────┬─────────────┬─────────────┐
///    0 │ busy      A │ flags     A │ wire      A │ hold      A │
///      ├─────────────┴─────────────┼─────────────┼─────────────┤
///   16 │ pindex                 BO │ object   BO │ place    SQ │
///      ├─────────────┬─────────────┼─────────────┼─────────────┤
///   32 │ next      Q │ prev      Q │ content  B+ │ spin      A │
///      ├─────────────┼─────────────┼─────────────┴─────────────┤
///   48 │ mapping   A │ ticket   BQ │ address                 C │
///      └─────────────┴─────────────┴───────────────────────────┘
/// ```
///
/// place = colour 16 | queue 16; the colour is set at boot and needs nothing to be read.
///
/// | key | to write the field, hold | to read it, hold |
/// |-----|--------------------------|------------------|
/// | A   | nothing: the word is atomic, its class says how | nothing |
/// | B+  | the page hard-busy; a mapping that is taken away may *raise* dirty bits at any time | the page busy |
/// | BO  | the page hard-busy *and* its object exclusively | either |
/// | Q   | the spin lock of the queue the page is on | the same |
/// | SQ  | the page spin lock, or the page hard-busy and loose ([PageArray#isLoose]), *and* the queue spin lock | either |
/// | BQ  | the page hard-busy, before it enters a queue | the queue's spin lock, or the page busy |
/// | C   | set at boot; of a fictitious page: the page hard-busy, one thread at a time | nothing; of a fictitious page: the page busy, or look again |
final class PageLayout {
  static final int BYTES = 64;

  static final StructLayout LAYOUT =
      structLayout(
              JAVA_INT.withName("busy"),
              JAVA_INT.withName("flags"),
              JAVA_INT.withName("wire"),
              JAVA_INT.withName("hold"),
              JAVA_LONG.withName("pindex"),
              JAVA_INT.withName("object"),
              JAVA_INT.withName("place"),
              JAVA_INT.withName("next"),
              JAVA_INT.withName("prev"),
              JAVA_INT.withName("content"),
              JAVA_INT.withName("spin"),
              JAVA_INT.withName("mapping"),
              JAVA_INT.withName("ticket"),
              JAVA_LONG.withName("address"))
          .withName("page");

  static final long BUSY = offset("busy");
  static final long FLAGS = offset("flags");
  static final long WIRE = offset("wire");
  static final long HOLD = offset("hold");
  static final long PINDEX = offset("pindex");
  static final long OBJECT = offset("object");
  static final long PLACE = offset("place");
  static final long NEXT = offset("next");
  static final long PREV = offset("prev");
  static final long CONTENT = offset("content");
  static final long SPIN = offset("spin");
  static final long MAPPING = offset("mapping");
  static final long TICKET = offset("ticket");
  static final long ADDRESS = offset("address");

  private static final boolean LOW_FIRST = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

  static {
    if (LAYOUT.byteSize() != BYTES) {
      throw new AssertionError("a descriptor is " + LAYOUT.byteSize() + " bytes, not " + BYTES);
    }
  }

  private PageLayout() {}

  /// Two neighbouring ints as one long that is loaded or stored in their place: on every machine
  /// that we run on, such an access is as undivided as one to each of them.
  ///
  /// @param first the int at the lower address, a multiple of 8
  static long pair(int first, int second) {
    int low = LOW_FIRST ? first : second;
    int high = LOW_FIRST ? second : first;
    return ((long) high << Integer.SIZE) | Integer.toUnsignedLong(low);
  }

  private static long offset(String field) {
    return LAYOUT.byteOffset(groupElement(field));
  }
}
