package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.Chunks;
import org.pondhawk.vm.page.ContentBits;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PageOwner;

/// What is known of the bytes of a page: which [Chunks] are valid and which are dirty
/// (`vm_page_set_valid` and its kin).
///
/// **Contract.** Ranges are bytes from the start of the page. The page is hard-busy unless the
/// operation says otherwise. None waits. Rounding is outward: a chunk that a range touches changes
/// as a whole, for cleaning too. Who cleans less than a page and may not lose what others have put
/// into the rest of a chunk uses [#clearDirtyWithinEnd] or [#clearDirtyWithinStart].
///
/// **Failure.** [VmPanic] with the decoded page for a page that is not hard-busy, for one that is
/// made dirty where only clean pages are, for a range that leaves the page, and for bytes that
/// would change while they are sent out.
public final class PageContent {
  private final PageArray pages;
  private final PageBusy busy;
  private final ContentBits bits;
  private final Chunks chunks;
  private final PageOwner owner;
  private final Mappings mappings;

  /// Makes the operations of a machine.
  public PageContent(PageParts parts, PageOwner owner, Mappings mappings) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.bits = new ContentBits(pages);
    this.chunks = new Chunks(pages.frames().pageShift());
    this.owner = owner;
    this.mappings = mappings;
  }

  private int pageSize() {
    return pages.frames().pageSize();
  }

  // ---- ranges

  /// Makes a range valid (`vm_page_set_valid`). What it leaves of a chunk that was not valid before
  /// is zeroed.
  public void setValid(int page, int offset, int size) {
    busy.requireHardBusy(page);
    int mask = chunks.mask(offset, size);
    zeroFragments(page, offset, size);
    bits.addValid(page, mask);
  }

  /// Makes a range valid and clean (`vm_page_set_validclean`), as after a read. What it leaves of a
  /// chunk that was not valid before is zeroed. The modified bits of mappings stay.
  public void setValidClean(int page, int offset, int size) {
    busy.requireHardBusy(page);
    int mask = chunks.mask(offset, size);
    zeroFragments(page, offset, size);
    bits.addClean(page, mask);
    endNoSync(page, offset, size);
  }

  /// Makes a range valid and dirty (`vm_page_set_validdirty`). Nothing is zeroed: the caller has
  /// written whole chunks.
  public void setValidDirty(int page, int offset, int size) {
    busy.requireHardBusy(page);
    int mask = chunks.mask(offset, size);
    requireNotClean(page);
    bits.addValidAndDirty(page, mask);
    owner.noteDirty(page);
  }

  /// Makes a range dirty (`vm_page_set_dirty`).
  public void setDirty(int page, int offset, int size) {
    busy.requireHardBusy(page);
    int mask = chunks.mask(offset, size);
    requireNotClean(page);
    bits.addDirty(page, mask);
    owner.noteDirty(page);
  }

  /// Makes a range clean, with all of each chunk that it touches (`vm_page_clear_dirty`).
  public void clearDirty(int page, int offset, int size) {
    busy.requireHardBusy(page);
    bits.dropDirty(page, chunks.mask(offset, size));
    endNoSync(page, offset, size);
  }

  /// Makes a range clean but for the chunk that it ends within (`vm_page_clear_dirty_end_nonincl`).
  public void clearDirtyWithinEnd(int page, int offset, int size) {
    busy.requireHardBusy(page);
    chunks.mask(offset, size); // the range is checked before it is cut
    int end = chunks.floor(offset + size);
    if (offset < end) {
      clearDirty(page, offset, end - offset);
    }
  }

  /// Makes a range clean but for the chunk that it starts within
  /// (`vm_page_clear_dirty_beg_nonincl`).
  public void clearDirtyWithinStart(int page, int offset, int size) {
    busy.requireHardBusy(page);
    chunks.mask(offset, size);
    int start = chunks.ceiling(offset);
    if (start < offset + size) {
      clearDirty(page, start, offset + size - start);
    }
  }

  /// Forgets what a range holds: neither valid nor dirty (`vm_page_set_invalid`).
  ///
  /// @param page a page that belongs to an object, which takes note of it
  public void setInvalid(int page, int offset, int size) {
    busy.requireHardBusy(page);
    if (pages.object(page) == PageArray.NO_OBJECT) {
      throw broken("made invalid, but belongs to nothing", page);
    }
    bits.dropValidAndDirty(page, chunks.mask(offset, size));
    owner.noteInvalid(page);
  }

  /// Whether every chunk that a range touches is valid (`vm_page_is_valid`).
  ///
  /// @param page a page that is busy in either way
  /// @param size in bytes; for 0 any valid chunk of the page will do
  public boolean isValid(int page, int offset, int size) {
    int mask = chunks.mask(offset, size);
    int valid = pages.valid(page);
    return valid != 0 && (valid & mask) == mask;
  }

  // ---- the whole page

  /// Makes all of a page newer than its backing (`vm_page_dirty`).
  ///
  /// @param page a hard-busy page, or one that the caller stores into through a mapping
  public void dirty(int page) {
    requireNotClean(page);
    if (pages.dirty(page) != Chunks.ALL) {
      pages.setDirty(page);
      owner.noteDirty(page);
    }
  }

  /// Makes all of a page as old as its backing (`vm_page_undirty`). The modified bits of mappings
  /// stay.
  public void undirty(int page) {
    busy.requireHardBusy(page);
    pages.clearDirty(page);
  }

  /// Makes a page dirty if a mapping was stored through (`vm_page_test_dirty`). Stores may go on
  /// while it is mapped for them, so that "not dirty" holds only once it is not.
  public void testDirty(int page) {
    busy.requireHardBusy(page);
    if (pages.dirty(page) != Chunks.ALL && mappings.isModified(page)) {
      dirty(page);
    }
  }

  /// Zeroes every chunk that is not valid (`vm_page_zero_invalid`).
  ///
  /// @param setValid whether all of the page is valid then; not for a backing that others write
  public void zeroInvalid(int page, boolean setValid) {
    busy.requireHardBusy(page);
    int invalid = ~pages.valid(page) & Chunks.ALL;
    while (invalid != 0) {
      int first = Integer.numberOfTrailingZeros(invalid);
      int count = Integer.numberOfTrailingZeros(~(invalid >>> first));
      zero(page, first * chunks.bytes(), count * chunks.bytes());
      invalid &= -1 << (first + count);
    }
    if (setValid) {
      bits.addValid(page, Chunks.ALL);
    }
  }

  /// Zeroes all bytes of a page (`vm_page_zero_fill`). No bit changes.
  public void zeroFill(int page) {
    busy.requireHardBusy(page);
    requireNotSent(page);
    if (pages.foreign().has(page)) {
      RawMemory.fill(pages.address(page), pageSize(), (byte) 0);
    } else {
      pages.frames().zero(page);
    }
  }

  /// Copies the bytes of a page to another, which is valid and dirty then (`vm_page_copy`).
  ///
  /// @param from a page that is busy in either way
  /// @param to a hard-busy page
  public void copy(int from, int to) {
    busy.requireHardBusy(to);
    if (busy.isIdle(from)) {
      throw broken("copied, but not busy", from);
    }
    requireNotClean(to);
    requireNotSent(to);
    RawMemory.copy(pages.address(from), pages.address(to), pageSize());
    bits.addValidAndDirty(to, Chunks.ALL);
    owner.noteDirty(to);
  }

  // ---- parts

  /// Zeroes what a range leaves of the chunks at its ends, where they are not valid yet.
  private void zeroFragments(int page, int offset, int size) {
    if (size == 0) {
      return;
    }
    int end = offset + size;
    int start = chunks.floor(offset);
    if (start != offset && !isValid(page, start, 1)) {
      zero(page, start, offset - start);
    }
    int rest = chunks.ceiling(end);
    if (rest != end && !isValid(page, end, 1)) {
      zero(page, end, rest - end);
    }
  }

  private void zero(int page, int offset, int size) {
    requireNotSent(page);
    RawMemory.fill(pages.address(page) + offset, size, (byte) 0);
  }

  private void endNoSync(int page, int offset, int size) {
    if (offset == 0 && size == pageSize()) {
      pages.clearFlags(page, PageFlags.NO_SYNC);
    }
  }

  /// Fails for a page on a queue whose pages are clean by contract.
  private void requireNotClean(int page) {
    int queue = pages.queue(page);
    if (PageQueue.CACHE.isKindOf(queue) || PageQueue.FREE.isKindOf(queue)) {
      throw broken("made dirty where every page is clean", page);
    }
  }

  /// Fails for a page whose bytes must not change until they are sent.
  private void requireNotSent(int page) {
    if (pages.cowCount(page) != 0) {
      throw broken("changed while its bytes are sent", page);
    }
  }

  private VmPanic broken(String what, int page) {
    return new VmPanic(what + ": " + pages.describe(page));
  }
}
