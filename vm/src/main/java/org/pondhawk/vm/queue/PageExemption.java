package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.VmThread;

/// Keeps pages out of the daemon's sight, or from being reclaimed: off the queues
/// (`vm_page_unqueue_nowakeup`, `vm_page_unmanage`), and until their backing confirms a write
/// (`vm_page_need_commit`, `vm_page_clear_commit`). None waits. Freeing a page ends its exemptions.
public final class PageExemption {
  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final PageOwner owner;

  /// Makes it for a machine.
  public PageExemption(PageParts parts, PageOwner owner) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.queues = parts.queues();
    this.owner = owner;
  }

  /// Takes a page off its queue, and tells nobody that memory got shorter by that
  /// (`vm_page_unqueue_nowakeup`): [PageMover#unqueue] does.
  ///
  /// @param page a hard-busy page
  public void unqueueQuietly(VmThread self, int page) {
    busy.requireHardBusy(page);
    pages.lock(page);
    queues.remove(self.stripe(), page);
    pages.unlock(page);
  }

  /// Takes a page off its queue for as long as it is not freed (`vm_page_unmanage`).
  ///
  /// @param page a hard-busy page
  public void unmanage(VmThread self, int page) {
    busy.requireHardBusy(page);
    pages.setFlags(page, PageFlags.UNQUEUED); // first: nobody can queue it anew from here on
    unqueueQuietly(self, page);
  }

  /// Marks a page as clean for now only: its backing may have lost what was written, and the page
  /// is kept until it confirms (`vm_page_need_commit`).
  ///
  /// @param page a hard-busy page of an object, which takes note of it
  public void needCommit(int page) {
    busy.requireHardBusy(page);
    if (pages.object(page) == PageArray.NO_OBJECT) {
      throw new VmPanic("to be committed, but belongs to nothing: " + pages.describe(page));
    }
    pages.setFlags(page, PageFlags.NEED_COMMIT);
    owner.noteDirty(page);
  }

  /// Takes note that the backing has confirmed (`vm_page_clear_commit`).
  ///
  /// @param page a hard-busy page
  public void clearCommit(int page) {
    busy.requireHardBusy(page);
    pages.clearFlags(page, PageFlags.NEED_COMMIT);
  }
}
