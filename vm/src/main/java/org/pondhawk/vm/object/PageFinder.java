package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.VmThread;

/// Finds resident pages of an object whose token the caller holds, shared or exclusively
/// (`vm_page_lookup` and its forms). [PageLookup] and [PageHash] find them without the token; what
/// is found here is entered there.
///
/// **Contract.** None waits but [#busyWait], which gives the token up while it sleeps. Where an
/// operation has a parameter `besideSoft`, soft holders are no hindrance if it is true.
///
/// **Failure.** [VmPanic] without the token, and for a page in the index that does not know that it
/// is there.
public final class PageFinder {
  private final PageArray pages;
  private final PageBusy busy;
  private final FreeGate gate;
  private final PageContent content;
  private final PageHash hash;

  /// What [#tryBusy] found.
  ///
  /// @param page the page, or [PageArray#NONE] for nothing
  /// @param isBusied whether the caller has it hard-busy now; if not, it was in the way of that,
  ///   and is good for a [PageBusy#sleepWhileBusy] only
  public record Found(int page, boolean isBusied) {
    static final Found NOTHING = new Found(PageArray.NONE, false);
  }

  /// Makes it for a machine.
  public PageFinder(PageParts parts, PageContent content, PageHash hash) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.gate = parts.gate();
    this.content = content;
    this.hash = hash;
  }

  /// The resident page at an index (`vm_page_lookup`). It is not busied: while the token is held it
  /// stays in the object unless the caller takes it out.
  ///
  /// @return the page, or [PageArray#NONE]
  public int find(VmThread self, VmObject object, long pindex) {
    if (!self.holds(object.token())) {
      throw new VmPanic(self + " looks a page up in " + object + " without its token");
    }
    int page = object.resident().get(pindex);
    if (page != IntRadix.NONE
        && (pages.object(page) != object.slot() || pages.pindex(page) != pindex)) {
      throw new VmPanic(
          "%s has at %d a page that knows better: %s"
              .formatted(object, pindex, pages.describe(page)));
    }
    if (page != IntRadix.NONE) {
      hash.enter(object, pindex, page);
    }
    return page;
  }

  /// Makes the page at an index hard-busy, and sleeps as long as somebody is in the way; it is
  /// looked up anew after each sleep (`vm_page_lookup_busy_wait`).
  ///
  /// @return the page, or [PageArray#NONE] once there is none
  /// @throws org.pondhawk.vm.error.OutOfPagesException if the caller's deadline passes, or nothing
  ///   moves for the machine's patience
  public int busyWait(VmThread self, VmObject object, long pindex, boolean besideSoft) {
    Patience patience = null;
    for (; ; ) {
      Found found = tryBusy(self, object, pindex, besideSoft);
      if (found.isBusied() || found.page() == PageArray.NONE) {
        return found.page();
      }
      if (besideSoft) {
        busy.sleepWhileHardBusy(self, found.page());
      } else {
        busy.sleepWhileBusy(self, found.page());
      }
      patience = gate.checkBusyWait(self, patience);
    }
  }

  /// Makes the page at an index hard-busy if nobody is in the way (`vm_page_lookup_busy_try`).
  public Found tryBusy(VmThread self, VmObject object, long pindex, boolean besideSoft) {
    int page = find(self, object, pindex);
    if (page == PageArray.NONE) {
      return Found.NOTHING;
    }
    boolean taken = besideSoft ? busy.tryHardBusyBesideSoft(page) : busy.tryHardBusy(page);
    return new Found(page, taken);
  }

  /// Soft-busies the page at an index if a range of it is valid, to read that
  /// (`vm_page_lookup_sbusy_try`). [PageBusy#dropSoftBusy] ends it.
  ///
  /// @param offset the first byte, from the start of the page
  /// @param size in bytes
  /// @return the page, or [PageArray#NONE]: absent, fictitious, not valid there or hard-busy
  public int trySoftBusy(VmThread self, VmObject object, long pindex, int offset, int size) {
    int page = find(self, object, pindex);
    if (page == PageArray.NONE || !isReadable(page, offset, size) || !busy.trySoftBusy(page)) {
      return PageArray.NONE;
    }
    if (!isReadable(page, offset, size)) { // who had it hard-busy until now may have changed that
      busy.dropSoftBusy(page);
      return PageArray.NONE;
    }
    return page;
  }

  private boolean isReadable(int page, int offset, int size) {
    return !pages.hasFlag(page, PageFlags.FICTITIOUS) && content.isValid(page, offset, size);
  }

  /// The page right behind another one in an object (`vm_page_next`).
  ///
  /// @param page a resident page of the object
  /// @return the page at the next index, or [PageArray#NONE]
  public int next(VmThread self, VmObject object, int page) {
    if (pages.object(page) != object.slot()) {
      throw new VmPanic("not a page of " + object + ": " + pages.describe(page));
    }
    return find(self, object, pages.pindex(page) + 1);
  }
}
