package org.pondhawk.vm;

import java.lang.foreign.MemorySegment;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Work on ranges of the space where the bytes stay in the machine: fill, copy, compare, search.
///
/// The contract is that of [BulkAccess]: arguments first, page by page, nothing behind a page that
/// fails. What other threads store meanwhile may be seen or not.
@SuppressWarnings("ReferenceEquality") // a pair may be of one view
abstract class RangeAccess extends BulkAccess {
  /*
   * Two pages at once are used inside the guard, also for loading: validating both would do a page of
   * work in vain more often. Faulting one in may cost the other its place; both are then tried again,
   * which ends because a page just faulted in is the last to be evicted.
   */

  /// Of the pair of chunks under way: where each one is.
  private long firstAt;

  private long secondAt;

  RangeAccess(Machine machine, Space space) {
    super(machine, space);
  }

  // ---- fill

  /// Stores the same byte everywhere in a range.
  public final void fill(long address, long bytes, byte value) {
    requireRange(address, bytes, "write");
    long done = 0;
    while (done < bytes) {
      long at = address + done;
      long chunk = Math.min(bytes - done, leftInPage(at));
      long pte = beginStore(slot(at), at);
      try {
        RawMemory.fill(at(pte, at), chunk, value);
      } finally {
        endStore();
      }
      done += chunk;
    }
  }

  // ---- copy

  /// Copies a range to another in the space; the two may overlap, as with `memmove`.
  public final void copy(long from, long to, long bytes) {
    copyWithin(from, this, to, bytes);
  }

  /// Copies a range to a range that another view of the same thread shows, of any space. Ranges of
  /// one space may overlap. Where memory is shared with another space or mapped twice, ranges must
  /// not overlap under two names.
  public final void copy(long from, View target, long to, long bytes) {
    copyWithin(from, target, to, bytes);
  }

  private void copyWithin(long from, RangeAccess target, long to, long bytes) {
    requireRange(from, bytes, "read");
    target.requireRange(to, bytes, "write");
    if (target.space.id() == space.id()
        && target.machine == machine
        && to > from
        && to - from < bytes) {
      copyFromTheEnd(from, target, to, bytes);
      return;
    }
    long done = 0;
    while (done < bytes) {
      long chunk = pairChunk(from + done, target, to + done, bytes - done);
      copyChunk(from + done, target, to + done, chunk);
      done += chunk;
    }
  }

  private void copyFromTheEnd(long from, RangeAccess target, long to, long bytes) {
    long left = bytes;
    while (left > 0) {
      int fits = Math.min(leftBefore(from + left), target.leftBefore(to + left));
      long chunk = Math.min(left, fits);
      left -= chunk;
      copyChunk(from + left, target, to + left, chunk);
    }
  }

  private void copyChunk(long from, RangeAccess target, long to, long bytes) {
    beginPair(from, target, to, Access.WRITE);
    try {
      RawMemory.copy(firstAt, secondAt, bytes);
    } finally {
      endPair(target);
    }
  }

  // ---- compare

  /// Finds the first difference of two ranges of the space.
  ///
  /// @return its offset, or -1 if there is none
  public final long mismatch(long a, long b, long bytes) {
    return mismatchWithin(a, this, b, bytes);
  }

  /// Finds the first difference to a range that another view of the same thread shows.
  ///
  /// @return its offset, or -1 if there is none
  public final long mismatch(long a, View other, long b, long bytes) {
    return mismatchWithin(a, other, b, bytes);
  }

  private long mismatchWithin(long a, RangeAccess other, long b, long bytes) {
    requireRange(a, bytes, "read");
    other.requireRange(b, bytes, "read");
    long done = 0;
    while (done < bytes) {
      long chunk = pairChunk(a + done, other, b + done, bytes - done);
      beginPair(a + done, other, b + done, Access.READ);
      long found;
      try {
        found = RawMemory.mismatch(firstAt, secondAt, chunk);
      } finally {
        endPair(other);
      }
      if (found >= 0) {
        return done + found;
      }
      done += chunk;
    }
    return -1;
  }

  /// Finds the first difference of a range to a segment's bytes, from `offset` on.
  ///
  /// @return its offset, or -1 if there is none
  public final long mismatch(long address, MemorySegment with, long offset, long bytes) {
    requireUsable(with, offset, bytes);
    requireRange(address, bytes, "read");
    long done = 0;
    while (done < bytes) {
      long chunk = Math.min(bytes - done, leftInPage(address + done));
      long found = mismatchChunk(address + done, with, offset + done, chunk);
      if (found >= 0) {
        return done + found;
      }
      done += chunk;
    }
    return -1;
  }

  private long mismatchChunk(long address, MemorySegment with, long offset, long bytes) {
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long found = 0;
      boolean good = false;
      try {
        found = RawMemory.mismatch(at(pte, address), with, offset, bytes);
      } finally {
        good = endLoad(slot, pte);
      }
      if (good) {
        return found;
      }
    }
  }

  /// Compares two ranges of the space byte by byte, bytes taken as unsigned (`memcmp`).
  ///
  /// @return less than, equal to or greater than 0 as the first range is less, equal or greater
  public final int compare(long a, long b, long bytes) {
    long done = 0;
    for (; ; ) {
      long found = mismatch(a + done, b + done, bytes - done);
      if (found < 0) {
        return 0;
      }
      done += found;
      int order = Byte.compareUnsigned(getByte(a + done), getByte(b + done));
      if (order != 0) {
        return order;
      }
      done++; // it was different a moment ago
    }
  }

  // ---- search

  /// Finds the first byte of a range that has a value (`memchr`).
  ///
  /// @return its offset in the range, or -1 if there is none
  public final long indexOf(long address, long bytes, byte value) {
    requireRange(address, bytes, "read");
    long done = 0;
    while (done < bytes) {
      long chunk = Math.min(bytes - done, leftInPage(address + done));
      long found = indexInChunk(address + done, chunk, value);
      if (found >= 0) {
        return done + found;
      }
      done += chunk;
    }
    return -1;
  }

  private long indexInChunk(long address, long bytes, byte value) {
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long found = RawMemory.indexOf(at(pte, address), bytes, value);
      if (endLoad(slot, pte)) {
        return found;
      }
    }
  }

  // ---- two pages at once

  private long pairChunk(long a, RangeAccess other, long b, long bytes) {
    return Math.min(bytes, Math.min(leftInPage(a), other.leftInPage(b)));
  }

  /// Goes inside the guards of both views, with an entry that allows loads here and one that allows
  /// an access there, and notes where the bytes are.
  private void beginPair(long a, RangeAccess other, long b, int access) {
    for (; ; ) {
      guard.enter();
      if (other != this) {
        other.guard.enter();
      }
      long first = RawMemory.getLongAcquire(slot(a));
      long second = RawMemory.getLongAcquire(other.slot(b));
      boolean here = allowsLoad(first);
      boolean there = access == Access.WRITE ? other.allowsStore(second, b) : allowsLoad(second);
      if (here && there) {
        firstAt = at(first, a);
        secondAt = other.at(second, b);
        return;
      }
      endPair(other);
      if (!here) {
        bringIn(a, Access.READ);
      }
      if (!there) {
        other.bringIn(b, access);
      }
    }
  }

  private void endPair(RangeAccess other) {
    if (other != this) {
      other.guard.leave();
    }
    guard.leave();
  }
}
