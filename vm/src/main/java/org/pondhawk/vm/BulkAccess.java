package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// Copies between the space and arrays, buffers and segments of the caller's, in any number of
/// bytes, page by page.
///
/// Arguments are checked before a byte is moved. Where a page then fails, everything before it has
/// been copied and nothing behind it. Elements of arrays have the byte order of the processor.
/// There is no order among the bytes of one copy towards other threads.
abstract class BulkAccess extends AtomicAccess {
  BulkAccess(Machine machine, Space space) {
    super(machine, space);
  }

  // ---- arrays

  /// Copies bytes out of the space, to `to` from `index` on.
  public final void copyTo(long address, byte[] to, int index, int count) {
    load(address, to, to.length, JAVA_BYTE, index, count);
  }

  /// Copies shorts out of the space, to `to` from `index` on.
  public final void copyTo(long address, short[] to, int index, int count) {
    load(address, to, to.length, JAVA_SHORT_UNALIGNED, index, count);
  }

  /// Copies ints out of the space, to `to` from `index` on.
  public final void copyTo(long address, int[] to, int index, int count) {
    load(address, to, to.length, JAVA_INT_UNALIGNED, index, count);
  }

  /// Copies longs out of the space, to `to` from `index` on.
  public final void copyTo(long address, long[] to, int index, int count) {
    load(address, to, to.length, JAVA_LONG_UNALIGNED, index, count);
  }

  /// Copies floats out of the space, to `to` from `index` on.
  public final void copyTo(long address, float[] to, int index, int count) {
    load(address, to, to.length, JAVA_FLOAT_UNALIGNED, index, count);
  }

  /// Copies doubles out of the space, to `to` from `index` on.
  public final void copyTo(long address, double[] to, int index, int count) {
    load(address, to, to.length, JAVA_DOUBLE_UNALIGNED, index, count);
  }

  /// Copies bytes of `from`, from `index` on, into the space.
  public final void copyFrom(byte[] from, int index, int count, long address) {
    store(from, from.length, JAVA_BYTE, index, count, address);
  }

  /// Copies shorts of `from`, from `index` on, into the space.
  public final void copyFrom(short[] from, int index, int count, long address) {
    store(from, from.length, JAVA_SHORT_UNALIGNED, index, count, address);
  }

  /// Copies ints of `from`, from `index` on, into the space.
  public final void copyFrom(int[] from, int index, int count, long address) {
    store(from, from.length, JAVA_INT_UNALIGNED, index, count, address);
  }

  /// Copies longs of `from`, from `index` on, into the space.
  public final void copyFrom(long[] from, int index, int count, long address) {
    store(from, from.length, JAVA_LONG_UNALIGNED, index, count, address);
  }

  /// Copies floats of `from`, from `index` on, into the space.
  public final void copyFrom(float[] from, int index, int count, long address) {
    store(from, from.length, JAVA_FLOAT_UNALIGNED, index, count, address);
  }

  /// Copies doubles of `from`, from `index` on, into the space.
  public final void copyFrom(double[] from, int index, int count, long address) {
    store(from, from.length, JAVA_DOUBLE_UNALIGNED, index, count, address);
  }

  private void load(
      long address, Object to, int length, ValueLayout element, int index, int count) {
    int shift = Long.numberOfTrailingZeros(element.byteSize());
    Objects.checkFromIndexSize(index, count, length);
    requireRange(address, (long) count << shift, "read");
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << shift);
      int whole = Math.min(count - done, leftInPage(at) >> shift);
      if (whole > 0) {
        loadChunk(at, to, element, index + done, whole);
        done += whole;
      } else {
        ArrayElement.load(this, at, to, index + done);
        done++;
      }
    }
  }

  private void loadChunk(long address, Object to, ValueLayout element, int index, int count) {
    boolean good = false;
    while (!good) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      try {
        RawMemory.copyToArray(at(pte, address), element, to, index, count);
      } finally {
        good = endLoad(slot, pte);
      }
      if (!good) {
        ArrayElement.wipe(to, index, count); // it may be another's, and the next try may throw
      }
    }
  }

  private void store(
      Object from, int length, ValueLayout element, int index, int count, long address) {
    int shift = Long.numberOfTrailingZeros(element.byteSize());
    Objects.checkFromIndexSize(index, count, length);
    requireRange(address, (long) count << shift, "write");
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << shift);
      int whole = Math.min(count - done, leftInPage(at) >> shift);
      if (whole > 0) {
        storeChunk(from, element, index + done, whole, at);
        done += whole;
      } else {
        ArrayElement.store(this, at, from, index + done);
        done++;
      }
    }
  }

  private void storeChunk(Object from, ValueLayout element, int index, int count, long address) {
    long pte = beginStore(slot(address), address);
    try {
      RawMemory.copyFromArray(from, element, index, at(pte, address), count);
    } finally {
      endStore();
    }
  }

  // ---- segments

  /// Copies bytes out of the space, to a segment from `offset` on.
  ///
  /// A segment that another thread closes meanwhile fails with its own exception.
  public final void copyTo(long address, MemorySegment to, long offset, long bytes) {
    requireUsable(to, offset, bytes);
    if (to.isReadOnly()) {
      throw new IllegalArgumentException("the segment is read-only: " + to);
    }
    requireRange(address, bytes, "read");
    long done = 0;
    while (done < bytes) {
      long chunk = Math.min(bytes - done, leftInPage(address + done));
      loadChunk(address + done, to, offset + done, chunk);
      done += chunk;
    }
  }

  private void loadChunk(long address, MemorySegment to, long offset, long bytes) {
    boolean good = false;
    while (!good) {
      long slot = slot(address);
      long pte = beginLoad(slot, address);
      try {
        RawMemory.copyToSegment(at(pte, address), to, offset, bytes);
      } finally {
        good = endLoad(slot, pte);
      }
      if (!good) {
        to.asSlice(offset, bytes).fill((byte) 0); // it may be another's, and the next try may throw
      }
    }
  }

  /// Copies bytes of a segment, from `offset` on, into the space.
  ///
  /// A segment that another thread closes meanwhile fails with its own exception.
  public final void copyFrom(MemorySegment from, long offset, long bytes, long address) {
    requireUsable(from, offset, bytes);
    requireRange(address, bytes, "write");
    long done = 0;
    while (done < bytes) {
      long chunk = Math.min(bytes - done, leftInPage(address + done));
      long pte = beginStore(slot(address + done), address + done);
      try {
        RawMemory.copyFromSegment(from, offset + done, at(pte, address + done), chunk);
      } finally {
        endStore();
      }
      done += chunk;
    }
  }

  /// Requires a segment that the caller may use, and that has a range.
  static void requireUsable(MemorySegment segment, long offset, long bytes) {
    Objects.checkFromIndexSize(offset, bytes, segment.byteSize());
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the segment is closed: " + segment);
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new WrongThreadException("the segment belongs to another thread: " + segment);
    }
  }

  // ---- buffers

  /// Copies as many bytes out of the space as remain in a buffer, from its position to its limit,
  /// and moves the position there. If it fails, the position stays.
  ///
  /// @throws ReadOnlyBufferException if the buffer is one
  public final void copyTo(long address, ByteBuffer to) {
    if (to.isReadOnly()) {
      throw new ReadOnlyBufferException();
    }
    int position = to.position();
    int limit = to.limit();
    if (to.hasArray()) {
      copyTo(address, to.array(), to.arrayOffset() + position, limit - position);
    } else {
      copyTo(address, MemorySegment.ofBuffer(to), 0, limit - position);
    }
    to.position(limit);
  }

  /// Copies what remains in a buffer, from its position to its limit, into the space, and moves the
  /// position there. If it fails, the position stays.
  public final void copyFrom(ByteBuffer from, long address) {
    int position = from.position();
    int limit = from.limit();
    if (from.hasArray()) {
      copyFrom(from.array(), from.arrayOffset() + position, limit - position, address);
    } else {
      copyFrom(MemorySegment.ofBuffer(from), 0, limit - position, address);
    }
    from.position(limit);
  }
}
