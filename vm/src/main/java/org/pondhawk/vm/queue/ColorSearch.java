package org.pondhawk.vm.queue;

import org.pondhawk.vm.page.PageArray;

/// The search for a page of a kind near a colour (`vm_page_list_find`).
///
/// The wished colour first; then windows of colours around it, each twice the last, until all were
/// looked at once. A queue remembers where a far search from it succeeded and the next one starts
/// there.
final class ColorSearch {
  private static final int FIRST_WINDOW = 16;
  private static final int FAR = 8;

  private final PageArray pages;
  private final PageQueues queues;

  ColorSearch(PageArray pages, PageQueues queues) {
    this.pages = pages;
    this.queues = queues;
  }

  /// Whether a page that was met will do; called with its queue locked.
  @FunctionalInterface
  interface Test {
    boolean accepts(int page);
  }

  /// Finds a page, takes it off its queue and returns it with its spin lock held.
  ///
  /// @return a page, or [PageArray#NONE] with nothing held
  int take(int stripe, PageQueue kind, int color, Test test) {
    int home = kind.index(color);
    int page = probe(stripe, home, test);
    if (page != PageArray.NONE) {
      queues.setLastColor(home, -1);
      return page;
    }
    return searchWide(stripe, kind, home, color, test);
  }

  /// As [#take], but of the wished colour or not at all.
  int takeExactly(int stripe, PageQueue kind, int color, Test test) {
    return probe(stripe, kind.index(color & PageQueue.COLOR_MASK), test);
  }

  private int searchWide(int stripe, PageQueue kind, int home, int color, Test test) {
    int last = queues.lastColor(home);
    int start = last >= 0 ? last : color & PageQueue.COLOR_MASK;
    int probes = 0;
    int seenBase = 0;
    int seen = 0;
    for (int window = FIRST_WINDOW; window <= PageQueue.COLORS; window *= 2) {
      int windowBase = start & -window;
      for (int i = 0; i < window; i++) {
        int candidate = windowBase + ((start + i) & (window - 1));
        if (candidate >= seenBase && candidate < seenBase + seen) {
          continue;
        }
        probes++;
        int page = probe(stripe, kind.index(candidate), test);
        if (page != PageArray.NONE) {
          if (probes >= FAR) {
            queues.setLastColor(home, candidate); // a hint: a lost update costs one search
          }
          return page;
        }
      }
      seenBase = windowBase;
      seen = window;
    }
    return PageArray.NONE;
  }

  private int probe(int stripe, int queue, Test test) {
    if (queues.head(queue) == PageArray.NONE) {
      return PageArray.NONE;
    }
    queues.lock(queue);
    try {
      int page = queues.head(queue);
      while (page != PageArray.NONE) {
        if (test.accepts(page)
            && pages.tryLock(page)) { // reversed on purpose: a try, else the next
          queues.unlinkCounted(stripe, queue, page);
          return page;
        }
        page = pages.next(page);
      }
      return PageArray.NONE;
    } finally {
      queues.unlock(queue);
    }
  }
}
