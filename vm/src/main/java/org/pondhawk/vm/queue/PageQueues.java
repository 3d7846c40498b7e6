package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;
import org.pondhawk.vm.sync.SpinLock;

/// The page queues: 5 kinds by 1024 colours, each a doubly linked list through the descriptors with
/// a lock of its own (`vm_page_queues`).
///
/// ```
///   byte +0            +4            +8            +12
///      ┌─────────────┬─────────────┬─────────────┬─────────────┐
///    0 │ head        │ tail        │ length      │ last colour │
///      ├─────────────┼─────────────┴─────────────┴─────────────┤
///   16 │ spin        │ zeroed      │ untouched   │             │
///      ├─────────────┴─────────────┼─────────────┴─────────────┤
///   32 │ adds                      │                           │
///      └───────────────────────────┴───────────────────────────┘
/// ```
///
/// A queue has a cache line of its own. On a free queue the pages whose frames are zeroed lie at
/// the tail, those with old bytes at the head, and what was never touched between them.
///
/// **Contract.** A page moves with its own spin lock held, and the lock of each queue it leaves or
/// enters inside that. The one inversion is the search, which holds a queue and only *tries* the
/// page. A hard-busy page needs no spin lock of its own to leave a free queue, and none from there
/// to its first queue or back while it is loose ([PageArray#isLoose]): only a cached page is ever
/// moved by somebody who does not have it busy. Markers are linked but not counted, and lie on no
/// free or cache queue.
public final class PageQueues {
  /*
   * I1  the page's queue field is q  <=>  it is linked in q
   * I2  length(q) = pages linked in q that are no markers
   * I3  the sum of the lengths of a kind = its counter, once rolled up
   * I4  zeroed(q) + untouched(q) = pages on the free queue q that are flagged ZERO; no page
   *     elsewhere is
   * I5  a page on a queue of a colour has that colour, which never changes once the machine has
   *     booted
   */
  private static final int BYTES = 64;
  private static final long HEAD = 0;
  private static final long TAIL = 4;
  private static final long LENGTH = 8;
  private static final long LAST_COLOR = 12;
  private static final long SPIN = 16;
  private static final long ZEROED = 20;
  private static final long UNTOUCHED = 24;
  private static final long ADDS = 32;

  private final PageArray pages;
  private final VmStats stats;
  private final long base;

  /// Makes empty queues.
  ///
  /// @param memory where the queues are charged
  public PageQueues(OwnMemory memory, PageArray pages, VmStats stats) {
    this.pages = pages;
    this.stats = stats;
    this.base = memory.allocate(bytes(), "page queues");
    for (int queue = 0; queue < PageQueue.COUNT; queue++) {
      put(queue, HEAD, PageArray.NONE);
      put(queue, TAIL, PageArray.NONE);
      put(queue, LAST_COLOR, -1);
    }
  }

  /// The memory that the queues take, in bytes.
  public static long bytes() {
    return (long) PageQueue.COUNT * BYTES;
  }

  private long word(int queue, long field) {
    return base + (long) queue * BYTES + field;
  }

  private int get(int queue, long field) {
    return RawMemory.getIntOpaque(word(queue, field)); // exact under the lock, a hint without it
  }

  private int getLocked(int queue, long field) {
    return RawMemory.getInt(word(queue, field));
  }

  private void put(int queue, long field, int value) {
    RawMemory.putInt(word(queue, field), value);
  }

  /// How many pages a queue has: exact under its lock.
  public int length(int queue) {
    return get(queue, LENGTH);
  }

  /// How many pages of a free queue have frames that were zeroed after a use: exact under its lock.
  public int zeroed(int queue) {
    return get(queue, ZEROED);
  }

  /// How many pages of a free queue have frames that nobody ever touched: exact under its lock.
  public int untouched(int queue) {
    return get(queue, UNTOUCHED);
  }

  /// How many pages a kind has over all colours: exact at rest.
  public long length(PageQueue kind) {
    long sum = 0;
    for (int color = 0; color < PageQueue.COLORS; color++) {
      sum += length(kind.index(color));
    }
    return sum;
  }

  /// The first page of a queue, as a hint.
  public int head(int queue) {
    return get(queue, HEAD);
  }

  /// How many pages were put at the tail of the inactive queue of a colour since the last call of
  /// this: how much there is to look at for who keeps copies of what leaves memory.
  public long takeAdds(int color) {
    int queue = PageQueue.INACTIVE.index(color);
    lock(queue);
    try {
      long adds = RawMemory.getLong(word(queue, ADDS));
      RawMemory.putLong(word(queue, ADDS), 0);
      return adds;
    } finally {
      unlock(queue);
    }
  }

  int lastColor(int queue) {
    return get(queue, LAST_COLOR);
  }

  void setLastColor(int queue, int color) {
    put(queue, LAST_COLOR, color);
  }

  void lock(int queue) {
    assert LockOrder.mayWaitFor(LockRank.QUEUE);
    SpinLock.lock(word(queue, SPIN));
    assert LockOrder.took(LockRank.QUEUE);
  }

  void unlock(int queue) {
    assert LockOrder.gave(LockRank.QUEUE);
    SpinLock.unlock(word(queue, SPIN));
  }

  /// Takes a page off its queue, if it is on one.
  ///
  /// @param page a page whose spin lock is held
  /// @return the queue it was on, or 0
  int remove(int stripe, int page) {
    int queue = pages.queue(page);
    if (queue == PageQueue.NONE) {
      return PageQueue.NONE;
    }
    lock(queue);
    unlinkCounted(stripe, queue, page);
    unlock(queue);
    return queue;
  }

  /// As [#remove] with the queue's lock held by the caller, who keeps it.
  void unlinkCounted(int stripe, int queue, int page) {
    unlinkQuietly(queue, page);
    stats.decrement(stripe, PageQueue.kindOf(queue).counter);
  }

  private void unlinkQuietly(int queue, int page) {
    if (pages.queue(page) != queue) {
      throw new VmPanic("not on queue " + queue + ": " + pages.describe(page));
    }
    unlink(queue, page);
    put(queue, LENGTH, getLocked(queue, LENGTH) - 1);
    countZeroed(queue, page, -1);
    pages.setQueue(page, PageQueue.NONE);
  }

  private void countZeroed(int queue, int page, int delta) {
    int state = pages.flags(page) & PageFlags.FRAME_STATE;
    if (state != 0) {
      long field = state == PageFlags.ZERO ? ZEROED : UNTOUCHED;
      put(queue, field, get(queue, field) + delta);
    }
  }

  /// Takes the first page off a queue that a visitor takes: from the head on, or one with a zeroed
  /// frame from the tail where that is wanted and there is one.
  ///
  /// @param wantsZero whether to look at the tail first
  /// @param visitor claims the page, by busying or by locking it; it only tries
  /// @return the page, or [PageArray#NONE]
  int take(int stripe, int queue, boolean wantsZero, Visitor visitor) {
    if (head(queue) == PageArray.NONE) { // stale is fine: a search that fails is made again
      return PageArray.NONE;
    }
    lock(queue);
    try {
      int tail = get(queue, TAIL);
      if (wantsZero && isZeroed(tail) && visitor.take(tail)) {
        unlinkCounted(stripe, queue, tail);
        return tail;
      }
      int page = head(queue);
      while (page != PageArray.NONE && !visitor.take(page)) {
        page = pages.next(page);
      }
      if (page != PageArray.NONE) {
        unlinkCounted(stripe, queue, page);
      }
      return page;
    } finally {
      unlock(queue);
    }
  }

  /// Makes the first idle page of a free queue hard-busy and takes it off. As [#take] otherwise:
  /// this is the path of every allocation, and a call that is known beforehand is a third of it.
  ///
  /// @return the page, or [PageArray#NONE]
  int takeFree(int stripe, int queue, boolean wantsZero, PageBusy busy) {
    if (head(queue) == PageArray.NONE) { // stale is fine: a search that fails is made again
      return PageArray.NONE;
    }
    lock(queue);
    int page;
    try {
      page = firstIdle(queue, wantsZero, busy);
      if (page == PageArray.NONE) {
        return page;
      }
      unlinkQuietly(queue, page);
    } finally {
      unlock(queue);
    }
    stats.decrement(stripe, PageCount.FREE);
    return page;
  }

  private int firstIdle(int queue, boolean wantsZero, PageBusy busy) {
    if (wantsZero) {
      int tail = get(queue, TAIL);
      if (isZeroed(tail) && busy.tryHardBusy(tail)) {
        return tail;
      }
    }
    int page = getLocked(queue, HEAD);
    while (page != PageArray.NONE && !busy.tryHardBusy(page)) {
      page = pages.next(page);
    }
    return page;
  }

  private boolean isZeroed(int page) {
    return page != PageArray.NONE && (pages.flags(page) & PageFlags.FRAME_STATE) == PageFlags.ZERO;
  }

  /// Puts a page on the queue of a kind and its colour.
  ///
  /// @param page a page on no queue, whose spin lock is held, or hard-busy and just off a free
  ///   queue
  /// @param atHead whether it goes where the next one is taken; free pages always do, but for those
  ///   whose frame is zeroed
  void add(int stripe, int page, PageQueue kind, boolean atHead) {
    link(page, kind, atHead);
    stats.increment(stripe, kind.counter);
  }

  /// Puts a page on the free queue of its colour and counts it as freed. As [#add] otherwise.
  void addFreed(int stripe, int page) {
    link(page, PageQueue.FREE, false);
    stats.freed(stripe);
  }

  /// As [#addFreed], for a page that [PageArray#isLoose] has said yes to, and that has no flag
  /// which keeps it from being queued, or says of its frame that it is zero.
  void pushFreed(int stripe, int page) {
    int queue = PageQueue.FREE.index(pages.color(page));
    lock(queue);
    try {
      assert pages.queue(page) == PageQueue.NONE : "not loose: " + pages.describe(page);
      int next = getLocked(queue, HEAD);
      pages.setLinks(page, next, PageArray.NONE);
      put(queue, HEAD, page);
      if (next == PageArray.NONE) {
        put(queue, TAIL, page);
      } else {
        pages.setPrev(next, page);
      }
      put(queue, LENGTH, getLocked(queue, LENGTH) + 1);
      pages.setQueue(page, queue);
    } finally {
      unlock(queue);
    }
    stats.freed(stripe);
  }

  private void link(int page, PageQueue kind, boolean atHead) {
    if (pages.queue(page) != PageQueue.NONE
        || pages.hasFlag(page, PageFlags.UNQUEUED | PageFlags.FICTITIOUS)) {
      throw new VmPanic("cannot be queued as " + kind + ": " + pages.describe(page));
    }
    int queue = kind.index(pages.color(page));
    lock(queue);
    if (atHead || (kind == PageQueue.FREE && !isZeroed(page))) {
      linkAfter(queue, PageArray.NONE, page);
    } else {
      linkAfter(queue, get(queue, TAIL), page);
      if (kind == PageQueue.INACTIVE) {
        RawMemory.putLong(word(queue, ADDS), RawMemory.getLong(word(queue, ADDS)) + 1);
      }
    }
    put(queue, LENGTH, length(queue) + 1);
    countZeroed(queue, page, 1);
    pages.setQueue(page, queue);
    unlock(queue);
  }

  /// Gives a page another colour, and if it is queued moves it to the head of that colour's queue
  /// of the same kind, while the machine boots.
  void recolor(int page, int color) {
    pages.lock(page);
    int queue = pages.queue(page);
    if (queue != PageQueue.NONE) {
      lock(queue);
      unlinkQuietly(queue, page);
      unlock(queue);
    }
    pages.setColor(page, color);
    if (queue != PageQueue.NONE) {
      link(page, PageQueue.kindOf(queue), true);
    }
    pages.unlock(page);
  }

  /// Moves a page to the tail of the queue that it is on, if that is of a kind.
  ///
  /// @return whether it was moved
  public boolean requeue(int page, PageQueue kind) {
    pages.lock(page);
    int queue = pages.queue(page);
    boolean there = kind.isKindOf(queue);
    if (there) {
      lock(queue);
      unlink(queue, page);
      linkAfter(queue, get(queue, TAIL), page);
      unlock(queue);
    }
    pages.unlock(page);
    return there;
  }

  // ---- markers

  /// Puts a marker at the head of a queue.
  public void insertMarker(int queue, int marker) {
    lock(queue);
    linkAfter(queue, PageArray.NONE, marker);
    pages.setQueue(marker, queue);
    unlock(queue);
  }

  /// Takes a marker out of its queue.
  public void removeMarker(int marker) {
    int queue = pages.queue(marker);
    lock(queue);
    unlink(queue, marker);
    pages.setQueue(marker, PageQueue.NONE);
    unlock(queue);
  }

  /// Moves a marker behind the page that follows it, and lets `visitor` take that page while the
  /// queue is locked, so that it is known to be on this queue.
  ///
  /// @return the page that was taken; [PageArray#NONE] at the end; [#SKIPPED] if it was refused
  public int advance(int marker, Visitor visitor) {
    int queue = pages.queue(marker);
    lock(queue);
    try {
      int page = pages.next(marker);
      if (page == PageArray.NONE) {
        return PageArray.NONE;
      }
      unlink(queue, marker);
      linkAfter(queue, page, marker);
      return !pages.isMarker(page) && visitor.take(page) ? page : SKIPPED;
    } finally {
      unlock(queue);
    }
  }

  /// What [#advance] returns for a page that was not taken.
  public static final int SKIPPED = -2;

  /// Decides about a page under the lock of its queue; neither waits nor calls out.
  @FunctionalInterface
  public interface Visitor {
    /// Takes a page or refuses it.
    boolean take(int page);
  }

  // ---- links

  private void unlink(int queue, int page) {
    int next = pages.next(page);
    int prev = pages.prev(page);
    if (prev == PageArray.NONE) {
      put(queue, HEAD, next);
    } else {
      pages.setNext(prev, next);
    }
    if (next == PageArray.NONE) {
      put(queue, TAIL, prev);
    } else {
      pages.setPrev(next, prev);
    }
    pages.setLinks(page, PageArray.NONE, PageArray.NONE);
  }

  private void linkAfter(int queue, int before, int page) {
    int next = before == PageArray.NONE ? head(queue) : pages.next(before);
    pages.setPrev(page, before);
    pages.setNext(page, next);
    if (before == PageArray.NONE) {
      put(queue, HEAD, page);
    } else {
      pages.setNext(before, page);
    }
    if (next == PageArray.NONE) {
      put(queue, TAIL, page);
    } else {
      pages.setPrev(next, page);
    }
  }
}
