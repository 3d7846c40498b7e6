package org.pondhawk.vm.mem;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/// The memory of the VM's own structures: descriptors, queues, indexes, page tables.
///
/// The budget of a machine counts everything, so what the VM takes for itself is taken in one place
/// and by name. Nothing is given back before [#close()], but for sparse ranges: structures live as
/// long as their machine.
///
/// **Contract.** Thread-safe. Memory is zeroed and aligned to 64 bytes, from a page on to pages of
/// the kernel. After [#close()] none of it may be touched; a second close does nothing.
///
/// **Failure.** `IllegalStateException` if the address space is not to be had, or after the close;
/// what was taken before stays good.
public final class OwnMemory implements AutoCloseable {
  private static final long LINE = 64;
  private static final long CHUNK = 16 << 10;
  private static final long LARGE = 4096;

  /// All guarded by this.
  private final Map<Long, Reservation> reservations = new HashMap<>();

  private final Map<String, Long> breakdown = new LinkedHashMap<>();

  /// Small pieces that were freed, by size.
  private final Map<Long, ArrayDeque<Long>> freePieces = new HashMap<>();

  private long totalBytes;
  private long chunkNext;
  private long chunkEnd;
  private boolean closed;

  /// A memory that has nothing yet.
  public OwnMemory() {}

  /// Takes zeroed memory, counted under `what`, rounded up to whole cache lines.
  public synchronized long allocate(long bytes, String what) {
    requireOpen();
    if (bytes <= 0 || bytes > Long.MAX_VALUE - LINE) {
      throw new IllegalArgumentException("cannot allocate " + bytes + " bytes for " + what);
    }
    long size = wholeLines(bytes);
    long address = size >= LARGE ? reserve(size) : carve(size);
    totalBytes += size;
    breakdown.merge(what, size, Long::sum);
    return address;
  }

  /// Gives back what [#allocate] gave, with the same size and name.
  public synchronized void free(long address, long bytes, String what) {
    requireOpen();
    long size = wholeLines(bytes);
    if (size >= LARGE) {
      takeReservation(address, bytes).close();
    } else {
      freePieces.computeIfAbsent(size, _ -> new ArrayDeque<>()).add(address);
    }
    totalBytes -= size;
    breakdown.merge(what, -size, Long::sum);
  }

  /// What was allocated, in bytes; sparse ranges are not counted.
  public synchronized long totalBytes() {
    return totalBytes;
  }

  /// The bytes allocated under each name, in the order of first use.
  public synchronized Map<String, Long> breakdown() {
    return new LinkedHashMap<>(breakdown);
  }

  /// Reserves a range that takes memory only where it is touched, in pages of the kernel's small
  /// size. Not counted: whoever touches it charges it. Without native access ranges are far
  /// smaller.
  public synchronized long reserveSparse(long bytes) {
    requireOpen();
    long address = reserve(bytes);
    if (Linux.available()) {
      Linux.noHugePages(address, bytes);
    }
    return address;
  }

  /// Gives a sparse range back, whole, as it was reserved.
  public synchronized void releaseSparse(long address, long bytes) {
    requireOpen();
    takeReservation(address, bytes).close();
  }

  /// Makes part of a sparse range read as zeros again and take no memory. Both numbers must be
  /// multiples of the kernel's page size. Without native access it is only zeroed.
  public void giveBack(long address, long bytes) {
    if (Linux.available()) {
      Linux.dontNeed(address, bytes);
    } else {
      StandInMemory.clear(address, bytes);
    }
  }

  /// Gives everything back.
  @Override
  public synchronized void close() {
    closed = true;
    reservations.values().forEach(Reservation::close);
    reservations.clear();
  }

  private long reserve(long bytes) {
    Reservation range = Reservation.of(bytes, Linux.pageSize());
    reservations.put(range.address(), range);
    return range.address();
  }

  private Reservation takeReservation(long address, long bytes) {
    Reservation range = reservations.remove(address);
    if (range == null) {
      throw new IllegalArgumentException(
          "%d bytes at 0x%x were not reserved here".formatted(bytes, address));
    }
    return range;
  }

  /// A piece that was freed, or of the current chunk, or of a new one.
  private long carve(long size) {
    ArrayDeque<Long> freed = freePieces.get(size);
    if (freed != null && !freed.isEmpty()) {
      long address = freed.remove();
      RawMemory.fill(address, size, (byte) 0);
      return address;
    }
    if (chunkEnd - chunkNext < size) {
      chunkNext = reserve(CHUNK);
      chunkEnd = chunkNext + CHUNK;
    }
    long address = chunkNext;
    chunkNext += size;
    return address;
  }

  private static long wholeLines(long bytes) {
    return (bytes + LINE - 1) & -LINE;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the memory of the VM's structures is closed");
    }
  }
}
