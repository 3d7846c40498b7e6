package org.pondhawk.vm.queue;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// The search for a page of a kind near a colour (`vm_page_list_find`).
///
/// The wished colour first; then windows of colours around it, each twice the last, until all were
/// looked at once. A queue remembers where a far search from it succeeded and the next one starts
/// there.
final class ColorSearch {
  private static final int FAR = 8;

  private final PageQueues queues;
  private final int firstWindow;

  /// Makes the search over the queues of a machine.
  ///
  /// @param firstWindow how many colours are looked at before the window doubles: a power of two up
  ///   to all
  ColorSearch(PageQueues queues, int firstWindow) {
    if (Integer.bitCount(firstWindow) != 1 || firstWindow > PageQueue.COLORS) {
      throw new IllegalArgumentException("firstWindow=" + firstWindow + " is no power of two");
    }
    this.queues = queues;
    this.firstWindow = firstWindow;
  }

  /// Finds a page and takes it off its queue.
  ///
  /// @param wantsZero whether a zeroed frame is preferred, on the queue that the page comes from
  /// @param visitor claims a page that was met, with its queue locked
  /// @return a page that the visitor took, or [PageArray#NONE]
  int take(int stripe, PageQueue kind, int color, boolean wantsZero, PageQueues.Visitor visitor) {
    int home = kind.index(color);
    int page = queues.take(stripe, home, wantsZero, visitor);
    if (page != PageArray.NONE) {
      if (queues.lastColor(home) >= 0) {
        queues.setLastColor(home, -1);
      }
      return page;
    }
    return searchWide(stripe, kind, color, wantsZero, visitor);
  }

  /// Finds an idle free page, makes it hard-busy and takes it off its queue: as [#take] with a
  /// visitor that does that, but shorter where the wished colour has one.
  ///
  /// @param otherwise the same claim as a visitor, for the other colours
  int takeFree(
      int stripe, int color, boolean wantsZero, PageBusy busy, PageQueues.Visitor otherwise) {
    int home = PageQueue.FREE.index(color);
    int page = queues.takeFree(stripe, home, wantsZero, busy);
    if (page == PageArray.NONE) {
      return searchWide(stripe, PageQueue.FREE, color, wantsZero, otherwise);
    }
    if (queues.lastColor(home) >= 0) {
      queues.setLastColor(home, -1);
    }
    return page;
  }

  /// As [#take], but of the wished colour or not at all.
  int takeExactly(int stripe, PageQueue kind, int color, PageQueues.Visitor visitor) {
    return queues.take(stripe, kind.index(color & PageQueue.COLOR_MASK), false, visitor);
  }

  private int searchWide(
      int stripe, PageQueue kind, int color, boolean wantsZero, PageQueues.Visitor visitor) {
    int home = kind.index(color);
    int last = queues.lastColor(home);
    int start = last >= 0 ? last : color & PageQueue.COLOR_MASK;
    for (int n = 0; n < PageQueue.COLORS; n++) {
      int candidate = candidate(start, firstWindow, n);
      int page = queues.take(stripe, kind.index(candidate), wantsZero, visitor);
      if (page != PageArray.NONE) {
        if (n + 1 >= FAR) {
          queues.setLastColor(home, candidate); // a hint: a lost update costs one search
        }
        return page;
      }
    }
    return PageArray.NONE;
  }

  /// The colour that a search looks at after `n` others. A window is an aligned group of colours
  /// with `start` in it. The first is gone round from `start`; each window twice the last adds the
  /// last one's neighbour, from its lowest colour up.
  static int candidate(int start, int firstWindow, int n) {
    if (n < firstWindow) {
      return (start & -firstWindow) + ((start + n) & (firstWindow - 1));
    }
    int last = Integer.highestOneBit(n); // how many the windows so far had
    return ((start & -last) ^ last) + n - last;
  }
}
