package org.pondhawk.vm.mem;

import java.util.concurrent.atomic.AtomicBoolean;

/// A stretch of zeroed address space, from the kernel if it can be asked, else from the stand-in.
///
/// **Contract.** `address` is a multiple of the alignment asked for. [#close()] gives the stretch
/// back once, however often it is called.
final class Reservation implements AutoCloseable {
  private final long mappedAddress;
  private final long mappedBytes;
  private final boolean fromKernel;
  private final long address;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Reservation(long mappedAddress, long mappedBytes, long alignment, boolean fromKernel) {
    this.mappedAddress = mappedAddress;
    this.mappedBytes = mappedBytes;
    this.fromKernel = fromKernel;
    this.address = (mappedAddress + alignment - 1) & -alignment;
  }

  /// Reserves from wherever this platform can; `alignment` is a power of two.
  static Reservation of(long bytes, long alignment) {
    return Linux.available() ? fromKernel(bytes, alignment) : fromStandIn(bytes, alignment);
  }

  static Reservation fromKernel(long bytes, long alignment) {
    long slack = alignment > Linux.pageSize() ? alignment : 0;
    long size = checkedSize(bytes, slack);
    return new Reservation(Linux.reserve(size), size, alignment, true);
  }

  static Reservation fromStandIn(long bytes, long alignment) {
    long slack = alignment > StandInMemory.ALIGNMENT ? alignment : 0;
    long size = checkedSize(bytes, slack);
    return new Reservation(StandInMemory.pool().reserve(size), size, alignment, false);
  }

  private static long checkedSize(long bytes, long slack) {
    if (bytes <= 0 || bytes > Long.MAX_VALUE - slack) {
      throw new IllegalArgumentException("cannot reserve " + bytes + " bytes");
    }
    return bytes + slack;
  }

  long address() {
    return address;
  }

  boolean isFromKernel() {
    return fromKernel;
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    if (fromKernel) {
      Linux.release(mappedAddress, mappedBytes);
    } else {
      StandInMemory.pool().release(mappedAddress, mappedBytes);
    }
  }
}
