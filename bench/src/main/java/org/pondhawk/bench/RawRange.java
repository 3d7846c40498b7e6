package org.pondhawk.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.pondhawk.vm.mem.Linux;

/// Memory of the kernel's as a program without us would have it: one mapping, one segment.
final class RawRange implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  final MemorySegment segment;
  final long address;

  /// @param huge whether the kernel is asked for huge pages, or asked for none
  @SuppressWarnings("restricted") // the range is ours, and its arena gives it back
  RawRange(long bytes, boolean huge) {
    this.address = Linux.reserve(bytes);
    if (huge) {
      Linux.hugePages(address, bytes);
    } else {
      Linux.noHugePages(address, bytes);
    }
    this.segment =
        MemorySegment.ofAddress(address)
            .reinterpret(bytes, arena, gone -> Linux.release(gone.address(), gone.byteSize()));
  }

  RawRange touchAll() {
    segment.fill((byte) 1);
    return this;
  }

  @Override
  public void close() {
    arena.close();
  }
}
