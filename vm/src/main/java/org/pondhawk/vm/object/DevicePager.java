package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.DeviceMemory;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.FictitiousPages;
import org.pondhawk.vm.sync.VmThread;

/// The pager of memory that is not the machine's (`dev_pager`): a fault gets a fictitious page that
/// stands for it ([#bring]); nothing is ever read or written.
public final class DevicePager implements Pager {
  /// The answer of [#bring] where the device has no memory.
  public static final int NOWHERE = -2;

  private final PageArray pages;
  private final FictitiousPages fictitious;
  private final ObjectOwner owner;
  private final DeviceMemory device;
  private final MemoryAttribute attribute;

  /// Makes one.
  ///
  /// @param attribute how processors may cache it
  public DevicePager(
      PageArray pages,
      FictitiousPages fictitious,
      ObjectOwner owner,
      DeviceMemory device,
      MemoryAttribute attribute) {
    this.pages = pages;
    this.fictitious = fictitious;
    this.owner = owner;
    this.device = device;
    this.attribute = attribute;
  }

  /// Makes the page of an index that is not resident. Never waits for memory. The thread has
  /// preloaded nodes.
  ///
  /// @param object the object of this pager, whose token is held exclusively
  /// @return the page, hard-busy, inserted and valid; [PageArray#NONE] if all fictitious pages are
  ///   in use; [#NOWHERE]
  public int bring(VmThread self, VmObject object, long pindex) {
    long address = device.addressOf(pindex << pages.frames().pageShift());
    if (address < 0) {
      return NOWHERE;
    }
    int page = fictitious.make(address, attribute);
    if (page != PageArray.NONE) {
      owner.insert(self, object, pindex, page);
      pages.setValid(page);
    }
    return page;
  }

  @Override
  public PagerResult pageIn(VmThread self, long pindex, int page) {
    throw new VmPanic("a device does not fill frames: " + pages.describe(page));
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    throw new VmPanic("written out, but it has no backing: " + pages.describe(run.page(0)));
  }

  @Override
  public boolean hasPage(long pindex) {
    return true;
  }

  @Override
  public void end(VmThread self) {
    device.end();
  }
}
