package org.pondhawk.vm;

import java.util.Objects;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Accesses that never wait: what takes a fault is *not resident*, and that is an answer.
///
/// They take no lock, wait for nothing and do no I/O; an address where nothing is mapped, or not
/// for this access, is not resident either. Misuse is an exception as everywhere. To bring a page
/// in, use any other access, on this thread or another.
abstract class ResidentAccess extends RangeAccess {
  ResidentAccess(Machine machine, Space space) {
    super(machine, space);
  }

  /// Whether a load of this byte would take no fault now.
  public final boolean isResident(long address) {
    requireRange(address, 1, "read");
    return touch(address, Access.READ);
  }

  /// Loads 8 bytes in the order of the processor if that takes no fault.
  ///
  /// @param ifAbsent what to return otherwise
  public final long tryGetLong(long address, long ifAbsent) {
    if (isSplit(address, Long.BYTES)) {
      return tryGetAcross(address, ifAbsent);
    }
    for (; ; ) {
      long slot = slot(address);
      long pte = tryBeginLoad(slot, address);
      if (pte == ABSENT) {
        return ifAbsent;
      }
      long value = RawMemory.getLong(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  private long tryGetAcross(long address, long ifAbsent) {
    requireInside(address, Long.BYTES, "read");
    long value = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      int b = tryGetByte(address + i);
      if (b < 0) {
        return ifAbsent;
      }
      value |= (long) b << shift(i, Long.BYTES);
    }
    return value;
  }

  /// An unsigned byte, or -1.
  private int tryGetByte(long address) {
    for (; ; ) {
      long slot = slot(address);
      long pte = tryBeginLoad(slot, address);
      if (pte == ABSENT) {
        return -1;
      }
      int value = RawMemory.getByte(at(pte, address)) & 0xff;
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Copies bytes out of the space up to the first page that is not resident.
  ///
  /// @return how many bytes were copied, `count` if all
  public final int tryCopyTo(long address, byte[] to, int index, int count) {
    Objects.checkFromIndexSize(index, count, to.length);
    requireRange(address, count, "read");
    int done = 0;
    while (done < count) {
      int chunk = Math.min(count - done, leftInPage(address + done));
      if (!tryLoadChunk(address + done, to, index + done, chunk)) {
        break;
      }
      done += chunk;
    }
    return done;
  }

  private boolean tryLoadChunk(long address, byte[] to, int index, int count) {
    for (; ; ) {
      long slot = slot(address);
      long pte = tryBeginLoad(slot, address);
      if (pte == ABSENT) {
        return false;
      }
      RawMemory.copyToArray(at(pte, address), to, index, count);
      if (endLoad(slot, pte)) {
        return true;
      }
      ArrayElement.wipe(to, index, count); // it may be another's
    }
  }

  /// Copies bytes into the space up to the first page that is not resident for stores.
  ///
  /// @return how many bytes were copied, `count` if all
  public final int tryCopyFrom(byte[] from, int index, int count, long address) {
    Objects.checkFromIndexSize(index, count, from.length);
    requireRange(address, count, "write");
    int done = 0;
    while (done < count) {
      int chunk = Math.min(count - done, leftInPage(address + done));
      long pte = tryBeginStore(address + done);
      if (pte == ABSENT) {
        break;
      }
      try {
        RawMemory.copyFromArray(from, index + done, at(pte, address + done), chunk);
      } finally {
        endStore();
      }
      done += chunk;
    }
    return done;
  }
}
