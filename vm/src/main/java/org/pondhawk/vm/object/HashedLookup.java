package org.pondhawk.vm.object;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// A lookup that asks the page hash first, and the object's index where that does not know.
public final class HashedLookup extends PageLookup {
  private final PageHash hash;
  private final int frameCount;

  /// Makes it over the descriptors of a machine.
  public HashedLookup(PageArray pages, PageBusy busy, PageHash hash) {
    super(pages, busy);
    this.hash = hash;
    this.frameCount = pages.frameCount();
  }

  @Override
  protected int look(VmObject object, long pindex) {
    int page = hash.peek(object, pindex);
    if (page != PageArray.NONE) {
      return page;
    }
    page = super.look(object, pindex);
    if (page >= 0 && page < frameCount && isStill(object, pindex, page)) {
      hash.enter(object, pindex, page); // it may not be so any more: then the entry is a stale one
    }
    return page;
  }
}
