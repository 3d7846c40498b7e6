package org.pondhawk.vm.object;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Writes the dirty pages of a range of an object to the object's own pager
/// (`vm_object_page_clean`).
///
/// **Contract.** The caller refers to the object and holds no token and no page. Every byte that
/// was stored before the call, through whatever mapping, is with the pager afterwards if it waits,
/// unless the result says otherwise. Faults go on meanwhile: a page under way may be loaded from,
/// not stored into.
///
/// **Failure.** Pages that can't be written stay dirty; the others are written nevertheless.
public final class PageCleaner {
  /*
   * In batches: find the dirty pages, hard-busy each for a moment to take the right to store from its
   * mappings, which collects their modified bits, and leave it soft-busy; wait for the stores under
   * way; write runs of neighbours; give the pages back. Nothing waits for a busy page while others are
   * gathered: what there is is written first.
   *
   * The whole object: its mark of dirty pages goes first, and clean pages lose the right to be stored
   * into as well. Whoever gets it back sets the mark; so where the mark is not set no page is dirty.
   *
   * Differs from the reference: a range that is not the whole object is written too; there, its
   * pages lack the mark of the first pass.
   */
  private static final int CLUSTER = 16;
  private static final int BATCH = 256;

  private final PageParts parts;
  private final PageArray pages;
  private final Mappings mappings;
  private final Grace grace;
  private final RunWriter writer;
  private final long patienceNanos;

  /// Makes it for a machine.
  ///
  /// @param patienceNanos how long a pager may take to complete what it has begun
  public PageCleaner(
      PageParts parts, Mappings mappings, Grace grace, RunWriter writer, long patienceNanos) {
    this.parts = parts;
    this.pages = parts.pages();
    this.mappings = mappings;
    this.grace = grace;
    this.writer = writer;
    this.patienceNanos = patienceNanos;
  }

  /// One cleaning.
  private final class Work {
    final VmThread self;
    final VmObject object;
    final boolean whole;
    final boolean wait;
    final List<PageRun> runs = new ArrayList<>();
    int gathered;
    long failed;
    boolean underWay;
    long firstFailed = -1;
    @Nullable IOException cause;
    @Nullable Patience patience;

    Work(VmThread self, VmObject object, boolean whole, boolean wait) {
      this.self = self;
      this.object = object;
      this.whole = whole;
      this.wait = wait;
    }

    /// Gathers the page of an index, if it is dirty.
    ///
    /// @return the next index to look at
    long visit(long pindex) {
      int page = object.resident().get(pindex);
      if (page == IntRadix.NONE) {
        return pindex + 1;
      }
      if (!parts.busy().tryHardBusy(page)) {
        if (gathered > 0) {
          flush();
        } else {
          self.requireNotLeased(page, pindex << writer.pageShift());
          parts.busy().sleepWhileBusy(self, page);
          patience = parts.gate().checkBusyWait(self, patience);
        }
        return pindex;
      }
      if (isDirty(page)) {
        gather(pindex, page);
      }
      parts.busy().unbusy(page);
      return pindex + 1;
    }

    private boolean isDirty(int page) {
      if (pages.valid(page) == 0
          || pages.hasFlag(page, PageFlags.FICTITIOUS | PageFlags.UNQUEUED)
          || PageQueue.CACHE.isKindOf(pages.queue(page))) {
        return false;
      }
      if (!whole && pages.dirty(page) == 0 && !mappings.isModified(page)) {
        return false;
      }
      mappings.writeProtect(page); // what was stored until now is known after it
      return pages.dirty(page) != 0;
    }

    private void gather(long pindex, int page) {
      PageRun run = runs.isEmpty() ? null : runs.getLast();
      if (run == null || run.isFull() || run.firstPindex() + run.count() != pindex) {
        run = new PageRun(CLUSTER);
        run.start(pindex);
        runs.add(run);
      }
      parts.busy().addSoftBusy(page);
      run.append(page);
      gathered++;
    }

    /// Writes what is gathered.
    void flush() {
      if (gathered == 0) {
        return;
      }
      boolean over = grace.await(grace.begin());
      if (over) {
        runs.forEach(run -> writer.write(self, object, run));
      } else {
        cause = new IOException("a thread does not end a store");
      }
      for (PageRun run : runs) {
        end(run);
      }
      runs.clear();
      gathered = 0;
    }

    private void end(PageRun run) {
      if (run.isPending() && !(wait && run.await(self, patienceNanos))) {
        count(run);
        underWay = true;
        writer.adopt(object, run);
        return;
      }
      writer.note(self, object, run);
      count(run);
      writer.release(self, run);
    }

    /// Counts what is not written. What is only begun counts where it was to be waited for.
    private void count(PageRun run) {
      for (int i = 0; i < run.count(); i++) {
        PagerResult result = run.result(i);
        boolean begun = result == PagerResult.PENDING && !wait;
        if (result != PagerResult.OK && !begun) {
          failed++;
          firstFailed = firstFailed < 0 ? run.firstPindex() + i : firstFailed;
          cause = run.failure() == null ? cause : run.failure();
        }
      }
    }
  }

  /// Writes the dirty pages of a range.
  ///
  /// @param first the index of the first page
  /// @param end the index behind the last; what lies beyond the end of the object is not there
  /// @param wait whether to wait until all is with the pager and durable
  /// @return what is not; where nothing is waited for, what could not even be begun
  public Unwritten clean(VmThread self, VmObject object, long first, long end, boolean wait) {
    if (object.kind() != ObjectKind.FILE) {
      return Unwritten.NOTHING;
    }
    boolean whole = first == 0 && end >= object.size();
    Work work = new Work(self, object, whole, wait);
    if (!object.isSurelyClean()) {
      if (whole) {
        cleanAll(work);
      } else {
        scan(work, first, end);
      }
    }
    return new Unwritten(work.failed, work.firstFailed, wait ? force(work) : work.cause);
  }

  private void cleanAll(Work work) {
    work.object.beginCleaning();
    boolean all = false;
    try {
      scan(work, 0, Long.MAX_VALUE);
      all = work.failed == 0 && !work.underWay; // what is only begun may fail yet
    } finally {
      work.object.endCleaning(all);
    }
  }

  private void scan(Work work, long first, long end) {
    VmObject object = work.object;
    object.token().lock(work.self, true); // given up during each transfer
    try {
      long at = object.resident().next(first);
      while (at >= 0 && at < end) {
        at = object.resident().next(work.visit(at));
        if (work.gathered >= BATCH) {
          work.flush();
        }
      }
    } finally {
      work.flush();
      object.token().unlock(work.self);
    }
  }

  private static @Nullable IOException force(Work work) {
    Pager pager = work.object.pager();
    if (work.cause != null || pager == null) {
      return work.cause;
    }
    try {
      pager.force(work.self);
      return null;
    } catch (IOException e) {
      return e;
    }
  }
}
