package org.pondhawk.vm.pageout;

import java.util.ArrayDeque;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.swap.SwapWriter;
import org.pondhawk.vm.sync.VmThread;

/// Dirty pages on their way to backing store: gathered in clusters, unmapped, and written once no
/// store can be under way any more (`vm_pageout_clean_helper`, `vm_pageout_flush`).
///
/// **Contract.** One daemon's own. [#add] takes a cluster's right to be stored into and leaves it
/// soft-busy; the cluster is written in a later [#poll], or in [#finish] at the latest. Several
/// batches may wait for their grace periods at once. Only [#finish] waits for one; nothing here
/// waits for memory.
final class Laundry {
  /*
   * ```
   *                 ┌─ unmapped (inactive) ─────────┐                          ┌─▶ CACHE
   *   hard-busy ──▶ │  soft-busy: faults wait here  │ ──▶ grace ──▶ written ──▶ ├─▶ ACTIVE, clean
   *                 └─ write-protected (active) ────┘                          └─▶ INACTIVE tail, dirty
   * ```
   * A store that saw the old entry sets no new modified bit, so what was collected when the right was
   * taken away is all there is; but its bytes may arrive late, hence the grace period *before* the
   * write. Clusters whose grace period is over are written together, whatever objects they are of; but
   * those of an object with a pager of its own by that pager, each for itself.
   *
   * A neighbour that is active goes along for the sake of the transfer only: it stays mapped for loads,
   * and is clean when its turn comes.
   */
  private static final int CLUSTER = 16;
  private static final int WINDOW = 64;
  private static final int PAGES_PER_TICKET = 256;
  private static final long PAGER_NANOS = 1_000_000_000L;

  private final PageoutParts parts;
  private final PageArray pages;
  private final SwapWriter writer;
  private final ArrayDeque<Cluster> waiting = new ArrayDeque<>();
  private final ArrayDeque<Cluster> loaded = new ArrayDeque<>();

  /// Clusters that pagers are to complete.
  private final ArrayDeque<Cluster> underWay = new ArrayDeque<>();

  private final int most;
  private int pageCount;
  private int reclaimable;
  private int pagesWithoutBegin;
  private int cleaned;
  private int notCleaned;

  /// Pages of one object that are written together.
  private static final class Cluster {
    final PageRun run = new PageRun(CLUSTER);
    final VmObject object;
    int ticket;

    Cluster(VmObject object) {
      this.object = object;
    }
  }

  /// Makes an empty one.
  ///
  /// @param most how many pages may be on their way at once; a last cluster may exceed it
  Laundry(PageoutParts parts, int most) {
    this.parts = parts;
    this.most = most;
    this.pages = parts.page().pages();
    this.writer = parts.swap().newWriter();
  }

  /// How many pages are on their way.
  int pageCount() {
    return pageCount;
  }

  /// How many of them are to be reclaimed; the others stay active.
  int reclaimable() {
    return reclaimable;
  }

  /// How many pages more may be taken in.
  int room() {
    return Math.max(0, most - pageCount);
  }

  /// Takes a dirty page and its dirty neighbours in.
  ///
  /// @param page a hard-busy page on the inactive queue; not busy for the caller afterwards
  /// @return how many pages were taken that will be free to be reclaimed
  int add(VmThread self, int page) {
    Cluster cluster = new Cluster(parts.objects().get(pages.object(page)));
    gather(self, cluster.object, page, cluster.run);
    int inactive = 0;
    for (int i = 0; i < cluster.run.count(); i++) {
      inactive += takeRights(cluster.run.page(i)) ? 1 : 0;
    }
    cluster.ticket = parts.grace().next();
    waiting.add(cluster);
    pageCount += cluster.run.count();
    reclaimable += inactive;
    pagesWithoutBegin += cluster.run.count();
    if (pagesWithoutBegin >= PAGES_PER_TICKET) {
      begin();
    }
    return inactive;
  }

  /// Makes a hard-busy page soft-busy and safe from new stores.
  ///
  /// @return whether it is unmapped, to be reclaimed
  private boolean takeRights(int page) {
    parts.page().busy().addSoftBusy(page);
    boolean inactive = PageQueue.INACTIVE.isKindOf(pages.queue(page));
    if (inactive) {
      parts.mappings().removeAll(page);
      parts.page().queues().requeue(page, PageQueue.INACTIVE); // out of the next scan's way
    } else {
      parts.mappings().writeProtect(page);
    }
    parts.page().busy().unbusy(page);
    return inactive;
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
        pages.isFullyValid(page)
            && pages.wireCount(page) == 0
            && pages.holdCount(page) == 0
            && (pages.dirty(page) != 0 || parts.mappings().isModified(page))
            && isQuiet(page);
    if (!fit) {
      parts.page().busy().unbusy(page);
      return PageArray.NONE;
    }
    pages.setDirty(page);
    return page;
  }

  /// Whether a page is not in use: inactive, or active without a reference since its last scan.
  private boolean isQuiet(int page) {
    if (PageQueue.INACTIVE.isKindOf(pages.queue(page))) {
      return true;
    }
    if (!PageQueue.ACTIVE.isKindOf(pages.queue(page))) {
      return false;
    }
    if (parts.mappings().testAndClearReferenced(page) > 0) {
      pages.setFlags(page, PageFlags.REFERENCED); // for the active scan to see
    }
    return !pages.hasFlag(page, PageFlags.REFERENCED);
  }

  /// Begins the grace period of what was taken in since the last begin.
  void begin() {
    if (pagesWithoutBegin > 0) {
      parts.grace().begin();
      pagesWithoutBegin = 0;
    }
  }

  /// Writes the clusters whose grace period is over, as many in one request as fit.
  void poll(VmThread self) {
    for (Cluster first = waiting.peek();
        first != null && parts.grace().isOver(first.ticket);
        first = waiting.peek()) {
      if (first.object.kind().hasOwnPager()) {
        waiting.remove();
        writeAlone(self, first);
        continue;
      }
      if (!writer.hasRoomFor(first.run.count())) {
        write(self);
      }
      waiting.remove();
      loaded.add(first);
      writer.add(self, first.object, first.run);
    }
    write(self);
    settleCompleted(self);
  }

  /// Writes a cluster of an object with a pager of its own, which may complete it later.
  private void writeAlone(VmThread self, Cluster cluster) {
    parts.runs().write(self, cluster.object, cluster.run);
    if (cluster.run.isPending()) {
      underWay.add(cluster);
    } else {
      settleAlone(self, cluster);
    }
  }

  private void settleAlone(VmThread self, Cluster cluster) {
    parts.runs().note(self, cluster.object, cluster.run);
    settle(self, cluster);
  }

  /// Settles what pagers have completed meanwhile.
  private void settleCompleted(VmThread self) {
    for (int n = underWay.size(); n > 0; n--) {
      Cluster cluster = underWay.remove();
      if (cluster.run.isPending()) {
        underWay.add(cluster);
      } else {
        settleAlone(self, cluster);
      }
    }
  }

  /// Writes everything, waiting for grace periods, and for pagers as long as is due to them. What
  /// waits for a grace period that does not end goes back as it came, dirty and without a mapping;
  /// what a pager does not complete stays under way.
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
        for (int i = 0; i < first.run.count(); i++) {
          first.run.setResult(i, PagerResult.AGAIN);
        }
        settle(self, first);
      }
    }
    for (Cluster cluster : underWay) {
      boolean _ = cluster.run.await(self, PAGER_NANOS);
    }
    settleCompleted(self);
    return all;
  }

  /// How many pages were cleaned since the last call.
  int takeCleaned() {
    int n = cleaned;
    cleaned = 0;
    return n;
  }

  /// How many pages came back dirty since the last call.
  int takeNotCleaned() {
    int n = notCleaned;
    notCleaned = 0;
    return n;
  }

  private void write(VmThread self) {
    if (loaded.isEmpty()) {
      return;
    }
    writer.write(self);
    for (Cluster cluster = loaded.poll(); cluster != null; cluster = loaded.poll()) {
      settle(self, cluster);
    }
  }

  private void settle(VmThread self, Cluster cluster) {
    pageCount -= cluster.run.count();
    for (int i = 0; i < cluster.run.count(); i++) {
      settle(self, cluster, i);
    }
  }

  /// Ends the transfer of one page.
  private void settle(VmThread self, Cluster cluster, int i) {
    int page = cluster.run.page(i);
    parts.page().busy().hardBusyBesideSoft(self, page);
    parts.page().busy().finishIo(page);
    boolean written = cluster.run.result(i) == PagerResult.OK;
    boolean inactive = PageQueue.INACTIVE.isKindOf(pages.queue(page));
    cleaned += written ? 1 : 0;
    reclaimable -= inactive ? 1 : 0;
    if (written && inactive) {
      pages.setTicket(page, cluster.ticket);
      parts.page().mover().toCache(self, page);
      return;
    }
    if (!written && inactive) {
      // What can't be written now must not stand in the way of what can: it goes to the tail.
      notCleaned++;
      parts.page().queues().requeue(page, PageQueue.INACTIVE);
    }
    parts.page().busy().unbusy(page);
  }
}
