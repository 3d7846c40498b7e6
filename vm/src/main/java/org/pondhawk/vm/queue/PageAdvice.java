package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.AtomicInteger;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// What becomes of a page that somebody says they will not need soon (`vm_page_dontneed`).
///
/// Most such pages go to the head of the inactive queue, where they are reclaimed next; some to its
/// tail and some nowhere, so that a program which says this of all its memory has not lost all of
/// it.
public final class PageAdvice {
  /*
   * Of 512 calls in a row 16 leave the page alone, 48 put it to the tail and 448 to the head. A page
   * that is dirty goes to the tail instead of the head: it can't be reclaimed at once anyway.
   */
  private static final int LEAVE_MASK = 0x1f0;
  private static final int TAIL_MASK = 0x70;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageMover mover;
  private final PageContent content;
  private final Mappings mappings;
  private final AtomicInteger calls = new AtomicInteger();

  /// Makes it for a machine.
  public PageAdvice(PageParts parts, PageContent content, Mappings mappings) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.mover = parts.mover();
    this.content = content;
    this.mappings = mappings;
  }

  /// Takes note that a page is not needed for now (`vm_page_dontneed`). Its bytes are kept.
  ///
  /// @param page a hard-busy page, which stays so
  public void notNeeded(VmThread self, int page) {
    busy.requireHardBusy(page);
    int call = calls.incrementAndGet();
    int queue = pages.queue(page);
    if ((call & LEAVE_MASK) == 0
        || PageQueue.INACTIVE.isKindOf(queue)
        || PageQueue.CACHE.isKindOf(queue)) {
      if (pages.activity(page) >= Activity.INIT) {
        pages.setActivity(page, pages.activity(page) - 1);
      }
      return;
    }
    pages.clearFlags(page, PageFlags.REFERENCED);
    mappings.testAndClearReferenced(page);
    if (pages.dirty(page) == 0) {
      content.testDirty(page);
    }
    boolean atHead = pages.dirty(page) == 0 && (call & TAIL_MASK) != 0;
    pages.lock(page);
    mover.deactivateLocked(self, page, atHead);
    pages.unlock(page);
  }
}
