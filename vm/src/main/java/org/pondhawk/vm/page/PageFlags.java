package org.pondhawk.vm.page;

/// The flags of a page. The values are the reference's where it has the flag, so that its documents
/// can be read with ours.
public final class PageFlags {
  /// A dirty page has had its first lap on the inactive queue (`PG_WINATCFLS`).
  public static final int SECOND_CHANCE = 0x4;

  /// The page has no frame of its own to give back (`PG_FICTITIOUS`).
  public static final int FICTITIOUS = 0x8;

  /// A mapping may allow stores; clear means that none does (`PG_WRITEABLE`).
  public static final int WRITABLE = 0x10;

  /// A mapping may exist; clear means that none does (`PG_MAPPED`).
  public static final int MAPPED = 0x20;

  /// More than one mapping may exist (`PG_MAPPEDMULTI`).
  public static final int MAPPED_MULTI = 0x40;

  /// The page was accessed (`PG_REFERENCED`).
  public static final int REFERENCED = 0x80;

  /// Who writes pages back in the background passes this one by (`PG_NOSYNC`).
  public static final int NO_SYNC = 0x400;

  /// The page is never put on a queue (`PG_UNQUEUED`).
  public static final int UNQUEUED = 0x800;

  /// No page but a scan's position in a queue (`PG_MARKER`).
  public static final int MARKER = 0x1000;

  /// A swap block holds a copy of the page (`PG_SWAPPED`).
  public static final int SWAPPED = 0x4000;

  /// The page looks clean, but its backing has yet to confirm what was written: it is not to be
  /// reclaimed (`PG_NEED_COMMIT`).
  public static final int NEED_COMMIT = 0x4_0000;

  /// Every byte of the frame of a free page is zero (`PG_ZERO`; the value is ours).
  public static final int ZERO = 0x8_0000;

  /// With [#ZERO]: nobody has ever touched the frame, so that the kernel has yet to find memory for
  /// it (the value is ours).
  public static final int UNTOUCHED = 0x10_0000;

  /// The page is wired and belongs to no object but to whoever asked for it (the value is ours).
  public static final int ALONE = 0x20_0000;

  /// What may be said of the frame of a free page.
  public static final int FRAME_STATE = ZERO | UNTOUCHED;

  private static final String[] NAMES = {
    "",
    "",
    "SECOND_CHANCE",
    "FICTITIOUS",
    "WRITABLE",
    "MAPPED",
    "MAPPED_MULTI",
    "REFERENCED",
    "",
    "",
    "NO_SYNC",
    "UNQUEUED",
    "MARKER",
    "",
    "SWAPPED",
    "",
    "",
    "",
    "NEED_COMMIT",
    "ZERO",
    "UNTOUCHED",
    "ALONE"
  };

  private PageFlags() {}

  /// The names of the flags that are set.
  ///
  /// @param flags a flags word
  /// @return names joined by `|`, or `none`
  public static String describe(int flags) {
    StringBuilder text = new StringBuilder();
    for (int bit = 0; bit < Integer.SIZE; bit++) {
      if (((flags >>> bit) & 1) != 0) {
        String name = bit < NAMES.length && !NAMES[bit].isEmpty() ? NAMES[bit] : "bit" + bit;
        text.append(text.isEmpty() ? "" : "|").append(name);
      }
    }
    return text.isEmpty() ? "none" : text.toString();
  }
}
