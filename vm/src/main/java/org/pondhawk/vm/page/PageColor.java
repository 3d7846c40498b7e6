package org.pondhawk.vm.page;

/// The colours of pages: a number that says which of the many queues of a kind a page belongs to.
///
/// A page has a colour from boot on, in its descriptor. It begins as a function of its number, and
/// changes only while a machine boots, when frames are given the colours of their socket.
public final class PageColor {
  /// How many there are (`PQ_L2_SIZE`); they are numbered from 0.
  public static final int COUNT = 1024;

  static final int MASK = COUNT - 1;

  private PageColor() {}

  /// The colour that a page has at first: its number with higher digits added, so that equal low
  /// digits far apart differ, and adjacent frames have adjacent colours: pages that follow each
  /// other in an object get frames that do, and a copy runs through both.
  ///
  /// @param page a page number
  /// @return from 0 to [#COUNT] - 1
  public static int atFirst(int page) {
    return (page + page / COUNT + page / (COUNT * COUNT)) & MASK;
  }
}
