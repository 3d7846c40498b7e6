package org.pondhawk.vm.mem;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;

/// The stand-in for mmap where native calls are not possible: one pool that all memory comes from.
///
/// The JDK has one way to memory that is neither zeroed at once nor restricted: a private mapping
/// of a sparse file, here a temporary file that is deleted as soon as it is mapped. Pages that were
/// written are anonymous memory and never go to the disk. There is one pool for the process,
/// because without native access one segment must reach everything (see [RawMemory]).
///
/// **Contract.** Thread-safe. Ranges are zeroed and aligned to [#ALIGNMENT]. Returning one costs a
/// scan and a fill of it: slower than mmap, and meant to be.
///
/// **Failure.** A request that does not fit throws `IllegalStateException` with what is left.
final class StandInMemory {
  /// Every range starts and ends at a multiple of this: the largest page size.
  static final long ALIGNMENT = 1L << 16;

  private static final long LARGEST = 1L << 36;
  private static final long SMALLEST = 1L << 26;
  private static final long SCAN_BYTES = 4096;

  private final MemorySegment segment;

  /// Free ranges by address, never adjacent to each other. Guarded by this.
  private final TreeMap<Long, Long> free = new TreeMap<>();

  private static final class Holder {
    static final StandInMemory POOL = new StandInMemory(map());
  }

  private StandInMemory(MemorySegment segment) {
    this.segment = segment;
    long first = alignUp(segment.address());
    long end = (segment.address() + segment.byteSize()) & -ALIGNMENT;
    free.put(first, end - first);
  }

  /// The pool, made at the first call.
  static StandInMemory pool() {
    return Holder.POOL;
  }

  /// All of the pool, as the one segment that reaches it.
  MemorySegment segment() {
    return segment;
  }

  /// Takes the lowest free range that is large enough; returns its address.
  synchronized long reserve(long bytes) {
    long wanted = alignUp(bytes);
    long address =
        free.entrySet().stream()
            .filter(range -> range.getValue() >= wanted)
            .findFirst()
            .orElseThrow(() -> exhausted(bytes))
            .getKey();
    long rest = removeFree(address) - wanted;
    if (rest > 0) {
      free.put(address + wanted, rest);
    }
    return address;
  }

  /// Gives a range back, as it was taken.
  void release(long address, long bytes) {
    long size = alignUp(bytes);
    clear(address, size);
    synchronized (this) {
      putFree(address, size);
    }
  }

  /// Zeroes a range, without touching what was never written.
  static void clear(long address, long bytes) {
    for (long done = 0; done < bytes; done += SCAN_BYTES) {
      long size = Math.min(SCAN_BYTES, bytes - done);
      if (!RawMemory.allBytesAre(address + done, size, (byte) 0)) {
        RawMemory.fill(address + done, size, (byte) 0);
      }
    }
  }

  private void putFree(long address, long size) {
    long start = address;
    long length = size;
    Map.Entry<Long, Long> below = free.lowerEntry(address);
    if (below != null && below.getKey() + below.getValue() == address) {
      start = below.getKey();
      length += below.getValue();
    }
    length += removeFree(address + size);
    free.put(start, length);
  }

  /// Removes the free range that starts there; returns its size, 0 if there is none.
  private long removeFree(long address) {
    Long size = free.remove(address);
    return size == null ? 0 : size;
  }

  private IllegalStateException exhausted(long bytes) {
    long left = free.values().stream().mapToLong(Long::longValue).sum();
    return new IllegalStateException(
        ("cannot reserve %d bytes: without native calls all memory comes from one pool of %d bytes,"
                + " of which %d are free (%s)")
            .formatted(bytes, segment.byteSize(), left, Linux.obstacle()));
  }

  private static long alignUp(long bytes) {
    return Math.addExact(bytes, ALIGNMENT - 1) & -ALIGNMENT;
  }

  /// Maps the largest pool that the system grants: it refuses what exceeds its memory by far.
  private static MemorySegment map() {
    IOException last = null;
    for (long bytes = LARGEST; bytes >= SMALLEST; bytes >>= 1) {
      try {
        return map(bytes);
      } catch (IOException e) {
        last = e;
      }
    }
    throw new UncheckedIOException(
        "cannot map memory without native access", last == null ? new IOException() : last);
  }

  private static MemorySegment map(long bytes) throws IOException {
    Path file = Files.createTempFile("pondhawk", ".mem");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE)) {
      return channel.map(MapMode.PRIVATE, 0, bytes, Arena.global());
    } catch (OutOfMemoryError e) {
      throw new IOException("cannot map " + bytes + " bytes", e);
    }
  }
}
