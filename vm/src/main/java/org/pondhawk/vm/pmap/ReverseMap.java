package org.pondhawk.vm.pmap;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.Translations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// From a page to its mappings (`pmap_page_protect`, `pmap_ts_referenced` and their like): there is
/// no record for each mapping, but page → object → attachments → one entry in each.
///
/// While the page is hard-busy no new mapping appears, so one walk finds all.
public class ReverseMap implements Mappings {
  private static final int ENOUGH_REFERENCES = 5;

  private final PageArray pages;
  private final ObjectTable objects;
  private final int pageShift;

  /// Makes the reverse map of a machine.
  public ReverseMap(PageArray pages, ObjectTable objects) {
    this.pages = pages;
    this.objects = objects;
    this.pageShift = pages.frames().pageShift();
  }

  /// What a walk does with one mapping.
  private interface Action {
    /// Returns false to end the walk.
    boolean on(Translations table, long address);
  }

  private void walk(int page, Action action) {
    int slot = pages.object(page);
    if (slot == PageArray.NO_OBJECT) {
      return;
    }
    VmObject object = objects.get(slot);
    long pindex = pages.pindex(page);
    for (Attachment attachment : object.attachments()) {
      long offset = (pindex - attachment.firstPindex()) << pageShift;
      long address = attachment.start() + offset;
      Translations table = attachment.translations();
      if (offset >= 0 && address < attachment.end() && table.pin()) {
        try {
          if (!action.on(table, address)) {
            return;
          }
        } finally {
          table.unpin();
        }
      }
    }
  }

  @Override
  public void removeAll(int page) {
    if (pages.hasFlag(page, PageFlags.MAPPED)) {
      walk(
          page,
          (table, address) -> {
            requireUnwired(page, table.remove(address, page));
            return true;
          });
      endRemoval(page);
    }
  }

  private void requireUnwired(int page, boolean wired) {
    if (wired) {
      throw new VmPanic("a wired mapping goes, and its wiring stays: " + pages.describe(page));
    }
  }

  private void endRemoval(int page) {
    pages.awaitInterlock(page);
    pages.clearFlags(page, PageFlags.MAPPED | PageFlags.MAPPED_MULTI | PageFlags.WRITABLE);
  }

  @Override
  public int removeAllWired(int page) {
    if (!pages.hasFlag(page, PageFlags.MAPPED)) {
      return 0;
    }
    int[] wired = new int[1];
    walk(
        page,
        (table, address) -> {
          wired[0] += table.remove(address, page) ? 1 : 0;
          return true;
        });
    endRemoval(page);
    return wired[0];
  }

  @Override
  public int wired(int page) {
    int[] wired = new int[1];
    if (pages.wireCount(page) != 0) {
      walk(
          page,
          (table, address) -> {
            wired[0] += table.isWired(address, page) ? 1 : 0;
            return true;
          });
    }
    return wired[0];
  }

  @Override
  public void writeProtect(int page) {
    if (!pages.hasFlag(page, PageFlags.WRITABLE)) {
      return;
    }
    walk(
        page,
        (table, address) -> {
          table.writeProtect(address, page);
          return true;
        });
    pages.awaitInterlock(page);
    pages.clearFlags(page, PageFlags.WRITABLE);
  }

  @Override
  public boolean isModified(int page) {
    if (!pages.hasFlag(page, PageFlags.WRITABLE)) {
      return false;
    }
    boolean[] found = new boolean[1];
    walk(
        page,
        (table, address) -> {
          found[0] |= table.isModified(address, page);
          return !found[0];
        });
    return found[0];
  }

  @Override
  public int testAndClearReferenced(int page) {
    int flags = pages.flags(page);
    if ((flags & PageFlags.MAPPED) == 0 || (flags & PageFlags.FICTITIOUS) != 0) {
      return 0; // how often a fictitious page is used decides nothing
    }
    int[] count = new int[1];
    walk(
        page,
        (table, address) -> {
          count[0] += table.testAndClearReferenced(address, page) ? 1 : 0;
          return count[0] < ENOUGH_REFERENCES;
        });
    return count[0];
  }
}
