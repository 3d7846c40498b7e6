package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.sync.VmThread;

/// Puts pages into objects and takes them out (`vm_page_insert`, `vm_page_remove`): the one place
/// where a page's identity changes.
public final class ObjectOwner implements PageOwner {
  private final PageArray pages;
  private final PageBusy busy;
  private final ObjectTable objects;

  /// Makes it over the descriptors and the objects of a machine.
  public ObjectOwner(PageArray pages, PageBusy busy, ObjectTable objects) {
    this.pages = pages;
    this.busy = busy;
    this.objects = objects;
  }

  /// Inserts a page (`vm_page_insert`). The thread has preloaded nodes.
  ///
  /// @param object an object whose token is held exclusively, without a page at `pindex`
  /// @param page a hard-busy page that belongs to nothing
  public void insert(VmThread self, VmObject object, long pindex, int page) {
    requireOwned(self, object, page);
    if (pages.object(page) != PageArray.NO_OBJECT
        || object.resident().get(pindex) != IntRadix.NONE) {
      throw new VmPanic("inserted twice: " + pages.describe(page) + " into " + object);
    }
    if (!object.resident().put(self, pindex, page)) {
      throw new VmPanic("inserting without preloaded nodes: " + object);
    }
    pages.setIdentity(page, object.slot(), pindex);
    if (object.isSwapped(pindex)) {
      pages.setFlags(page, PageFlags.SWAPPED);
    } else if (!object.kind().hasOwnPager()) {
      object.noteArrival();
    }
  }

  /// Moves a page to another object (`vm_page_rename`). What backed it is forgotten and the page is
  /// dirty from now on; its mappings stay.
  ///
  /// @param to an object without a page or backing at `pindex`; both tokens are held exclusively
  /// @param page a hard-busy page
  /// @return false if an index node is missing: nothing is changed then
  public boolean move(VmThread self, VmObject to, long pindex, int page) {
    requireMovable(self, to, pindex, page);
    VmObject from = objects.get(pages.object(page));
    if (!to.resident().put(self, pindex, page)) {
      return false;
    }
    long old = pages.pindex(page);
    from.resident().remove(old);
    to.noteArrival();
    pages.setIdentity(page, to.slot(), pindex);
    pages.setDirty(page);
    BlockPager pager = from.swap();
    if (pager != null && pages.hasFlag(page, PageFlags.SWAPPED)) {
      pager.forget(self, old, 1);
    }
    pages.clearFlags(page, PageFlags.SWAPPED);
    return true;
  }

  private void requireMovable(VmThread self, VmObject to, long pindex, int page) {
    requireOwned(self, to, page);
    if (pages.object(page) == PageArray.NO_OBJECT) {
      throw new VmPanic("moved, but belongs to nothing: " + pages.describe(page));
    }
    VmObject from = objects.get(pages.object(page));
    requireOwned(self, from, page);
    if (from.kind().hasOwnPager()) {
      throw new VmPanic("moved, but its pager is its object's own: " + pages.describe(page));
    }
    if (to.resident().get(pindex) != IntRadix.NONE) {
      throw new VmPanic("moved to where a page is: " + pages.describe(page) + " into " + to);
    }
  }

  @Override
  public void remove(VmThread self, int page) {
    if (pages.object(page) == PageArray.NO_OBJECT) {
      return;
    }
    VmObject object = objects.get(pages.object(page));
    object.token().lock(self, true);
    removeHeld(self, object, page);
    object.token().unlock(self);
  }

  @Override
  public boolean tryOwn(VmThread self, int page) {
    VmObject object = objects.get(pages.object(page));
    if (self.holds(object.token()) && !self.holdsExclusively(object.token())) {
      return false;
    }
    return object.token().tryLock(self, true);
  }

  @Override
  public void removeAndDisown(VmThread self, int page) {
    VmObject object = objects.get(pages.object(page));
    removeHeld(self, object, page);
    object.token().unlock(self);
  }

  @Override
  public void noteDirty(int page) {
    int slot = pages.object(page);
    if (slot != PageArray.NO_OBJECT) {
      objects.get(slot).noteDirty();
    }
  }

  @Override
  public void noteInvalid(int page) {
    objects.get(pages.object(page)).noteInvalid();
  }

  private void removeHeld(VmThread self, VmObject object, int page) {
    requireOwned(self, object, page);
    int found = object.resident().remove(pages.pindex(page));
    if (found != page) {
      throw new VmPanic("found page " + found + " instead of " + pages.describe(page));
    }
    pages.setIdentity(page, PageArray.NO_OBJECT, pages.pindex(page));
  }

  private void requireOwned(VmThread self, VmObject object, int page) {
    busy.requireHardBusy(page);
    if (!self.holdsExclusively(object.token())) {
      throw new VmPanic(self + " changes " + object + " without its token");
    }
  }
}
