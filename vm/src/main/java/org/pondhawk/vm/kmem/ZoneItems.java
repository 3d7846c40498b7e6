package org.pondhawk.vm.kmem;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;

/// The first two words of the items of a zone, which are the zone's while an item is free: a link
/// and a mark.
///
/// ```
///   +0   the address of the next free item, or 0
///   +8   FREE ^ the item's address while it is free, else whatever its user stored
///   +16  the user's, untouched
/// ```
///
/// An item begins at a multiple of 32, so that the two words are in one page. Its page is wired and
/// mapped, and stays, so that its frame can be looked up and used without a guard.
final class ZoneItems {
  private static final long FREE = 0x5a6f_6e65_4672_6565L;

  private final Space space;
  private final long offsetMask;

  ZoneItems(Space space, int pageSize) {
    this.space = space;
    this.offsetMask = pageSize - 1L;
  }

  private long at(long item) {
    return Pte.frame(space.pmap().entry(item)) + (item & offsetMask);
  }

  /// Marks an item free, in front of another.
  ///
  /// @throws VmPanic if it is free already
  void free(long item, long next) {
    long at = at(item);
    if (RawMemory.getLong(at + Long.BYTES) == (FREE ^ item)) {
      throw new VmPanic("freed twice: the item at 0x%x".formatted(item));
    }
    RawMemory.putLong(at, next);
    RawMemory.putLong(at + Long.BYTES, FREE ^ item);
  }

  /// Puts a free item in front of another.
  void link(long item, long next) {
    requireFree(item);
    RawMemory.putLong(at(item), next);
  }

  /// The item behind a free one, or 0.
  long next(long item) {
    requireFree(item);
    return RawMemory.getLong(at(item));
  }

  /// Takes the mark off a free item; the link stays.
  void take(long item) {
    requireFree(item);
    RawMemory.putLong(at(item) + Long.BYTES, 0);
  }

  private void requireFree(long item) {
    if (RawMemory.getLong(at(item) + Long.BYTES) != (FREE ^ item)) {
      throw new VmPanic("stored into while it was free: the item at 0x%x".formatted(item));
    }
  }
}
