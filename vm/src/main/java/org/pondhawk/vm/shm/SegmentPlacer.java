package org.pondhawk.vm.shm;

import org.pondhawk.vm.error.SharedMemoryException.Reason;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.Inheritance;
import org.pondhawk.vm.map.Mapper;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.shm.Segments.Place;

/// Maps segments into spaces, replacing nothing.
final class SegmentPlacer {
  /// Where the search for a place begins, as in the reference's layout behind text and data.
  private static final long HINT = 64L << 30;

  /// Segments of a multiple of it lie at a multiple of it.
  private static final long LARGE = 2L << 20;

  private final int pageSize;

  SegmentPlacer(int pageSize) {
    this.pageSize = pageSize;
  }

  /// Maps a segment.
  ///
  /// @param access what the mapping may ever be used for
  /// @return the first address
  long map(Segment segment, Space space, Place place, int access) {
    EntryTraits traits =
        EntryTraits.of(access)
            .withAccess(access, access)
            .withInheritance(Inheritance.SHARE)
            .withSubsystem(Subsystem.SHMEM);
    segment.object.reference(); // the mapping's
    long address = -1;
    try {
      address =
          place.address() < 0
              ? anywhere(segment, space, traits)
              : at(segment, space, place, traits);
    } finally {
      if (address < 0) {
        segment.object.dereferenceShared(); // not the last: the segment has one
      }
    }
    if (address < 0) {
      throw Refusals.of(Reason.NO_ROOM, "space %d has no room for %s", space.id(), segment);
    }
    return address;
  }

  private long anywhere(Segment segment, Space space, EntryTraits traits) {
    long range = space.map().range();
    long bytes = segment.object.size() * pageSize;
    if (bytes > range) {
      return -1;
    }
    long unit = bytes % LARGE == 0 ? Math.max(LARGE, pageSize) : pageSize;
    long hint = Math.min(HINT, range / 2);
    long above = map(segment, space, new Placement.Anywhere(hint, unit, range), traits);
    return above >= 0
        ? above
        : map(segment, space, new Placement.Anywhere(pageSize, unit, range), traits);
  }

  private long at(Segment segment, Space space, Place place, EntryTraits traits) {
    long offset = place.address() % pageSize;
    if (offset != 0 && !place.rounds()) {
      throw Refusals.of(Reason.INVALID, "0x%x is not a multiple of the page size", place.address());
    }
    long start = place.address() - offset;
    long bytes = segment.object.size() * pageSize;
    return start > space.map().range() - bytes
        ? -1
        : map(segment, space, new Placement.Free(start), traits);
  }

  private long map(Segment segment, Space space, Placement placement, EntryTraits traits) {
    long bytes = segment.object.size() * pageSize;
    return space.mapper().map(placement, bytes, traits, new Mapper.Shown(segment.object, 0));
  }
}
