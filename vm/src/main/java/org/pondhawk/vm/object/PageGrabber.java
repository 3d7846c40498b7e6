package org.pondhawk.vm.object;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.VmThread;

/// Finds a page of an object or makes it, whichever it takes (`vm_page_grab`).
///
/// **Contract.** The caller holds a reference to the object, and neither a token nor a page. May
/// wait for a busy page and for memory; who waits without being ready to retry gets no page in the
/// end. A page that is made belongs to the object, is on no queue, and is not valid unless zeros
/// were asked for: what may back it is the caller's to read. Zeros that are asked for replace what
/// backs the page.
public final class PageGrabber {
  /// What to do about the bytes of a page.
  public enum Zeros {
    /// Leave them.
    NONE,
    /// Zero a page of which no byte is valid (`VM_ALLOC_ZERO`); a page in part valid is left.
    IF_NOT_VALID,
    /// Zero it in any case (`VM_ALLOC_FORCE_ZERO`).
    ALWAYS
  }

  private final PageBusy busy;
  private final PageArray pages;
  private final FreeGate gate;
  private final ObjectPages maker;
  private final RadixNodes nodes;
  private final PageMover mover;
  private final PageFinder finder;
  private final PageContent content;

  /// Makes it for a machine.
  public PageGrabber(
      PageParts parts,
      ObjectPages maker,
      RadixNodes nodes,
      PageFinder finder,
      PageContent content) {
    this.busy = parts.busy();
    this.pages = parts.pages();
    this.mover = parts.mover();
    this.gate = parts.gate();
    this.maker = maker;
    this.nodes = nodes;
    this.finder = finder;
    this.content = content;
  }

  /// Where one attempt ended.
  ///
  /// @param page the page, hard-busy, or [PageArray#NONE]
  /// @param blocker the busy page in the way of it, or [PageArray#NONE] for want of memory
  private record Attempt(int page, int blocker) {}

  /// Makes the page at an index hard-busy, allocating it if there is none.
  ///
  /// @param klass how deep an allocation may go; quick is not for this
  /// @param retry whether to go on after a wait until there is a page (`VM_ALLOC_RETRY`), for a
  ///   class that may use the cache
  /// @return the page; [PageArray#NONE] only if the caller is not ready to retry
  /// @throws org.pondhawk.vm.error.OutOfPagesException if a wait comes to nothing
  public int grab(
      VmThread self, VmObject object, long pindex, AllocClass klass, Zeros zeros, boolean retry) {
    boolean hopeless = retry && !klass.usesCache(); // it would wait for what it may not take
    if (klass == AllocClass.QUICK || hopeless || !self.holdsNothing()) {
      throw new VmPanic("%s grabs a page of %s as %s".formatted(self, object, klass));
    }
    Patience patience = null;
    for (; ; ) {
      nodes.preload(self);
      Attempt attempt = attempt(self, object, pindex, klass, zeros);
      if (attempt.page() != PageArray.NONE) {
        return attempt.page();
      }
      patience = await(self, attempt.blocker(), patience);
      if (!retry) {
        return PageArray.NONE;
      }
    }
  }

  private Patience await(VmThread self, int blocker, @Nullable Patience before) {
    if (blocker != PageArray.NONE) {
      busy.sleepWhileBusy(self, blocker);
      return gate.checkBusyWait(self, before);
    }
    Patience patience = before == null ? gate.patience() : before;
    gate.await(self, patience);
    return patience;
  }

  private Attempt attempt(
      VmThread self, VmObject object, long pindex, AllocClass klass, Zeros zeros) {
    object.token().lock(self, false);
    try {
      PageFinder.Found found = finder.tryBusy(self, object, pindex, false);
      if (found.page() == PageArray.NONE && object.token().upgrade(self)) {
        found = finder.tryBusy(self, object, pindex, false); // somebody may have been quicker
      }
      int page = found.page();
      if (page != PageArray.NONE && !found.isBusied()) {
        return new Attempt(PageArray.NONE, page);
      }
      if (page == PageArray.NONE) {
        page = maker.allocate(self, object, pindex, klass);
        if (page == PageArray.NONE) {
          return new Attempt(page, PageArray.NONE);
        }
      }
      zero(self, page, zeros);
      return new Attempt(page, PageArray.NONE);
    } finally {
      object.token().unlock(self);
    }
  }

  private void zero(VmThread self, int page, Zeros zeros) {
    if (zeros == Zeros.NONE || (zeros == Zeros.IF_NOT_VALID && pages.valid(page) != 0)) {
      return;
    }
    content.zeroFill(page);
    pages.setValid(page);
    if (pages.hasFlag(page, PageFlags.SWAPPED)) {
      mover.deactivate(self, page); // where it may be dirty
      content.dirty(page); // the zeros are newer than what backs the page
    }
  }
}
