package org.pondhawk.vm.object;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Takes ranges of objects down, and whole objects (`vm_object_page_remove`,
/// `vm_object_deallocate`, `vm_object_terminate`).
public final class ObjectReaper {
  private final ObjectTable objects;
  private final PageParts parts;
  private final PageAllocator allocator;
  private final Mappings mappings;
  private final int pageShift;

  /// Makes it over the parts of a machine.
  public ObjectReaper(
      ObjectTable objects, PageParts parts, PageAllocator allocator, Mappings mappings) {
    this.objects = objects;
    this.parts = parts;
    this.allocator = allocator;
    this.mappings = mappings;
    this.pageShift = parts.pages().frames().pageShift();
  }

  /// Gives a reference back; the last one takes the object down. May wait for busy pages.
  ///
  /// The mappings through the reference are gone, and their grace period is over.
  public void release(VmThread self, VmObject object) {
    ObjectKeeper keeper = object.keeper();
    if (keeper != null) {
      keeper.release(self, object);
    } else if (object.dereference()) {
      takeDown(self, object);
    }
  }

  /// Takes an object down that nobody refers to any more, and ends a pager of its own. Pages that
  /// are dirty yet are lost: who keeps objects has had them written.
  void takeDown(VmThread self, VmObject object) {
    object.markDead();
    removePages(self, object, 0, Long.MAX_VALUE);
    if (object.resident().size() != 0 || object.attachments().length != 0) {
      throw new VmPanic("taken down with pages or attachments left: " + object);
    }
    @Nullable Pager pager = object.pager();
    if (pager != null) {
      pager.end(self);
    }
    objects.remove(object);
  }

  /// Frees what nobody shows any more of a range that has just been detached somewhere, unless the
  /// object keeps it. May wait for busy pages.
  ///
  /// @param firstPindex the first index
  /// @param pageCount how many
  public void removeUnshown(VmThread self, VmObject object, long firstPindex, long pageCount) {
    if (object.keepsUnshown()) {
      return;
    }
    long end = firstPindex + pageCount;
    long at = firstPindex;
    while (at < end) {
      long shownTo = at;
      long hiddenTo = end;
      for (Attachment a : object.attachments()) {
        long first = a.firstPindex();
        long last = first + ((a.end() - a.start()) >>> pageShift);
        if (first <= at && at < last) {
          shownTo = Math.max(shownTo, last);
        } else if (first > at) {
          hiddenTo = Math.min(hiddenTo, first);
        }
      }
      if (shownTo == at) {
        removePages(self, object, at, hiddenTo - at);
        shownTo = hiddenTo;
      }
      at = shownTo;
    }
  }

  /// Frees the resident pages and the backing of a range. May wait for busy pages.
  ///
  /// @param firstPindex the first index
  /// @param pageCount how many
  public void removePages(VmThread self, VmObject object, long firstPindex, long pageCount) {
    object.token().lock(self, true);
    long end = pageCount == Long.MAX_VALUE ? pageCount : firstPindex + pageCount;
    long pindex = object.resident().next(firstPindex);
    while (pindex >= 0 && pindex < end) {
      int page = object.resident().get(pindex);
      if (parts.busy().tryHardBusy(page)) {
        freeResident(self, object, page);
        pindex = object.resident().next(pindex);
      } else {
        parts.busy().sleepWhileBusy(self, page);
        pindex = object.resident().next(firstPindex); // the sleep gave the token up: look again
      }
    }
    BlockPager pager = object.swap();
    if (pager != null) {
      pager.forget(self, firstPindex, end - firstPindex);
    }
    object.token().unlock(self);
  }

  private void freeResident(VmThread self, VmObject object, int page) {
    mappings.removeAll(page);
    if (object.keepsWired()) {
      parts.mover().unwireToFree(self, page);
    }
    allocator.free(self, page);
    parts.stats().count(self.stripe(), Event.OBJECT_FREED, 1);
  }
}
