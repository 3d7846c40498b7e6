package org.pondhawk.vm;

import java.nio.ByteOrder;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Plain loads and stores of every primitive type, at any address.
///
/// One of up to 8 bytes at a multiple of its size is untorn. One that crosses the end of a page is
/// several accesses: if the second page fails, the first has been stored into.
abstract class ScalarAccess extends ViewTranslation {
  private static final boolean LITTLE = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

  ScalarAccess(Machine machine, Space space) {
    super(machine, space);
  }

  // ---- loads

  /// Loads a byte.
  public final byte getByte(long address) {
    if (isSplit(address, Byte.BYTES)) {
      requireInside(address, Byte.BYTES, "read");
    }
    long slot = slot(address);
    long pte = enterLoad(slot);
    if (allowsLoad(pte)) {
      byte value = RawMemory.getByte(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
    return (byte) MissPath.load(this, address, Byte.BYTES);
  }

  /// Loads 2 bytes in the order of the processor.
  public final short getShort(long address) {
    if (isSplit(address, Short.BYTES)) {
      return (short) getAcross(address, Short.BYTES);
    }
    long slot = slot(address);
    long pte = enterLoad(slot);
    if (allowsLoad(pte)) {
      short value = RawMemory.getShort(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
    return (short) MissPath.load(this, address, Short.BYTES);
  }

  /// Loads 4 bytes in the order of the processor.
  public final int getInt(long address) {
    if (isSplit(address, Integer.BYTES)) {
      return (int) getAcross(address, Integer.BYTES);
    }
    long slot = slot(address);
    long pte = enterLoad(slot);
    if (allowsLoad(pte)) {
      int value = RawMemory.getInt(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
    return (int) MissPath.load(this, address, Integer.BYTES);
  }

  /// Loads 8 bytes in the order of the processor.
  public final long getLong(long address) {
    if (isSplit(address, Long.BYTES)) {
      return getAcross(address, Long.BYTES);
    }
    long slot = slot(address);
    long pte = enterLoad(slot);
    if (allowsLoad(pte)) {
      long value = RawMemory.getLong(at(pte, address));
      if (endLoad(slot, pte)) {
        return value;
      }
    }
    return MissPath.load(this, address, Long.BYTES);
  }

  /// Loads a char in the order of the processor.
  public final char getChar(long address) {
    return (char) getShort(address);
  }

  /// Loads a float in the order of the processor.
  public final float getFloat(long address) {
    return Float.intBitsToFloat(getInt(address));
  }

  /// Loads a double in the order of the processor.
  public final double getDouble(long address) {
    return Double.longBitsToDouble(getLong(address));
  }

  // ---- stores

  /// Stores a byte.
  public final void putByte(long address, byte value) {
    if (isSplit(address, Byte.BYTES)) {
      requireInside(address, Byte.BYTES, "write");
    }
    long pte = enterStore(slot(address));
    if (allowsStore(pte, address)) {
      try {
        RawMemory.putByte(at(pte, address), value);
      } finally {
        endStore();
      }
    } else {
      MissPath.store(this, address, value, Byte.BYTES);
    }
  }

  /// Stores 2 bytes in the order of the processor.
  public final void putShort(long address, short value) {
    if (isSplit(address, Short.BYTES)) {
      putAcross(address, value, Short.BYTES);
      return;
    }
    long pte = enterStore(slot(address));
    if (allowsStore(pte, address)) {
      try {
        RawMemory.putShort(at(pte, address), value);
      } finally {
        endStore();
      }
    } else {
      MissPath.store(this, address, value, Short.BYTES);
    }
  }

  /// Stores 4 bytes in the order of the processor.
  public final void putInt(long address, int value) {
    if (isSplit(address, Integer.BYTES)) {
      putAcross(address, value, Integer.BYTES);
      return;
    }
    long pte = enterStore(slot(address));
    if (allowsStore(pte, address)) {
      try {
        RawMemory.putInt(at(pte, address), value);
      } finally {
        endStore();
      }
    } else {
      MissPath.store(this, address, value, Integer.BYTES);
    }
  }

  /// Stores 8 bytes in the order of the processor.
  public final void putLong(long address, long value) {
    if (isSplit(address, Long.BYTES)) {
      putAcross(address, value, Long.BYTES);
      return;
    }
    long pte = enterStore(slot(address));
    if (allowsStore(pte, address)) {
      try {
        RawMemory.putLong(at(pte, address), value);
      } finally {
        endStore();
      }
    } else {
      MissPath.store(this, address, value, Long.BYTES);
    }
  }

  /// Stores a char in the order of the processor.
  public final void putChar(long address, char value) {
    putShort(address, (short) value);
  }

  /// Stores a float in the order of the processor.
  public final void putFloat(long address, float value) {
    putInt(address, Float.floatToRawIntBits(value));
  }

  /// Stores a double in the order of the processor.
  public final void putDouble(long address, double value) {
    putLong(address, Double.doubleToRawLongBits(value));
  }

  // ---- in a byte order that the caller names

  /// Loads 2 bytes.
  public final short getShort(long address, ByteOrder order) {
    short value = getShort(address);
    return isNative(order) ? value : Short.reverseBytes(value);
  }

  /// Loads a char.
  public final char getChar(long address, ByteOrder order) {
    return (char) getShort(address, order);
  }

  /// Loads 4 bytes.
  public final int getInt(long address, ByteOrder order) {
    int value = getInt(address);
    return isNative(order) ? value : Integer.reverseBytes(value);
  }

  /// Loads 8 bytes.
  public final long getLong(long address, ByteOrder order) {
    long value = getLong(address);
    return isNative(order) ? value : Long.reverseBytes(value);
  }

  /// Loads a float.
  public final float getFloat(long address, ByteOrder order) {
    return Float.intBitsToFloat(getInt(address, order));
  }

  /// Loads a double.
  public final double getDouble(long address, ByteOrder order) {
    return Double.longBitsToDouble(getLong(address, order));
  }

  /// Stores 2 bytes.
  public final void putShort(long address, short value, ByteOrder order) {
    putShort(address, isNative(order) ? value : Short.reverseBytes(value));
  }

  /// Stores a char.
  public final void putChar(long address, char value, ByteOrder order) {
    putShort(address, (short) value, order);
  }

  /// Stores 4 bytes.
  public final void putInt(long address, int value, ByteOrder order) {
    putInt(address, isNative(order) ? value : Integer.reverseBytes(value));
  }

  /// Stores 8 bytes.
  public final void putLong(long address, long value, ByteOrder order) {
    putLong(address, isNative(order) ? value : Long.reverseBytes(value));
  }

  /// Stores a float.
  public final void putFloat(long address, float value, ByteOrder order) {
    putInt(address, Float.floatToRawIntBits(value), order);
  }

  /// Stores a double.
  public final void putDouble(long address, double value, ByteOrder order) {
    putLong(address, Double.doubleToRawLongBits(value), order);
  }

  @SuppressWarnings("ReferenceEquality") // there are two
  private static boolean isNative(ByteOrder order) {
    return order == ByteOrder.nativeOrder();
  }

  // ---- accesses that missed; called through [MissPath] only

  /// Does a load that missed, of 1, 2, 4 or 8 bytes that do not cross a page.
  final long loadMissed(long address, int bytes) {
    leaveLoad();
    for (; ; ) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      long at = at(pte, address);
      long value =
          switch (bytes) {
            case Byte.BYTES -> RawMemory.getByte(at);
            case Short.BYTES -> RawMemory.getShort(at);
            case Integer.BYTES -> RawMemory.getInt(at);
            default -> RawMemory.getLong(at);
          };
      if (endLoad(slot, pte)) {
        return value;
      }
    }
  }

  /// Does a store that missed, of 1, 2, 4 or 8 bytes that do not cross a page.
  final void storeMissed(long address, long value, int bytes) {
    endStore();
    long at = at(beginStore(slot(address), address), address);
    try {
      switch (bytes) {
        case Byte.BYTES -> RawMemory.putByte(at, (byte) value);
        case Short.BYTES -> RawMemory.putShort(at, (short) value);
        case Integer.BYTES -> RawMemory.putInt(at, (int) value);
        default -> RawMemory.putLong(at, value);
      }
    } finally {
      endStore();
    }
  }

  // ---- across pages, byte by byte

  private long getAcross(long address, int bytes) {
    requireInside(address, bytes, "read");
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (getByte(address + i) & 0xffL) << shift(i, bytes);
    }
    return value;
  }

  private void putAcross(long address, long value, int bytes) {
    requireInside(address, bytes, "write");
    for (int i = 0; i < bytes; i++) {
      putByte(address + i, (byte) (value >>> shift(i, bytes)));
    }
  }

  /// By how many bits a value must be shifted for its byte at an index of memory.
  static int shift(int index, int bytes) {
    return (LITTLE ? index : bytes - 1 - index) * Byte.SIZE;
  }
}
