package org.pondhawk.vm.object;

import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Takes resident pages from objects that go on living: the end of an object that gets shorter
/// (`vnode_pager_setsize`), and clean pages that are to be read anew (`vm_object_page_remove`).
///
/// **Contract.** The caller refers to the object and holds no token and no page. The pages may be
/// mapped anywhere: no access that began after the return finds them, and their frames are used
/// anew only when those that began before have ended. May wait for busy pages.
public final class ObjectTrimmer {
  /*
   * A page stays hard-busy from when its mappings go to when it is freed, so that no fault maps it in
   * between. Freeing waits for the grace period of the first page of a batch, in which those of the
   * others end too. Nothing waits for a busy page while others are kept busy.
   *
   * Shorter: the size goes first, under the token, so that no fault brings a page beyond the new end
   * from then on; and transfers under way have their pages busy. So when a shrinking returns, nothing
   * is being read or written beyond the end, and nothing will be.
   */
  private static final int BATCH = 64;

  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;
  private final Mappings mappings;
  private final Grace grace;
  private final PageCow cow;
  private final int pageShift;

  /// Sizes are changed one after the other.
  private final ReentrantLock sizing = new ReentrantLock();

  /// Makes it for a machine.
  public ObjectTrimmer(
      PageParts parts, PageAllocator allocator, Mappings mappings, Grace grace, PageCow cow) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.mappings = mappings;
    this.grace = grace;
    this.cow = cow;
    this.pageShift = pages.frames().pageShift();
  }

  /// Gives an object another size. What lies behind a nearer end is gone, dirty or not, and the
  /// rest of its last page is zeros.
  ///
  /// @param object one of kind [ObjectKind#FILE]
  /// @param bytes the size, from 0
  /// @throws org.pondhawk.vm.error.LeaseHeldException if the calling thread has leased a page that
  ///   is to go, and [org.pondhawk.vm.error.OutOfPagesException] if one stays busy: the size is
  ///   changed then, but not all pages behind it are gone; the call may be repeated
  public void resize(VmThread self, VmObject object, long bytes) {
    sizing.lock();
    try {
      object.token().lock(self, true);
      long before = object.endBytes();
      object.resize(self, bytes, pageShift);
      object.token().unlock(self);
      if (bytes <= before) { // equal, where an earlier call gave up half-way
        remove(self, object, object.size(), Long.MAX_VALUE, false);
        zeroTail(self, object, bytes);
      }
    } finally {
      sizing.unlock();
    }
  }

  /// Takes resident pages of a range out of an object.
  ///
  /// @param first the index of the first page
  /// @param end the index behind the last
  /// @param cleanOnly whether pages stay that are dirty, busy, wired or held; if not, only wired
  ///   ones do, mapped as they are, as zeros
  public void remove(VmThread self, VmObject object, long first, long end, boolean cleanOnly) {
    int[] batch = new int[BATCH];
    int count = 0;
    Patience patience = null;
    object.token().lock(self, true);
    try {
      long at = object.resident().next(first);
      while (at >= 0 && at < end) {
        int page = object.resident().get(at);
        boolean taken = parts.busy().tryHardBusy(page);
        if (taken && takeMappings(page, cleanOnly)) {
          batch[count++] = page;
        }
        if (count == BATCH || (!taken && count > 0)) {
          free(self, batch, count);
          count = 0;
        } else if (!taken && !cleanOnly) {
          patience = awaitBusy(self, page, at, patience);
        }
        at = object.resident().next(taken || cleanOnly ? at + 1 : at);
      }
    } finally {
      free(self, batch, count);
      object.token().unlock(self);
    }
  }

  private Patience awaitBusy(VmThread self, int page, long pindex, @Nullable Patience before) {
    self.requireNotLeased(page, pindex << pageShift);
    parts.busy().sleepWhileBusy(self, page);
    return parts.gate().checkBusyWait(self, before);
  }

  /// Takes the mappings of a hard-busy page.
  ///
  /// @return whether the page is to be freed; if not, it is not busy any more
  private boolean takeMappings(int page, boolean cleanOnly) {
    boolean fictitious = pages.hasFlag(page, PageFlags.FICTITIOUS);
    boolean wired = mappings.wired(page) > 0 || (pages.wireCount(page) != 0 && !fictitious);
    if (wired && !cleanOnly) {
      blank(page);
    }
    if (wired || (cleanOnly && (pages.holdCount(page) != 0 || pages.dirty(page) != 0))) {
      parts.busy().unbusy(page);
      return false;
    }
    if (pages.hasFlag(page, PageFlags.MAPPED | PageFlags.WRITABLE)) {
      mappings.removeAll(page);
      pages.setTicket(page, grace.next());
    }
    if (cleanOnly && pages.dirty(page) != 0) { // a writer was quicker
      parts.busy().unbusy(page);
      return false;
    }
    return true;
  }

  /// Zeroes a wired page beyond the end, which stays where it is: whoever has wired a mapping of it
  /// gives that back first.
  private void blank(int page) {
    endStores(page);
    pages.frames().zero(page);
    pages.clearDirty(page);
  }

  /// Takes the right to store into a hard-busy page away, and waits for the stores under way. One
  /// that does not end for the machine's patience is late anyway.
  private void endStores(int page) {
    mappings.writeProtect(page);
    pages.setTicket(page, grace.next());
    boolean _ = grace.beginAndAwait(pages.ticket(page));
  }

  private void free(VmThread self, int[] batch, int count) {
    for (int i = 0; i < count; i++) {
      allocator.free(self, batch[i]);
    }
    parts.stats().count(self.stripe(), Event.OBJECT_FREED, count);
  }

  // ---- the last page

  private void zeroTail(VmThread self, VmObject object, long bytes) {
    int offset = (int) (bytes & ((1L << pageShift) - 1));
    if (offset == 0) {
      return;
    }
    Patience patience = null;
    object.token().lock(self, true);
    try {
      for (; ; ) {
        int page = object.resident().get(bytes >>> pageShift);
        if (page == IntRadix.NONE) {
          return; // who reads it in has the rest zeroed
        }
        if (!parts.busy().tryHardBusy(page)) {
          patience = awaitBusy(self, page, bytes >>> pageShift, patience);
        } else if (zeroTail(self, object, page, offset)) {
          return;
        } else {
          patience = patience == null ? parts.gate().patience() : patience;
          parts.gate().await(self, patience);
        }
      }
    } finally {
      object.token().unlock(self);
    }
  }

  /// Zeroes the rest of a hard-busy page, which is not busy afterwards. Its dirty bits stay: what
  /// lies before the end may be newer than its backing.
  ///
  /// @return false if it needs a copy first for which there is no memory
  private boolean zeroTail(VmThread self, VmObject object, int page, int offset) {
    int target = page;
    endStores(page);
    if (cow.isSent(page) && cow.areStoresOver(page)) {
      int color = allocator.colorFor(self, object.color(), pages.pindex(page));
      int spare = allocator.allocate(self, color, AllocClass.NORMAL);
      if (spare == PageArray.NONE) {
        parts.busy().unbusy(page);
        return false;
      }
      target = cow.replace(self, object, page, spare);
    }
    RawMemory.fill(pages.address(target) + offset, (1L << pageShift) - offset, (byte) 0);
    if (target != page) {
      parts.mover().activate(self, target);
    }
    parts.busy().unbusy(target);
    return true;
  }
}
