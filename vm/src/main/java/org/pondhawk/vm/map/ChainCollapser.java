package org.pondhawk.vm.map;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerSource;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Shortens chains: moves the pages of an object that only one chain still sees up into the object
/// above it, and takes the emptied one out (in place of `vm_fault_collapse`).
///
/// A fork adds an element to a chain for each generation that stores. When the other generations
/// are gone, what they left lies beneath, seen by nobody else; nothing needs to be copied to get
/// rid of it.
///
/// **Contract.** Works in steps of a few pages, each with the map locked, so that a fault in that
/// space waits for one step at most. Never waits for memory or for a busy page: it comes back
/// later.
public final class ChainCollapser implements Runnable {
  /*
   * May an element be merged into the head? Only if the head's object and the element's have one
   * reference each: then no other chain goes through either of them, and none can come while the map is
   * locked. What the head has, resident or swapped, hides what the element has at that index.
   */
  private static final int PAGES_PER_STEP = 64;
  private static final long IDLE_NANOS = 1_000_000_000L;
  private static final long RETRY_NANOS = 2_000_000L;

  private final PageParts parts;
  private final PageAllocator allocator;
  private final ObjectOwner owner;
  private final ObjectReaper reaper;
  private final Mappings mappings;
  private final PagerSource pagers;
  private final HaltSwitch halt;
  private final VmThread self;
  private final ReentrantLock working = new ReentrantLock();
  private final ConcurrentLinkedQueue<Space> queue = new ConcurrentLinkedQueue<>();
  private final WaitChannel work = new WaitChannel("chains to collapse");
  private volatile boolean stopped;

  /// Makes the collapser of a machine.
  ///
  /// @param self its own record, a system thread
  public ChainCollapser(
      PageParts parts,
      PageAllocator allocator,
      ObjectOwner owner,
      ObjectReaper reaper,
      Mappings mappings,
      PagerSource pagers,
      HaltSwitch halt,
      VmThread self) {
    this.parts = parts;
    this.allocator = allocator;
    this.owner = owner;
    this.reaper = reaper;
    this.mappings = mappings;
    this.pagers = pagers;
    this.halt = halt;
    this.self = self;
  }

  /// What a step came to.
  private enum Step {
    /// There is nothing to merge, now.
    NOTHING,
    /// Something was moved; there may be more.
    PROGRESS,
    /// A page was busy or a node was missing: try again later.
    LATER
  }

  /// Asks for the chains of a space to be shortened. Does not wait.
  public void enqueue(Space space) {
    if (!queue.contains(space)) {
      queue.add(space);
    }
    work.wakeAll();
  }

  /// Shortens the chains of a space as far as it goes without waiting.
  public void collapseNow(Space space) {
    while (step(space) == Step.PROGRESS) {
      parts.stats().count(self.stripe(), Event.COLLAPSE_STEPS, 1);
    }
  }

  @Override
  public void run() {
    try {
      while (!stopped) {
        int ticket = work.ticket();
        Space space = queue.poll();
        if (space == null) {
          self.sleep(work, ticket, IDLE_NANOS);
        } else {
          collapse(space);
        }
      }
    } catch (Throwable t) {
      halt.halt(t);
      parts.gate().broadcast();
      if (t instanceof Error error && !(t instanceof AssertionError)) {
        throw error;
      }
    }
  }

  private void collapse(Space space) {
    collapseNow(space);
    if (step(space) == Step.LATER && !stopped) {
      enqueue(space);
      self.sleep(work, work.ticket(), RETRY_NANOS);
    }
  }

  /// Lets the collapser end; a step under way is finished.
  public void stop() {
    stopped = true;
    work.wakeAll();
  }

  /// Keeps the collapser from working, waiting for a step under way, until [#resume].
  public void pause() {
    working.lock();
  }

  /// Lets the collapser work again; called by the thread that paused it.
  public void resume() {
    working.unlock();
  }

  private Step step(Space space) {
    working.lock();
    try {
      return space.withMapLocked(map -> halt.isHalted() ? Step.NOTHING : stepIn(map));
    } finally {
      working.unlock();
    }
  }

  private Step stepIn(AddressMap map) {
    for (MapEntry entry : map.all()) {
      Backing head = entry.backing();
      Backing next = head.next();
      if (next != null && head.object().references() == 1 && next.object().references() == 1) {
        return merge(map, entry, head, next);
      }
    }
    return Step.NOTHING;
  }

  private Step merge(AddressMap map, MapEntry entry, Backing head, Backing next) {
    head.object().token().lock(self, true);
    next.object().token().lock(self, true);
    Step step;
    try {
      step = movePages(head, next);
      if (step == Step.NOTHING) {
        step = moveBlocks(head, next);
      }
    } finally {
      next.object().token().unlock(self);
      head.object().token().unlock(self);
    }
    if (step == Step.NOTHING) {
      takeOut(map, entry, head, next);
      return Step.PROGRESS;
    }
    return step;
  }

  private Step movePages(Backing head, Backing next) {
    long end = next.firstPindex() + pageCount(next);
    int moved = 0;
    IntRadix resident = next.object().resident();
    for (long p = resident.next(next.firstPindex()); p >= 0 && p < end; p = resident.next(p + 1)) {
      if (moved == PAGES_PER_STEP) {
        return Step.PROGRESS;
      }
      int page = resident.get(p);
      if (!parts.busy().tryHardBusy(page)) {
        return Step.LATER;
      }
      if (!movePage(head.object(), p - next.firstPindex() + head.firstPindex(), page)) {
        parts.busy().unbusy(page);
        return Step.LATER;
      }
      moved++;
    }
    return moved > 0 ? Step.PROGRESS : Step.NOTHING;
  }

  private long pageCount(Backing element) {
    return (element.end() - element.start()) >>> parts.pages().frames().pageShift();
  }

  /// Moves a page up, or frees it if it is hidden. A held page is not moved: once it is the head's
  /// own it is stored into where it lies, and who holds it may be a reader of another space.
  ///
  /// @param page a hard-busy page, released unless the answer is false
  private boolean movePage(VmObject to, long pindex, int page) {
    if (to.resident().get(pindex) != IntRadix.NONE || to.hasBacking(pindex)) {
      mappings.removeAll(page);
      allocator.free(self, page);
      return true;
    }
    // No hold can come: mapped is the page at most in this space, and its reader may see our
    // stores.
    if (parts.pages().holdCount(page) != 0 || !owner.move(self, to, pindex, page)) {
      return false;
    }
    parts.stats().count(self.stripe(), Event.MOVED, 1);
    if (PageQueue.CACHE.isKindOf(parts.pages().queue(page))) {
      parts.mover().deactivate(self, page); // it is dirty from now on
    }
    parts.busy().unbusy(page);
    return true;
  }

  private Step moveBlocks(Backing head, Backing next) {
    Pager from = next.object().pager();
    long end = next.firstPindex() + pageCount(next);
    int moved = 0;
    for (long p = from == null ? -1 : from.nextBlock(next.firstPindex());
        from != null && p >= 0 && p < end;
        p = from.nextBlock(p + 1)) {
      if (moved == PAGES_PER_STEP) {
        return Step.PROGRESS;
      }
      if (!moveBlock(from, p, head.object(), p - next.firstPindex() + head.firstPindex())) {
        return Step.LATER;
      }
      moved++;
    }
    return moved > 0 ? Step.PROGRESS : Step.NOTHING;
  }

  private boolean moveBlock(Pager from, long p, VmObject to, long pindex) {
    if (to.resident().get(pindex) != IntRadix.NONE || to.hasBacking(pindex)) {
      from.forget(self, p, 1);
      return true;
    }
    @Nullable Pager pager = to.pager();
    if (pager == null) {
      pager = pagers.newPager();
      to.setPager(self, pager);
    }
    return from.handOver(self, p, pager, pindex);
  }

  /// Takes an element out of a chain that has nothing any more that could be seen.
  private void takeOut(AddressMap map, MapEntry entry, Backing head, Backing next) {
    Backing shorter = head.above(next.next());
    head.object().replace(head, shorter);
    next.object().replace(next);
    map.replace(entry, entry.with(shorter, entry.needsCopy()));
    reaper.release(self, next.object());
    parts.stats().count(self.stripe(), Event.COLLAPSED, 1);
  }
}
