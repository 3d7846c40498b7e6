package org.pondhawk.vm.object;

import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Writes runs of pages of objects that have pagers of their own (`vm_pageout_flush`).
///
/// **Contract.** The pages of a run are soft-busy and nobody can store into them, from before
/// [#write] until [#release]. A run is [noted][#note] once it is complete, and released then; one
/// that is pending yet may be left to [#adopt].
///
/// **Failure.** A page that could not be written stays dirty, and its result says why not.
public final class RunWriter {
  private final PageParts parts;
  private final PageArray pages;
  private final int pageShift;

  /// What ends runs that nobody waits for, in the threads that complete them.
  private final ReentrantLock ending = new ReentrantLock();

  private final VmThread ender;

  /// Makes it for a machine.
  ///
  /// @param ender a record for whoever completes a run that nobody waits for
  public RunWriter(PageParts parts, VmThread ender) {
    this.parts = parts;
    this.pages = parts.pages();
    this.pageShift = pages.frames().pageShift();
    this.ender = ender;
  }

  /// Writes a run. May block.
  public void write(VmThread self, VmObject object, PageRun run) {
    Pager pager = object.pager();
    if (pager == null || !object.kind().hasOwnPager()) {
      throw new VmPanic("written, but without a pager of its own: " + object);
    }
    object.token().lock(self, true);
    try {
      pager.pageOut(self, run);
    } catch (VmPanic broken) {
      throw broken;
    } catch (RuntimeException e) { // the store's own mistake must not take the machine down
      run.setFailure(new IOException(e));
      fail(run);
    } finally {
      object.token().unlock(self);
    }
    parts.stats().count(self.stripe(), Event.FILE_OUT, 1);
  }

  /// What a pager did not get to before it threw has failed.
  private static void fail(PageRun run) {
    for (int i = 0; i < run.count(); i++) {
      if (run.result(i) == PagerResult.AGAIN) {
        run.setResult(i, PagerResult.ERROR);
      }
    }
  }

  /// Takes note of what became of the pages of a complete run, once: those that are written are
  /// clean. So are those beyond the end of the object, which whoever made it shorter is about to
  /// remove.
  public void note(VmThread self, VmObject object, PageRun run) {
    int written = 0;
    for (int i = 0; i < run.count(); i++) {
      boolean gone = run.result(i) == PagerResult.BAD && object.isBeyondEnd(run.firstPindex() + i);
      if (gone) {
        run.setResult(i, PagerResult.OK);
      }
      if (run.result(i) == PagerResult.OK) {
        pages.clearDirty(run.page(i));
        pages.clearFlags(run.page(i), PageFlags.NO_SYNC);
        written++;
      }
    }
    parts.stats().count(self.stripe(), Event.FILE_PAGES_OUT, written);
  }

  /// Gives the pages of a run back that [#note] has seen.
  public void release(VmThread self, PageRun run) {
    for (int i = 0; i < run.count(); i++) {
      int page = run.page(i);
      parts.busy().hardBusyBesideSoft(self, page);
      parts.busy().finishIo(page);
      parts.busy().unbusy(page);
    }
  }

  /// Leaves a pending run to whoever completes it, who notes it and gives the pages back.
  public void adopt(VmObject object, PageRun run) {
    run.whenComplete(() -> {
      ending.lock();
      try {
        note(ender, object, run);
        release(ender, run);
      } finally {
        ending.unlock();
      }
    });
  }

  /// The logarithm of the page size.
  int pageShift() {
    return pageShift;
  }
}
