package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.PageExemption;
import org.pondhawk.vm.sync.VmThread;

/// The pager of memory that is never paged out (`phys_pager`): its pages are made as zeros when
/// they are touched and stay, on no queue, until their object comes to its end.
public final class PhysicalPager implements Pager {
  private final PageArray pages;
  private final PageExemption exemption;

  /// Makes one.
  public PhysicalPager(PageArray pages, PageExemption exemption) {
    this.pages = pages;
    this.exemption = exemption;
  }

  @Override
  public PagerResult pageIn(VmThread self, long pindex, int page) {
    pages.frames().zero(page);
    exemption.unmanage(self, page);
    pages.setDirty(page);
    return PagerResult.OK;
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    throw new VmPanic("written out, but it has no backing: " + pages.describe(run.page(0)));
  }

  @Override
  public boolean hasPage(long pindex) {
    return true;
  }
}
