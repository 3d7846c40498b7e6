package org.pondhawk.vm.kmem;

/// The words of the statistics page, eight bytes each, in the byte order of the computer (the items
/// of `kpmap`).
///
/// | offset | word |
/// |---|---|
/// | 0 | magic and version, [#MAGIC] |
/// | 8 | sequence: odd while the page is being changed, two more after each change |
/// | 16 | clock: when the page was last changed |
/// | 24 and on | what is counted, in the order of the constants |
public enum StatisticsField {
  /// Who reads it otherwise reads something else.
  MAGIC("magic", "", "0x0001_504d_4b50: \"PKMP\" in the low bytes, the version above them"),
  /// Read before and after the others: the same even number twice says that they belong together.
  SEQUENCE("sequence", "", "odd while the page changes; two more after each change"),
  /// The machine's clock.
  CLOCK("clock", "nanoseconds", "when the page last changed, on the machine's clock"),
  /// The size of a page.
  PAGE_SIZE("page_size", "bytes", "the size of a page"),
  /// Frames in all.
  PAGE_COUNT("page_count", "pages", "frames that the machine manages"),
  /// Pages on the free queues.
  FREE("free", "pages", "on the free queues"),
  /// Pages on the cache queues.
  CACHE("cache", "pages", "on the cache queues"),
  /// Pages on the inactive queues.
  INACTIVE("inactive", "pages", "on the inactive queues"),
  /// Pages on the active queues.
  ACTIVE("active", "pages", "on the active and the hold queues"),
  /// Wired pages.
  WIRED("wired", "pages", "wired"),
  /// Faults without I/O.
  FAULTS_MINOR("faults_minor", "", "faults that needed no I/O"),
  /// Faults with I/O.
  FAULTS_MAJOR("faults_major", "", "faults that read from backing store"),
  /// Pages zero-filled.
  ZERO_FILLS("zero_fills", "pages", "zero-filled on demand"),
  /// Pages copied.
  COPIED("copied", "pages", "copied because a store must not be seen by others"),
  /// Forks.
  FORKS("forks", "", "address spaces forked"),
  /// Pages read from swap.
  SWAP_PAGES_IN("swap_pages_in", "pages", "read from swap"),
  /// Pages written to swap.
  SWAP_PAGES_OUT("swap_pages_out", "pages", "written to swap"),
  /// Passes of the daemon.
  DAEMON_PASSES("daemon_passes", "", "working passes of the pageout daemon"),
  /// Pages freed.
  FREED("freed", "pages", "freed in all");

  /// What the first word is: a tag in the low four bytes, the version of the layout above.
  public static final long MAGIC_WORD = 0x0001_504d_4b50L;

  private final String label;
  private final String unit;
  private final String what;

  StatisticsField(String label, String unit, String what) {
    this.label = label;
    this.unit = unit;
    this.what = what;
  }

  /// Its name in documents.
  public String label() {
    return label;
  }

  /// Its unit; empty for a plain count.
  public String unit() {
    return unit;
  }

  /// What it says.
  public String what() {
    return what;
  }

  /// Where it is in the page, in bytes.
  @SuppressWarnings("EnumOrdinal") // the order is the layout
  public int offset() {
    return ordinal() * Long.BYTES;
  }
}
