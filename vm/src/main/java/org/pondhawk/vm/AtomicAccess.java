package org.pondhawk.vm;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Loads and stores with an access mode, and read-modify-write, of ints and longs.
///
/// They mean what the methods of `VarHandle` with the same names mean, across threads and views of
/// every space that shows the memory, and they go on meaning it when the page is evicted and comes
/// back in another frame. An address that is not a multiple of the size is an
/// `IllegalArgumentException`. Read-modify-write needs the right to store, whether or not it stores
/// in the end.
abstract class AtomicAccess extends ScalarAccess {
  /*
   * A frame gives its bytes up only after the grace period of its entry, and until then every store
   * through the old entry is inside a guard: so a read-modify-write acts on the one frame that has the
   * bytes, or misses. A validated load that ends well was done while the entry stood, so before any
   * store to the frame that came after it.
   */
  AtomicAccess(Machine machine, Space space) {
    super(machine, space);
  }

  // ---- longs: loads and stores

  /// Loads 8 bytes, opaque.
  public final long getLongOpaque(long address) {
    requireAligned(address, Long.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long value = RawMemory.getLongOpaque(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Loads 8 bytes, acquire.
  public final long getLongAcquire(long address) {
    requireAligned(address, Long.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long value = RawMemory.getLongAcquire(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Loads 8 bytes, volatile.
  public final long getLongVolatile(long address) {
    requireAligned(address, Long.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long value = RawMemory.getLongVolatile(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Stores 8 bytes, opaque.
  public final void putLongOpaque(long address, long value) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setLongOpaque(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Stores 8 bytes, release.
  public final void putLongRelease(long address, long value) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setLongRelease(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Stores 8 bytes, volatile.
  public final void putLongVolatile(long address, long value) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setLongVolatile(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  // ---- longs: read-modify-write, volatile

  /// Replaces the long `expect` by `update`.
  ///
  /// @return false if another value was there
  public final boolean compareAndSetLong(long address, long expect, long update) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.compareAndSetLong(at(pte, address), expect, update);
    } finally {
      endStore();
    }
  }

  /// Replaces the long `expect` by `update`.
  ///
  /// @return what was there; `expect` if it was replaced
  public final long compareAndExchangeLong(long address, long expect, long update) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.compareAndExchangeLong(at(pte, address), expect, update);
    } finally {
      endStore();
    }
  }

  /// Replaces a long.
  ///
  /// @return what was there
  public final long getAndSetLong(long address, long value) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndSetLong(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Adds to a long.
  ///
  /// @return what was there
  public final long getAndAddLong(long address, long delta) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndAddLong(at(pte, address), delta);
    } finally {
      endStore();
    }
  }

  /// Sets the bits of `mask` in a long.
  ///
  /// @return what was there
  public final long getAndBitwiseOrLong(long address, long mask) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndBitwiseOrLong(at(pte, address), mask);
    } finally {
      endStore();
    }
  }

  /// Keeps only the bits of `mask` in a long.
  ///
  /// @return what was there
  public final long getAndBitwiseAndLong(long address, long mask) {
    requireAligned(address, Long.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndBitwiseAndLong(at(pte, address), mask);
    } finally {
      endStore();
    }
  }

  // ---- ints: loads and stores

  /// Loads 4 bytes, opaque.
  public final int getIntOpaque(long address) {
    requireAligned(address, Integer.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      int value = RawMemory.getIntOpaque(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Loads 4 bytes, acquire.
  public final int getIntAcquire(long address) {
    requireAligned(address, Integer.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      int value = RawMemory.getIntAcquire(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Loads 4 bytes, volatile.
  public final int getIntVolatile(long address) {
    requireAligned(address, Integer.BYTES, "read");
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      int value = RawMemory.getIntVolatile(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Stores 4 bytes, opaque.
  public final void putIntOpaque(long address, int value) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setIntOpaque(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Stores 4 bytes, release.
  public final void putIntRelease(long address, int value) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setIntRelease(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Stores 4 bytes, volatile.
  public final void putIntVolatile(long address, int value) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.setIntVolatile(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  // ---- ints: read-modify-write, volatile

  /// Replaces the int `expect` by `update`.
  ///
  /// @return false if another value was there
  public final boolean compareAndSetInt(long address, int expect, int update) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.compareAndSetInt(at(pte, address), expect, update);
    } finally {
      endStore();
    }
  }

  /// Replaces the int `expect` by `update`.
  ///
  /// @return what was there; `expect` if it was replaced
  public final int compareAndExchangeInt(long address, int expect, int update) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.compareAndExchangeInt(at(pte, address), expect, update);
    } finally {
      endStore();
    }
  }

  /// Replaces a int.
  ///
  /// @return what was there
  public final int getAndSetInt(long address, int value) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndSetInt(at(pte, address), value);
    } finally {
      endStore();
    }
  }

  /// Adds to a int.
  ///
  /// @return what was there
  public final int getAndAddInt(long address, int delta) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndAddInt(at(pte, address), delta);
    } finally {
      endStore();
    }
  }

  /// Sets the bits of `mask` in a int.
  ///
  /// @return what was there
  public final int getAndBitwiseOrInt(long address, int mask) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndBitwiseOrInt(at(pte, address), mask);
    } finally {
      endStore();
    }
  }

  /// Keeps only the bits of `mask` in a int.
  ///
  /// @return what was there
  public final int getAndBitwiseAndInt(long address, int mask) {
    requireAligned(address, Integer.BYTES, "write");
    long pte = beginStore(slot(address), address);
    try {
      return RawMemory.getAndBitwiseAndInt(at(pte, address), mask);
    } finally {
      endStore();
    }
  }
}
