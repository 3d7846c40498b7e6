package org.pondhawk.vm.mem;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;

/// Memory by absolute address: the typed loads and stores that the VM is made of.
///
/// Frames, descriptors and page tables are known by their addresses, so one segment over the whole
/// address space serves them all. Each method is one call of one method with constants for the
/// rest, and compiles to the access itself and a test of the address's sign.
///
/// **Contract.** The caller answers for the address: it must lie in a live reservation of
/// [FrameMemory] or [OwnMemory]. A wrong one is not an exception but a crash of the process. Plain
/// gets and puts take any address; the others want a multiple of the size of the value and throw
/// `IllegalArgumentException` otherwise. Byte order is the machine's.
///
/// **Memory effects.** Those of the access mode that a method names, as `VarHandle` has them; plain
/// for the methods that name none. `compareAndSet` and `getAnd…` are volatile.
public final class RawMemory {

  /*
   * How it works. With native access the segment starts at address 0 and BASE is 0, which the
   * compiler folds away. Where native access is denied the JDK gives no such segment; all memory is
   * then one pool (StandInMemory), the segment is that pool, and BASE its address. Same methods,
   * same addresses, one subtraction more, and a wrong address is an exception there.
   *
   * Plain accesses use the unaligned layouts: on the machines we run on it is the same instruction,
   * and it saves the test of the low bits.
   */
  private static final MemorySegment ALL = reachable();
  private static final long BASE = ALL.address();

  private static final long LOW_BITS = 0x0101_0101_0101_0101L;
  private static final long HIGH_BITS = LOW_BITS << (Byte.SIZE - 1);

  private static final VarHandle LONG = JAVA_LONG.varHandle().withInvokeExactBehavior();
  private static final VarHandle INT = JAVA_INT.varHandle().withInvokeExactBehavior();

  private RawMemory() {}

  @SuppressWarnings("restricted")
  private static MemorySegment reachable() {
    try {
      return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    } catch (IllegalCallerException e) {
      return StandInMemory.pool().segment();
    }
  }

  /// Whether the methods of this class can be called for a range of addresses at all: everywhere
  /// with native access, in the one pool without. What lies there is not looked at.
  public static boolean reaches(long address, long bytes) {
    return address >= BASE && address - BASE <= ALL.byteSize() - bytes;
  }

  // ---- plain, any address ----

  /// The byte at `address`.
  public static byte getByte(long address) {
    return ALL.get(JAVA_BYTE, address - BASE);
  }

  /// Stores a byte.
  public static void putByte(long address, byte value) {
    ALL.set(JAVA_BYTE, address - BASE, value);
  }

  /// The short at `address`.
  public static short getShort(long address) {
    return ALL.get(JAVA_SHORT_UNALIGNED, address - BASE);
  }

  /// Stores a short.
  public static void putShort(long address, short value) {
    ALL.set(JAVA_SHORT_UNALIGNED, address - BASE, value);
  }

  /// The int at `address`.
  public static int getInt(long address) {
    return ALL.get(JAVA_INT_UNALIGNED, address - BASE);
  }

  /// Stores an int.
  public static void putInt(long address, int value) {
    ALL.set(JAVA_INT_UNALIGNED, address - BASE, value);
  }

  /// The long at `address`.
  public static long getLong(long address) {
    return ALL.get(JAVA_LONG_UNALIGNED, address - BASE);
  }

  /// Stores a long.
  public static void putLong(long address, long value) {
    ALL.set(JAVA_LONG_UNALIGNED, address - BASE, value);
  }

  // ---- longs, aligned ----

  /// Loads a long, opaque.
  public static long getLongOpaque(long address) {
    return (long) LONG.getOpaque(ALL, address - BASE);
  }

  /// Loads a long, acquire.
  public static long getLongAcquire(long address) {
    return (long) LONG.getAcquire(ALL, address - BASE);
  }

  /// Loads a long, volatile.
  public static long getLongVolatile(long address) {
    return (long) LONG.getVolatile(ALL, address - BASE);
  }

  /// Stores a long, opaque.
  public static void setLongOpaque(long address, long value) {
    LONG.setOpaque(ALL, address - BASE, value);
  }

  /// Stores a long, release.
  public static void setLongRelease(long address, long value) {
    LONG.setRelease(ALL, address - BASE, value);
  }

  /// Stores a long, volatile.
  public static void setLongVolatile(long address, long value) {
    LONG.setVolatile(ALL, address - BASE, value);
  }

  /// Replaces the long `expect` by `update`; false if another value was there.
  public static boolean compareAndSetLong(long address, long expect, long update) {
    return LONG.compareAndSet(ALL, address - BASE, expect, update);
  }

  /// Replaces the long `expect` by `update`; returns what was there.
  public static long compareAndExchangeLong(long address, long expect, long update) {
    return (long) LONG.compareAndExchange(ALL, address - BASE, expect, update);
  }

  /// Replaces a long; returns what was there.
  public static long getAndSetLong(long address, long value) {
    return (long) LONG.getAndSet(ALL, address - BASE, value);
  }

  /// Adds to a long; returns what was there.
  public static long getAndAddLong(long address, long delta) {
    return (long) LONG.getAndAdd(ALL, address - BASE, delta);
  }

  /// Sets the bits of `mask` in a long; returns what was there.
  public static long getAndBitwiseOrLong(long address, long mask) {
    return (long) LONG.getAndBitwiseOr(ALL, address - BASE, mask);
  }

  /// Keeps only the bits of `mask` in a long; returns what was there.
  public static long getAndBitwiseAndLong(long address, long mask) {
    return (long) LONG.getAndBitwiseAnd(ALL, address - BASE, mask);
  }

  // ---- ints, aligned ----

  /// Loads an int, opaque.
  public static int getIntOpaque(long address) {
    return (int) INT.getOpaque(ALL, address - BASE);
  }

  /// Loads an int, acquire.
  public static int getIntAcquire(long address) {
    return (int) INT.getAcquire(ALL, address - BASE);
  }

  /// Loads an int, volatile.
  public static int getIntVolatile(long address) {
    return (int) INT.getVolatile(ALL, address - BASE);
  }

  /// Stores an int, opaque.
  public static void setIntOpaque(long address, int value) {
    INT.setOpaque(ALL, address - BASE, value);
  }

  /// Stores an int, release.
  public static void setIntRelease(long address, int value) {
    INT.setRelease(ALL, address - BASE, value);
  }

  /// Stores an int, volatile.
  public static void setIntVolatile(long address, int value) {
    INT.setVolatile(ALL, address - BASE, value);
  }

  /// Replaces the int `expect` by `update`; false if another value was there.
  public static boolean compareAndSetInt(long address, int expect, int update) {
    return INT.compareAndSet(ALL, address - BASE, expect, update);
  }

  /// Replaces the int `expect` by `update`; returns what was there.
  public static int compareAndExchangeInt(long address, int expect, int update) {
    return (int) INT.compareAndExchange(ALL, address - BASE, expect, update);
  }

  /// Replaces an int; returns what was there.
  public static int getAndSetInt(long address, int value) {
    return (int) INT.getAndSet(ALL, address - BASE, value);
  }

  /// Adds to an int; returns what was there.
  public static int getAndAddInt(long address, int delta) {
    return (int) INT.getAndAdd(ALL, address - BASE, delta);
  }

  /// Sets the bits of `mask` in an int; returns what was there.
  public static int getAndBitwiseOrInt(long address, int mask) {
    return (int) INT.getAndBitwiseOr(ALL, address - BASE, mask);
  }

  /// Keeps only the bits of `mask` in an int; returns what was there.
  public static int getAndBitwiseAndInt(long address, int mask) {
    return (int) INT.getAndBitwiseAnd(ALL, address - BASE, mask);
  }

  // ---- ranges ----

  /// Fills a range with one byte.
  public static void fill(long address, long bytes, byte value) {
    ALL.asSlice(address - BASE, bytes).fill(value);
  }

  /// Copies a range; the two may overlap.
  public static void copy(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from - BASE, ALL, to - BASE, bytes);
  }

  /// Copies `bytes` bytes of an array, from `index` on, to memory.
  public static void copyFromArray(byte[] from, int index, long to, int bytes) {
    MemorySegment.copy(from, index, ALL, JAVA_BYTE, to - BASE, bytes);
  }

  /// Copies `bytes` bytes of memory to an array, from `index` on.
  public static void copyToArray(long from, byte[] to, int index, int bytes) {
    MemorySegment.copy(ALL, JAVA_BYTE, from - BASE, to, index, bytes);
  }

  /// Copies `count` elements of an array, from `index` on, to memory.
  ///
  /// @param element the layout of an element, unaligned and of the machine's order
  public static void copyFromArray(
      Object from, ValueLayout element, int index, long to, int count) {
    MemorySegment.copy(from, index, ALL, element, to - BASE, count);
  }

  /// Copies `count` elements of memory to an array, from `index` on.
  ///
  /// @param element the layout of an element, unaligned and of the machine's order
  public static void copyToArray(long from, ValueLayout element, Object to, int index, int count) {
    MemorySegment.copy(ALL, element, from - BASE, to, index, count);
  }

  /// Copies bytes of a segment, from `offset` on, to memory. The segment's own checks apply.
  public static void copyFromSegment(MemorySegment from, long offset, long to, long bytes) {
    MemorySegment.copy(from, offset, ALL, to - BASE, bytes);
  }

  /// Copies bytes of memory to a segment, from `offset` on. The segment's own checks apply.
  public static void copyToSegment(long from, MemorySegment to, long offset, long bytes) {
    MemorySegment.copy(ALL, from - BASE, to, offset, bytes);
  }

  /// Whether every byte of a range is `value`; true for an empty range.
  public static boolean allBytesAre(long address, long bytes, byte value) {
    if (bytes == 0) {
      return true;
    }
    // A range equals itself moved by one exactly if all its bytes are the same.
    return getByte(address) == value && mismatch(address, address + 1, bytes - 1) == -1;
  }

  /// The offset of the first byte in which two ranges differ, or -1.
  public static long mismatch(long a, long b, long bytes) {
    long first = a - BASE;
    long second = b - BASE;
    return MemorySegment.mismatch(ALL, first, first + bytes, ALL, second, second + bytes);
  }

  /// The offset of the first byte in which memory and a segment, from `offset` on, differ, or -1.
  public static long mismatch(long a, MemorySegment b, long offset, long bytes) {
    long first = a - BASE;
    return MemorySegment.mismatch(ALL, first, first + bytes, b, offset, offset + bytes);
  }

  /// The offset of the first byte of a range that is `value`, or -1.
  public static long indexOf(long address, long bytes, byte value) {
    long pattern = (value & 0xffL) * LOW_BITS;
    long i = 0;
    for (; i <= bytes - Long.BYTES; i += Long.BYTES) {
      long differs = getLong(address + i) ^ pattern;
      if (((differs - LOW_BITS) & ~differs & HIGH_BITS) != 0) { // one of the eight is zero
        break;
      }
    }
    for (; i < bytes; i++) {
      if (getByte(address + i) == value) {
        return i;
      }
    }
    return -1;
  }

  /// A range as a segment that is always open, for callers of the JDK's own methods.
  public static MemorySegment segment(long address, long bytes) {
    return ALL.asSlice(address - BASE, bytes);
  }

  /// Whether the segments of [#window] and [#writableWindow] are copies, as without native access.
  public static boolean windowsAreCopies() {
    return BASE != 0;
  }

  /// A range as a read-only segment that lives as long as an arena. Without native access it is a
  /// copy, made now.
  ///
  /// @param atClose called when the arena closes; the arena keeps it, and what it refers to, alive
  public static MemorySegment window(
      long address, long bytes, Arena arena, Consumer<MemorySegment> atClose) {
    return writableWindow(address, bytes, arena, atClose).asReadOnly();
  }

  /// As [#window], and may be stored into; where it is a copy, the caller copies it back.
  @SuppressWarnings("restricted")
  public static MemorySegment writableWindow(
      long address, long bytes, Arena arena, Consumer<MemorySegment> atClose) {
    MemorySegment range = ALL.asSlice(address - BASE, bytes);
    return BASE == 0
        ? range.reinterpret(arena, atClose)
        : arena.allocate(bytes, Long.BYTES).copyFrom(range);
  }
}
