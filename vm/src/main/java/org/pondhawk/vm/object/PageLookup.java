package org.pondhawk.vm.object;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// Finds a resident page of an object without the object's token (what the reference's faults use
/// the page hash for; [PageHash] is ours).
///
/// **Contract.** The caller keeps the object alive. Never waits. An answer of [#DOUBT] or [#ABSENT]
/// decides nothing: who needs to know takes the token and looks again. A page that is returned is
/// hard-busy, and was in the object at that index since it was made so.
public class PageLookup {
  /// No page was seen at the index.
  public static final int ABSENT = -1;

  /// There may be a page, but somebody has it busy or it is not what it was taken for.
  public static final int DOUBT = -2;

  /*
   * The index is read while others change it, so what is read may be anything: a page of this
   * object, of another one, a free one, or no page number at all. A page's identity changes only
   * while it is hard-busy. So the page is made busy, and asked who it is once that can't change; a
   * stranger is let go at once. Allocation passes over a free page that is busy meanwhile.
   */
  private final PageArray pages;
  private final PageBusy busy;

  /// Makes it over the descriptors of a machine.
  public PageLookup(PageArray pages, PageBusy busy) {
    this.pages = pages;
    this.busy = busy;
  }

  /// Makes the page at an index hard-busy if it is there with good bytes and nobody has it busy.
  ///
  /// @param object an object that stays alive meanwhile
  /// @return the page, [#ABSENT] or [#DOUBT]
  public final int tryBusy(VmObject object, long pindex) {
    int page = look(object, pindex);
    if (page == IntRadix.NONE) {
      return ABSENT;
    }
    if (page < 0 || page >= pages.frameCount() || !isStill(object, pindex, page)) {
      return DOUBT; // whose else it is need not even be made busy
    }
    if (!busy.tryHardBusy(page)) {
      return DOUBT;
    }
    if (!isStill(object, pindex, page) || !pages.isFullyValid(page)) {
      busy.unbusy(page);
      return DOUBT;
    }
    return page;
  }

  /// What seems to be at an index, of which nothing is believed.
  ///
  /// @return any number; [IntRadix#NONE] if nothing is
  protected int look(VmObject object, long pindex) {
    return object.resident().peek(pindex);
  }

  /// Whether a page is the object's at an index: for good if it is hard-busy, else a hint.
  protected boolean isStill(VmObject object, long pindex, int page) {
    return pages.object(page) == object.slot() && pages.pindex(page) == pindex;
  }
}
