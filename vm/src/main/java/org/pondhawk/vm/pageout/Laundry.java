package org.pondhawk.vm.pageout;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.VmThread;

/// Dirty pages on their way to backing store: gathered in clusters, unmapped, and written once no
/// store can be under way any more (`vm_pageout_clean_helper`, `vm_pageout_flush`).
///
/// **Contract.** One daemon's own. [#add] unmaps a cluster and leaves it soft-busy; the cluster is
/// written in a later [#poll], or in [#finish] at the latest. Nothing here waits for memory.
final class Laundry {
  /*
   * ```
   *   hard-busy ──▶ soft-busy, unmapped ──▶ grace period ──▶ written ──▶ hard-busy ──▶ CACHE
   *                 (faults wait here)                                          └────▶ INACTIVE tail
   * ```
   * A store that saw the old entry sets no new modified bit, so what was collected at unmapping is all
   * there is; but its bytes may arrive late, hence the grace period *before* the write.
   */
  private static final int CLUSTER = 16;
  private static final int WINDOW = 64;
  private static final int PAGES_PER_TICKET = 256;

  private final PageoutParts parts;
  private final PageArray pages;
  private final ArrayDeque<Cluster> waiting = new ArrayDeque<>();
  private final ArrayDeque<Cluster> spare = new ArrayDeque<>();
  private int pagesWithoutBegin;
  private int notCleaned;

  /// Pages of one object that are written together.
  private static final class Cluster {
    final PageRun run = new PageRun(CLUSTER);
    @Nullable VmObject object;
    int ticket;
  }

  Laundry(PageoutParts parts) {
    this.parts = parts;
    this.pages = parts.page().pages();
  }

  /// Takes a dirty page and its dirty neighbours in.
  ///
  /// @param page a hard-busy page on the inactive queue; not busy for the caller afterwards
  /// @return how many pages were taken
  int add(VmThread self, int page) {
    VmObject object = parts.objects().get(pages.object(page));
    Cluster cluster = spare.isEmpty() ? new Cluster() : spare.pop();
    cluster.object = object;
    gather(self, object, page, cluster.run);
    for (int i = 0; i < cluster.run.count(); i++) {
      int member = cluster.run.page(i);
      parts.page().busy().addSoftBusy(member);
      parts.mappings().removeAll(member);
      parts.page().busy().unbusy(member);
    }
    cluster.ticket = parts.grace().next();
    waiting.add(cluster);
    pagesWithoutBegin += cluster.run.count();
    if (pagesWithoutBegin >= PAGES_PER_TICKET) {
      begin();
    }
    return cluster.run.count();
  }

  private void gather(VmThread self, VmObject object, int page, PageRun run) {
    long pindex = pages.pindex(page);
    long windowStart = pindex & -WINDOW;
    run.start(pindex);
    run.append(page);
    object.token().lock(self, false);
    for (long p = pindex - 1; p >= windowStart && !run.isFull(); p--) {
      int neighbour = takeNeighbour(object, p);
      if (neighbour == PageArray.NONE) {
        break;
      }
      run.prepend(neighbour);
    }
    for (long p = pindex + 1; p < windowStart + WINDOW && !run.isFull(); p++) {
      int neighbour = takeNeighbour(object, p);
      if (neighbour == PageArray.NONE) {
        break;
      }
      run.append(neighbour);
    }
    object.token().unlock(self);
  }

  private int takeNeighbour(VmObject object, long pindex) {
    int page = object.resident().get(pindex);
    if (page == IntRadix.NONE || !parts.page().busy().tryHardBusy(page)) {
      return PageArray.NONE;
    }
    boolean fit =
        PageQueue.INACTIVE.isKindOf(pages.queue(page))
            && pages.isFullyValid(page)
            && pages.wireCount(page) == 0
            && pages.holdCount(page) == 0
            && (pages.dirty(page) != 0 || parts.mappings().isModified(page));
    if (!fit) {
      parts.page().busy().unbusy(page);
      return PageArray.NONE;
    }
    pages.setDirty(page);
    return page;
  }

  /// Begins the grace period of what was taken in since the last begin.
  void begin() {
    if (pagesWithoutBegin > 0) {
      parts.grace().begin();
      pagesWithoutBegin = 0;
    }
  }

  /// Writes the clusters whose grace period is over.
  void poll(VmThread self) {
    for (Cluster first = waiting.peek();
        first != null && parts.grace().isOver(first.ticket);
        first = waiting.peek()) {
      waiting.remove();
      write(self, first);
      spare.push(first);
    }
  }

  /// Writes everything, waiting for grace periods. What waits for one that does not end goes back
  /// as it came, dirty and without a mapping.
  ///
  /// @return false if that happened
  boolean finish(VmThread self) {
    begin();
    boolean all = true;
    for (Cluster first = waiting.peek(); first != null; first = waiting.peek()) {
      if (parts.grace().await(first.ticket)) {
        poll(self);
      } else {
        all = false;
        waiting.remove();
        first.object = null;
        for (int i = 0; i < first.run.count(); i++) {
          first.run.setResult(i, PagerResult.AGAIN);
          settle(self, first, i);
        }
        spare.push(first);
      }
    }
    return all;
  }

  /// How many pages came back dirty since the last call.
  int takeNotCleaned() {
    int n = notCleaned;
    notCleaned = 0;
    return n;
  }

  private void write(VmThread self, Cluster cluster) {
    VmObject object = cluster.object;
    if (object == null) {
      return;
    }
    cluster.object = null;
    object.token().lock(self, true);
    Pager pager = object.pager();
    if (pager == null) {
      pager = parts.swap().newPager();
      object.setPager(self, pager);
    }
    pager.pageOut(self, cluster.run);
    object.token().unlock(self);
    for (int i = 0; i < cluster.run.count(); i++) {
      settle(self, cluster, i);
    }
  }

  /// Ends the transfer of one page.
  private void settle(VmThread self, Cluster cluster, int i) {
    int page = cluster.run.page(i);
    parts.page().busy().hardBusyBesideSoft(self, page);
    parts.page().busy().finishIo(page);
    if (cluster.run.result(i) == PagerResult.OK) {
      pages.setTicket(page, cluster.ticket);
      parts.page().mover().toCache(self, page);
      return;
    }
    // What can't be written now must not stand in the way of what can: it goes to the tail.
    notCleaned++;
    parts.page().queues().requeue(page, PageQueue.INACTIVE);
    parts.page().busy().unbusy(page);
  }
}
