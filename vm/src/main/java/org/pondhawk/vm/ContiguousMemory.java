package org.pondhawk.vm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;

/// Neighbouring frames of a machine as one segment: memory that stays where it is until it is
/// closed, never swapped and never moved, for I/O that goes past the caches and for hardware
/// (`contigmalloc`).
///
/// ```java
/// try (ContiguousMemory buffer = vm.allocateContiguous(1 << 20, 4096, 0)) {
///   channel.read(buffer.segment().asByteBuffer(), 0);
/// }
/// ```
///
/// **Contract.** The memory is zeroed at first and belongs to no address space. The segment may be
/// used by any thread until [#close], which gives the frames back; used later it throws. What is
/// never closed takes frames out of use until the machine closes. All methods may be called from
/// any thread.
///
/// **Memory effects.** Those of plain memory: threads that share the segment order their accesses
/// themselves.
public final class ContiguousMemory implements AutoCloseable {
  private final ContiguousPool pool;
  private final Arena arena;
  private final MemorySegment segment;
  private final int firstFrame;
  private final int frameCount;
  private final ReentrantLock closing = new ReentrantLock();
  private boolean closed;

  ContiguousMemory(
      ContiguousPool pool, Arena arena, MemorySegment segment, int firstFrame, int frameCount) {
    this.pool = pool;
    this.arena = arena;
    this.segment = segment;
    this.firstFrame = firstFrame;
    this.frameCount = frameCount;
  }

  /// The memory, of as many bytes as were asked for.
  public MemorySegment segment() {
    return segment;
  }

  /// The number of the first frame; the others follow it.
  public int firstFrame() {
    return firstFrame;
  }

  /// The physical address of the first byte (`vtophys`): the machine's own number for it, which
  /// [VirtualMemory#memoryMap] places; not an address of this process.
  public long physicalAddress() {
    return pool.physical(firstFrame);
  }

  /// How many frames there are.
  public int frameCount() {
    return frameCount;
  }

  /// Ends the segment and gives the frames back. May wait for tens of microseconds; idempotent.
  ///
  /// @throws IllegalStateException if the segment is in use by an operation that has not ended;
  ///   nothing is closed then, and it may be tried again
  @Override
  public void close() {
    closing.lock();
    try {
      if (!closed) {
        arena.close();
        closed = true;
        pool.give(this);
      }
    } finally {
      closing.unlock();
    }
  }
}
