package org.pondhawk.vm.kmem;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.VmThread;

/// A page of its own for each address space that wants one, which its user may store into
/// (`/dev/upmap`). See [SpaceField] for what is in it.
///
/// **Contract.** A space has one page, however often it maps it; the page is made when it is first
/// touched and lasts until the space does not map it any more. A fork maps a page of its own where
/// its parent had one, fresh, whatever the range's inheritance but none: the two never see each
/// other's. There is no `vfork`, so that no child is ever shown its parent's.
public final class SpacePages implements PageSupplier {
  private final DeviceFrames frames;
  private final PageArray pages;

  /// Guards the pages. Leaf.
  private final ReentrantLock lock = new ReentrantLock();

  private final Map<Space, Own> owned = new HashMap<>();

  /// What a space has.
  private static final class Own {
    int page = PageArray.NONE;
    int ranges;
  }

  SpacePages(DeviceFrames frames, PageArray pages) {
    this.frames = frames;
    this.pages = pages;
  }

  @Override
  public void added(SuppliedRange range) {
    lock.lock();
    try {
      owned.computeIfAbsent(range.space(), _ -> new Own()).ranges++;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void removed(SuppliedRange range) {
    lock.lock();
    try {
      Own own = ownOf(range);
      own.ranges--;
      if (own.ranges == 0) {
        owned.remove(range.space());
        if (own.page != PageArray.NONE) {
          frames.give(own.page);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private Own ownOf(SuppliedRange range) {
    Own own = owned.get(range.space());
    if (own == null) {
      throw new VmPanic("never added: " + range);
    }
    return own;
  }

  @Override
  public int supply(VmThread self, SuppliedRange range, long pindex) {
    if (pindex != 0) {
      return REFUSED;
    }
    lock.lock();
    try {
      Own own = ownOf(range);
      if (own.page == PageArray.NONE) {
        own.page = make(self, range.space());
      }
      return own.page == PageArray.NONE ? NO_MEMORY : own.page;
    } finally {
      lock.unlock();
    }
  }

  private int make(VmThread self, Space space) {
    int page = frames.take(self, space.id());
    if (page != PageArray.NONE) {
      long at = pages.address(page);
      RawMemory.putLong(at + SpaceField.MAGIC.offset(), SpaceField.MAGIC_WORD);
      RawMemory.putLong(at + SpaceField.SPACE.offset(), space.id());
      RawMemory.putLong(at + SpaceField.BYTES.offset(), pages.frames().pageSize());
    }
    return page;
  }

  @Override
  public String toString() {
    return "page of a space";
  }
}
