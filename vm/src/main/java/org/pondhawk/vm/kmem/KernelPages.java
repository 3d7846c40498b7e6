package org.pondhawk.vm.kmem;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.VmThread;

/// Fills ranges that show the kernel's object: one page after the other is taken, zeroed, put into
/// the object at the index of its address, wired and mapped (the loop of `kmem_alloc3`).
///
/// **Contract.** The range is mapped and known to its caller alone, and no fault may come to it.
/// What is filled stays mapped until its range is unmapped, which frees it.
final class KernelPages {
  private final KernelParts parts;
  private final PageArray pages;
  private final VmObject object;

  KernelPages(KernelParts parts, VmObject object) {
    this.parts = parts;
    this.pages = parts.page().pages();
    this.object = object;
  }

  /// Fills a range. May wait for memory.
  ///
  /// @param space whose map has the range
  /// @throws org.pondhawk.vm.error.OutOfPagesException if there is none; a part may be filled
  void fill(VmThread self, Space space, long start, long end) {
    Patience patience = null;
    for (long at = start; at < end; at += parts.pageSize()) {
      while (!tryFill(self, space, at)) {
        patience = await(self, patience);
      }
    }
  }

  private Patience await(VmThread self, @Nullable Patience before) {
    Patience patience = before == null ? parts.page().gate().patience() : before;
    parts.page().gate().await(self, patience);
    return patience;
  }

  /// Fills one page, if that needs no wait for memory but for index nodes.
  ///
  /// @return false if memory is short
  boolean tryFill(VmThread self, Space space, long address) {
    parts.map().nodes().preload(self);
    long stamp = space.map().lockShared();
    try {
      return space.pmap().charge(self, address) && insert(self, space, address);
    } finally {
      space.map().unlockShared(stamp);
    }
  }

  private boolean insert(VmThread self, Space space, long address) {
    long pindex = address >>> parts.pageShift();
    object.token().lock(self, true);
    try {
      int color = parts.map().allocator().colorFor(self, object.color(), pindex);
      int page = parts.map().allocator().allocateForZeros(self, color, AllocClass.NORMAL);
      if (page == PageArray.NONE) {
        return false;
      }
      parts.owner().insert(self, object, pindex, page);
      if (!pages.hasFlag(page, PageFlags.ZERO)) {
        pages.frames().zero(page);
      }
      space.pmap().enterNew(address, page, true, true); // dirty: a zone stores past the entry
      parts.page().mover().wire(self, page);
      parts.page().busy().unbusy(page);
      return true;
    } finally {
      object.token().unlock(self);
    }
  }
}
