package org.pondhawk.vm;

import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.Inheritance;
import org.pondhawk.vm.map.Mapper;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.object.VmObject;

/// Brings memory objects into a space (`mmap` of a file or a device).
final class ObjectMappings {
  private final EdgeThreads edge;
  private final SpaceHandle handle;
  private final int pageSize;

  ObjectMappings(EdgeThreads edge, SpaceHandle handle, int pageSize) {
    this.edge = edge;
    this.handle = handle;
    this.pageSize = pageSize;
  }

  /// What a mapping of an object begins with. Shared, it may never allow more than the handle does;
  /// private, nobody else sees what is stored.
  static EntryTraits traits(MemoryObject object, Protection protection, Sharing sharing) {
    EntryTraits traits = EntryTraits.of(protection.access);
    return sharing == Sharing.PRIVATE
        ? traits.withNeedsCopy(true)
        : traits
            .withInheritance(Inheritance.SHARE)
            .withAccess(protection.access, object.most().access);
  }

  /// Maps an object.
  ///
  /// @param length in bytes, a multiple of the page size
  /// @return the address, or -1 if there is no room
  long map(
      MemoryObject object,
      long offset,
      Placement placement,
      long length,
      Protection protection,
      Sharing sharing) {
    requireOffset(offset, length);
    object.requireAllowed(protection, sharing);
    EntryTraits traits = traits(object, protection, sharing);
    return edge.call(self -> {
      VmObject shown = object.refer();
      boolean mapped = false;
      try {
        long pindex = offset / pageSize;
        Mapper.Shown what = new Mapper.Shown(shown, pindex);
        long start = handle.open().calls().mapObject(placement, length, traits, what);
        mapped = start >= 0;
        return start;
      } finally {
        if (!mapped) {
          object.giveBack(self);
        }
      }
    });
  }

  private void requireOffset(long offset, long length) {
    if (offset < 0 || offset % pageSize != 0 || offset > Long.MAX_VALUE - length) {
      throw new IllegalArgumentException(
          "an offset of %d bytes is not a multiple of the page size, or too large"
              .formatted(offset));
    }
  }
}
