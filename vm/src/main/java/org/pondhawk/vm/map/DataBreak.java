package org.pondhawk.vm.map;

import org.pondhawk.vm.error.NoRoomException;

/// The data range of a space, and its end, the break (`vm_daddr`, `vm_dsize`; `sbrk`, `obreak`).
///
/// It begins in the middle of the addresses until it is placed elsewhere; mappings that look for a
/// place come from below.
///
/// **Contract.** Each call is one step for every thread. What it refuses has changed nothing. It
/// only grows: what is to be given back is unmapped, or freed by advice.
public final class DataBreak {
  private static final EntryTraits TRAITS =
      EntryTraits.of(Access.READ | Access.WRITE).withSubsystem(Subsystem.BRK);

  private final Space space;
  private final AddressMap map;
  private final MapLimits limits;

  // Both guarded by the lock of the map.
  private long base;
  private long size;

  DataBreak(Space space, MapLimits limits) {
    this.space = space;
    this.map = space.map();
    this.limits = limits;
    this.base = map.range() >>> 1;
  }

  /// Begins as that of another space, of which this one is a fork. Both maps are locked, or known
  /// to nobody.
  void inherit(DataBreak other) {
    base = other.base;
    size = other.size;
  }

  /// Says where the data range begins, as who loads a program does.
  ///
  /// @param start a multiple of the page size below the range
  /// @throws IllegalStateException if it has grown already
  public void place(long start) {
    space.withMapLocked(_ -> {
      space.requireOpen();
      if (size != 0) {
        throw new IllegalStateException(
            "the data range has %d bytes at 0x%x already".formatted(size, base));
      }
      base = start;
      return true;
    });
  }

  /// Moves the break up (`sbrk`).
  ///
  /// @param bytes by how many, from 0; 0 asks where it is
  /// @return the first address of what is new: the old break, or the next page if the old one's
  ///   page had to be left
  /// @throws NoRoomException if something is mapped there, or a limit would be passed
  public long grow(long bytes) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      long old = base + size;
      if (bytes == 0) {
        return old;
      }
      requireRoom(bytes > map.range() - old ? Long.MAX_VALUE : old + bytes);
      long pageEnd = roundUp(old);
      if (old + bytes <= pageEnd) {
        size += bytes;
        return old;
      }
      extend(pageEnd, roundUp(bytes));
      size = pageEnd + bytes - base;
      return pageEnd;
    });
  }

  /// Moves the break up to an address (`obreak`).
  ///
  /// @param end the new break, rounded up to a page; not before the old one
  /// @return the old break, rounded up to a page
  /// @throws IllegalArgumentException if it is
  /// @throws NoRoomException if something is mapped there, or a limit would be passed
  public long set(long end) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      long to = roundUp(end);
      long old = roundUp(base + size);
      if (end < 0 || to < old) {
        throw new IllegalArgumentException(
            "a break at 0x%x is not lowered to 0x%x".formatted(old, end));
      }
      if (to > old) {
        requireRoom(to);
        limits.requireSize(map, to - old);
        extend(old, to - old);
        size = to - base;
      }
      return old;
    });
  }

  private void requireRoom(long end) {
    if (end >= map.range() || end - base > limits.data()) {
      throw new NoRoomException(
          "the data range at 0x%x has %d bytes, and may have %d"
              .formatted(base, size, Math.min(limits.data(), map.range() - base)));
    }
  }

  private void extend(long start, long bytes) {
    if (bytes > map.range() - start || !map.isFree(start, start + bytes)) {
      throw new NoRoomException(
          "something is in the way of the break: %d bytes at 0x%x".formatted(bytes, start));
    }
    space.mapper().insert(start, bytes, TRAITS, null);
  }

  private long roundUp(long address) {
    long pageSize = 1L << space.pageShift();
    return (address + pageSize - 1) & -pageSize;
  }
}
