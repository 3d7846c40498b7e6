package org.pondhawk.vm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.RunLimits;
import org.pondhawk.vm.stats.PhysicalRange;

/// The contiguous memory of a machine that is not closed yet. Each piece retains the machine's
/// memory, so that a segment that is in use while the machine closes shows no one else's.
final class ContiguousPool {
  private final Machine machine;
  private final EdgeThreads edge;
  private final FrameMemory frames;
  private final Set<ContiguousMemory> open = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  ContiguousPool(Machine machine, EdgeThreads edge) {
    this.machine = machine;
    this.edge = edge;
    this.frames = machine.page().pages().frames();
  }

  ContiguousMemory take(long bytes, long alignment, long boundary, PhysicalRange within) {
    check(bytes, alignment, boundary);
    int count = pagesFor(bytes);
    int low = pageFrom(within.start() + frames.pageSize() - 1);
    RunLimits limits =
        new RunLimits(
            low,
            Math.max(low, pageFrom(within.end())),
            pagesFor(alignment),
            boundary == 0 ? 0 : pagesFor(boundary));
    return edge.call(self -> {
      machine.haltSwitch().check();
      if (closed) {
        throw isClosed();
      }
      int first = machine.contig().allocate(limits, count, MemoryAttribute.WRITE_BACK);
      if (first == PageArray.NONE) {
        throw noRun(count);
      }
      return show(first, count, bytes);
    });
  }

  /// Shows a run. The call is inside the machine, so it can be retained once more.
  private ContiguousMemory show(int first, int count, long bytes) {
    machine.retain();
    for (int page = first; page < first + count; page++) {
      frames.zero(page);
    }
    Arena arena = Arena.ofShared();
    MemorySegment segment = RawMemory.writableWindow(frames.address(first), bytes, arena, _ -> {});
    ContiguousMemory memory = new ContiguousMemory(this, arena, segment, first, count);
    open.add(memory);
    if (closed) { // whoever closes may have looked already
      memory.close();
      throw isClosed();
    }
    return memory;
  }

  private static IllegalStateException isClosed() {
    return new IllegalStateException("the machine is closed");
  }

  /// Takes the frames of a piece whose segment has ended. In a halted machine they are of no use to
  /// anybody, and its account may be what is broken.
  void give(ContiguousMemory memory) {
    open.remove(memory);
    try {
      if (!machine.haltSwitch().isHalted()) {
        edge.run(self -> machine.contig().free(self, memory.firstFrame(), memory.frameCount()));
      }
    } finally {
      machine.release();
    }
  }

  /// Closes what is open, but for segments in use, which keep their memory until they are closed.
  void closeAll() {
    closed = true;
    for (ContiguousMemory memory : open) {
      try {
        memory.close();
      } catch (IllegalStateException _) {
        // in use by a transfer: whoever waits for that closes it; after a panic nobody needs to
      }
    }
  }

  /// Gives free frames of the reserve to everybody.
  long shrinkReserve(long keepBytes) {
    if (keepBytes < 0) {
      throw new IllegalArgumentException("keepBytes=" + keepBytes + " is negative");
    }
    int keep =
        (int)
            Math.min((keepBytes + frames.pageSize() - 1) >>> frames.pageShift(), Integer.MAX_VALUE);
    int given = edge.call(self -> machine.contig().shrinkReserve(self, keep));
    return (long) given << frames.pageShift();
  }

  // ---- the request

  private void check(long bytes, long alignment, long boundary) {
    if (!frames.isNative()) {
      throw new UnsupportedOperationException("contiguous memory needs native access");
    }
    long all = (long) frames.frameCount() << frames.pageShift();
    if (bytes <= 0 || bytes > all) {
      throw new IllegalArgumentException("bytes=" + bytes + " is not from 1 to " + all);
    }
    requirePowerOfTwo("alignment", alignment);
    if (boundary != 0) {
      requirePowerOfTwo("boundary", boundary);
      if (bytes > boundary) {
        throw new IllegalArgumentException(
            "bytes=%d do not fit between multiples of boundary=%d".formatted(bytes, boundary));
      }
    }
  }

  /// Up to the alignment of the frames, multiples hold for numbers of frames and for addresses
  /// alike.
  private void requirePowerOfTwo(String name, long value) {
    long most = frames.alignment();
    if (value < 1 || value > most || Long.bitCount(value) != 1) {
      throw new IllegalArgumentException(
          "%s=%d is not a power of two from 1 to %d".formatted(name, value, most));
    }
  }

  /// The page that a physical address lies in, or the nearest there is.
  private int pageFrom(long physical) {
    long page = (physical - machine.physical().physical(0)) >> frames.pageShift();
    return Math.clamp(page, 0, frames.frameCount());
  }

  /// The physical address of a frame.
  long physical(int frame) {
    return machine.physical().physical(frame);
  }

  private int pagesFor(long bytes) {
    return (int) ((bytes + frames.pageSize() - 1) >>> frames.pageShift());
  }

  private OutOfPagesException noRun(int count) {
    return new OutOfPagesException(
        "out of pages: no %d neighbouring frames can be freed (the reserve has %d of %d pages free)"
            .formatted(
                count,
                machine.contig().reserve().freePages(),
                machine.contig().reserve().pageCount()));
  }
}
