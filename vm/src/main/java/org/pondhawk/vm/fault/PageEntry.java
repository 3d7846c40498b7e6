package org.pondhawk.vm.fault;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// The end of a fault: the page is entered into the page table, made active and released.
///
/// **Contract.** The map is locked, the page hard-busy and in an object of the walk; it is not busy
/// afterwards. Never waits.
final class PageEntry {
  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;

  PageEntry(PageParts parts, PageAllocator allocator) {
    this.parts = parts;
    this.allocator = allocator;
    this.pages = parts.pages();
  }

  /// Whether a page of the entry may be mapped for stores.
  ///
  /// @param ours whether it may be stored into without others seeing it
  static boolean mayStore(Fault fault, boolean ours) {
    return ours && Access.allows(fault.entry().access(), Access.WRITE) && !fault.space.isFrozen();
  }

  /// Maps a page that has content; without the right to store while it is being sent.
  ///
  /// @param ours whether the page may be stored into without others seeing it
  void finish(Fault fault, int page, boolean ours) {
    if (!pages.isFullyValid(page)) {
      throw new VmPanic("mapping a page without content: " + pages.describe(page));
    }
    boolean storable = mayStore(fault, ours) && pages.cowCount(page) == 0;
    if (storable) {
      noteStorable(fault, page);
    }
    if (pages.isNew(page)) {
      fault.space.pmap().enterNew(fault.address, page, storable, fault.stores());
    } else {
      if (fault.stores()) {
        forgetSwapCopy(fault.self, fault.head().object(), page);
      }
      fault.space.pmap().enter(fault.address, page, storable, fault.stores());
    }
    wire(fault, page);
    hold(fault, page);
    parts.mover().activate(fault.self, page);
    parts.busy().unbusy(page);
  }

  /// Maps a page that was allocated for this fault and has got its bytes; its content is marked
  /// with it. Never for a page that only looks like one: a search of the cache may be moving that.
  void finishNew(Fault fault, int page, boolean ours) {
    fault.space.pmap().enterNew(fault.address, page, mayStore(fault, ours), fault.stores());
    parts.mover().activateNew(fault.self, page);
    wire(fault, page);
    hold(fault, page);
    parts.busy().unbusy(page);
  }

  /// Notes that a page of an object with a pager of its own may be stored into from now on
  /// (`vm_object_set_writeable_dirty`), and whether it is to be written back by the clock.
  ///
  /// @param page a hard-busy page of the head, about to be mapped for stores
  void noteStorable(Fault fault, int page) {
    VmObject object = fault.head().object();
    if (!object.kind().hasOwnPager()) {
      return;
    }
    object.noteDirty();
    if (!fault.entry().traits().has(EntryFlags.NO_SYNC)) {
      pages.clearFlags(page, PageFlags.NO_SYNC);
    } else if (pages.dirty(page) == 0) {
      pages.setFlags(page, PageFlags.NO_SYNC);
    }
  }

  /// A page that a wired range shows is wired once for each mapping of it there.
  private void wire(Fault fault, int page) {
    if (fault.entry().isWired() && fault.space.pmap().wire(fault.address, page)) {
      parts.mover().wire(fault.self, page);
    }
  }

  /// Holds a hard-busy page that was entered, if the fault is to hold it.
  void hold(Fault fault, int page) {
    if (fault.holds) {
      allocator.hold(page);
      fault.held = page;
    }
  }

  /// Ends the wiring of the page that another is about to hide in a wired range.
  ///
  /// @param page a hard-busy page
  void leaveOld(Fault fault, int page) {
    int wired = fault.space.pmap().unwire(fault.address);
    if (wired == page) {
      parts.mover().unwire(fault.self, page, true);
    } else if (wired != PageArray.NONE) {
      throw new VmPanic("hides %s, but wired is %d".formatted(pages.describe(page), wired));
    }
  }

  /// A page that is about to change needs its copy in swap no more (`swap_pager_unswapped`). Where
  /// the token is not held exclusively the copy stays until the page is written anew: stale, but
  /// never read, since the page is dirty.
  private void forgetSwapCopy(VmThread self, VmObject object, int page) {
    pages.setDirty(page);
    BlockPager pager = object.swap();
    if (pager != null
        && pages.hasFlag(page, PageFlags.SWAPPED)
        && self.holdsExclusively(object.token())) {
      pager.forget(self, pages.pindex(page), 1);
      pages.clearFlags(page, PageFlags.SWAPPED);
    }
  }
}
