package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// Gives up single pages that somebody expects not to need any more, mapped or not: to the cache or
/// to the free queue (`vm_page_cache`, `vm_page_try_to_cache`, `vm_page_try_to_free`). The daemon
/// has ways of its own, which go by batches.
///
/// **Contract.** No page that is dirty, wired, held, soft-busy or exempt is given up. None waits
/// but where it says so. Afterwards the page is not busy, whatever became of it.
public final class PageReclaim {
  private static final int EXEMPT =
      PageFlags.UNQUEUED | PageFlags.FICTITIOUS | PageFlags.NEED_COMMIT;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageMover mover;
  private final PageAllocator allocator;
  private final PageContent content;
  private final PageProtection protection;

  /// Makes it for a machine.
  public PageReclaim(
      PageParts parts, PageAllocator allocator, PageContent content, PageProtection protection) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.mover = parts.mover();
    this.allocator = allocator;
    this.content = content;
    this.protection = protection;
  }

  /// Unmaps a page and puts it on the cache queue (`vm_page_cache`). One that turns out to be dirty
  /// becomes inactive; one that may not be reclaimed stays where it is.
  ///
  /// @param page a hard-busy page
  /// @return whether it is cached
  public boolean cache(VmThread self, int page) {
    busy.requireHardBusy(page);
    if (isPinned(page) || busy.softHolders(page) != 0) {
      busy.unbusy(page);
      return false;
    }
    if (isOn(PageQueue.CACHE, page)) {
      if (pages.hasFlag(page, PageFlags.MAPPED)) {
        throw new VmPanic("cached, but mapped: " + pages.describe(page));
      }
      busy.unbusy(page);
      return true;
    }
    protection.revokeAll(page);
    return mover.toCache(self, page);
  }

  /// Caches a page if it is clean (`vm_page_try_to_cache`). A dirty one that is active becomes
  /// inactive.
  ///
  /// @param page a hard-busy page
  /// @return whether it came to the cache by this call; the reference says yes even where its cache
  ///   operation declined in the end
  public boolean tryToCache(VmThread self, int page) {
    busy.requireHardBusy(page);
    if (isPinned(page) || pages.dirty(page) != 0 || isOn(PageQueue.CACHE, page)) {
      busy.unbusy(page);
      return false;
    }
    content.testDirty(page);
    if (pages.dirty(page) != 0) {
      if (isOn(PageQueue.ACTIVE, page)) {
        mover.deactivate(self, page);
      }
      busy.unbusy(page);
      return false;
    }
    return cache(self, page);
  }

  /// Frees a page if it is clean and nobody has it busy (`vm_page_try_to_free`). May wait for the
  /// token of its object and for a grace period.
  ///
  /// @param page any page, which the caller has not busy
  /// @return whether it was freed
  public boolean tryToFree(VmThread self, int page) {
    if (!busy.tryHardBusy(page)) {
      return false;
    }
    if (!isClean(page) || isOn(PageQueue.FREE, page) || isOn(PageQueue.HOLD, page)) {
      busy.unbusy(page);
      return false;
    }
    protection.revokeAll(page); // what was stored until now is known after it
    if (pages.dirty(page) != 0) {
      busy.unbusy(page);
      return false;
    }
    allocator.free(self, page);
    return true;
  }

  private boolean isClean(int page) {
    if (isPinned(page) || pages.dirty(page) != 0) {
      return false;
    }
    content.testDirty(page);
    return pages.dirty(page) == 0;
  }

  private boolean isPinned(int page) {
    return pages.hasFlag(page, EXEMPT) || pages.wireCount(page) != 0 || pages.holdCount(page) != 0;
  }

  private boolean isOn(PageQueue kind, int page) {
    return kind.isKindOf(pages.queue(page));
  }
}
