package org.pondhawk.vm.fault;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.DevicePager;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Brings the page of an index into an object, as its pager has it (the pager's part of
/// `vm_fault_object`).
///
/// **Contract.** The object's token is held exclusively, the index is not resident and within the
/// object, and nodes are preloaded. May block for I/O, with the tokens given up meanwhile.
///
/// **Failure.** [UncheckedIOException] where data can't be read, [AccessViolationException] where
/// the pager says that there can be none. No page is left behind.
final class PageBringer {
  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;
  private final ObjectOwner owner;

  PageBringer(PageParts parts, PageAllocator allocator, ObjectOwner owner) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.owner = owner;
  }

  /// Fails for an index that lies beyond the end of an object.
  static void requireWithin(Fault fault, VmObject object, long pindex) {
    if (object.isBeyondEnd(pindex)) {
      throw beyond(fault, object);
    }
  }

  private static AccessViolationException beyond(Fault fault, VmObject object) {
    return new AccessViolationException(
        fault.address, fault.write ? "write" : "read", "beyond the end of " + object);
  }

  /// Brings a page.
  ///
  /// @param supply where a frame comes from
  /// @return MAJOR with the page, hard-busy, in `fault.page`, if it was read; MINOR likewise if it
  ///   is zeros or needs no reading; NO_MEMORY
  Outcome bring(Fault fault, VmObject object, long pindex, CopyOnWrite.Supply supply) {
    VmThread self = fault.self;
    Pager pager = object.pager();
    if (pager instanceof DevicePager device) {
      return show(fault, object, pindex, device);
    }
    int page = supply.allocate(self, object, pindex);
    if (page == PageArray.NONE) {
      return Outcome.NO_MEMORY;
    }
    owner.insert(self, object, pindex, page);
    fault.page = page;
    if (pager != null && pageIn(fault, pager, object, pindex, page)) {
      return Outcome.MAJOR;
    }
    pages.frames().zero(page);
    pages.setValid(page);
    parts.stats().count(self.stripe(), Event.ZERO_FILL, 1);
    return Outcome.MINOR;
  }

  private static Outcome show(Fault fault, VmObject object, long pindex, DevicePager device) {
    int page = device.bring(fault.self, object, pindex);
    if (page == DevicePager.NOWHERE) {
      throw beyond(fault, object);
    }
    fault.page = page;
    return page == PageArray.NONE ? Outcome.NO_MEMORY : Outcome.MINOR;
  }

  /// Asks the pager.
  ///
  /// @return whether there was data
  private boolean pageIn(Fault fault, Pager pager, VmObject object, long pindex, int page) {
    IOException failure;
    try {
      PagerResult result = pager.pageIn(fault.self, pindex, page);
      if (result == PagerResult.OK) {
        if (object.kind().hasOwnPager()) {
          becomeValid(fault.self, object, pindex, page);
        }
        return true;
      }
      if (result == PagerResult.FAIL) {
        return false;
      }
      if (result == PagerResult.BAD) {
        allocator.free(fault.self, page);
        throw beyond(fault, object);
      }
      failure = new IOException("the pager answered " + result);
    } catch (IOException e) {
      failure = e;
    }
    allocator.free(fault.self, page);
    throw new UncheckedIOException(
        "page %d of %s could not be read back".formatted(pindex, object), failure);
  }

  /// Notes that a page of an object with a pager of its own was read. Behind the end of the object,
  /// in its last page, there are zeros, whatever the pager had there.
  private void becomeValid(VmThread self, VmObject object, long pindex, int page) {
    long begin = pindex << pages.frames().pageShift();
    int size = pages.frames().pageSize();
    long good = Math.clamp(object.endBytes() - begin, 0, size);
    RawMemory.fill(pages.address(page) + good, size - good, (byte) 0);
    pages.setValid(page);
    parts.stats().count(self.stripe(), Event.FILE_PAGES_IN, 1);
  }
}
