package org.pondhawk.vm.swap;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileSystemException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.pondhawk.vm.mem.Linux;

/// One real file that pages are swapped to.
///
/// Swap holds what a machine has no memory for, and is worthless once the machine is gone: the file
/// must have room for all it promises, and must not stay behind.
///
/// **Contract.** Thread-safe. A run is one vectored request, as long as the kernel takes it whole.
/// An interrupt of the calling thread disturbs nothing. The reserved blocks at the start cannot be
/// read or written. [#close()] may come from any thread, a shutdown hook included: the name is gone
/// when it returns; the descriptor is closed when the last transfer is over, so that no transfer
/// can reach a file that was opened later under the same number. Later transfers fail.
///
/// **Failure.** `IOException` with the file and the blocks. After a read that failed the frames
/// hold garbage; after a write that failed the blocks do.
public final class SwapFile implements SwapIo, AutoCloseable {
  private static final int IOVEC_BYTES = 16;
  private static final int IOVEC_LENGTH = 8;

  private final SwapFileSpec spec;
  private final SwapFileName name;
  private final int fd;

  /*
   * The transfers under way, and one more until the close. Whoever takes it to 0 closes the
   * descriptor; from 0 it never rises again.
   */
  private final AtomicInteger users = new AtomicInteger(1);
  private final AtomicBoolean closed = new AtomicBoolean();

  private SwapFile(SwapFileSpec spec, SwapFileName name) {
    this.spec = spec;
    this.name = name;
    this.fd = name.fd();
  }

  /// Makes the file, with disk space behind all of it.
  ///
  /// An anonymous file loses its name before this returns. A named one is removed at the close; one
  /// that a killed run left is taken over, any other file of that name is refused and not touched.
  ///
  /// @throws IOException if the file is refused or the disk has no room; nothing is left behind
  public static SwapFile create(SwapFileSpec spec) throws IOException {
    if (!Linux.available()) {
      throw new IOException("swap needs native calls, and there are none: " + Linux.obstacle());
    }
    SwapFileName name = SwapFileName.take(spec);
    try {
      name.writeHeader();
      Linux.truncate(name.fd(), spec.fileBytes());
      Linux.allocate(name.fd(), spec.fileBytes());
      return new SwapFile(spec, name);
    } catch (IOException e) {
      name.remove();
      Linux.close(name.fd());
      throw new FileSystemException(
          spec.place().toString(), null, "swap cannot be made: " + e.getMessage());
    }
  }

  /// What the file was made as.
  public SwapFileSpec spec() {
    return spec;
  }

  /// How many blocks the file has, the reserved ones included.
  public int blockCount() {
    return spec.blockCount();
  }

  @Override
  public void readRun(int block, long[] frameAddresses, int count) throws IOException {
    transferRun(Direction.READ, block, frameAddresses, count);
  }

  @Override
  public void writeRun(int block, long[] frameAddresses, int count) throws IOException {
    transferRun(Direction.WRITE, block, frameAddresses, count);
  }

  private void transferRun(Direction direction, int block, long[] frameAddresses, int count)
      throws IOException {
    checkRun(block, frameAddresses, count);
    begin();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment iovecs = iovecs(arena, frameAddresses, count);
      long offset = (long) block * spec.pageSize();
      long bytes = (long) count * spec.pageSize();
      for (long done = 0; done < bytes; ) {
        long moved = transferRest(direction, iovecs, count, offset, done);
        if (moved <= 0) {
          throw new IOException("the file ends at byte " + (offset + done));
        }
        done += moved;
      }
    } catch (IOException e) {
      throw transferFailed(direction, block, count, e);
    } finally {
      end();
    }
  }

  /// One request for what is left after `done` bytes; returns how many more it moved.
  private long transferRest(
      Direction direction, MemorySegment iovecs, int count, long offset, long done)
      throws IOException {
    int frame = (int) (done / spec.pageSize());
    long inFrame = done % spec.pageSize();
    int frames = Math.min(count - frame, Linux.MAX_IOVECS);
    MemorySegment rest = iovecs.asSlice((long) frame * IOVEC_BYTES);
    if (inFrame > 0) {
      skip(rest, inFrame);
    }
    long at = offset + done;
    return direction == Direction.READ
        ? Linux.preadv(fd, rest, frames, at)
        : Linux.pwritev(fd, rest, frames, at);
  }

  private MemorySegment iovecs(Arena arena, long[] frameAddresses, int count) {
    MemorySegment iovecs = arena.allocate((long) count * IOVEC_BYTES, Long.BYTES);
    for (int i = 0; i < count; i++) {
      long iovec = (long) i * IOVEC_BYTES;
      iovecs.set(ValueLayout.JAVA_LONG, iovec, frameAddresses[i]);
      iovecs.set(ValueLayout.JAVA_LONG, iovec + IOVEC_LENGTH, spec.pageSize());
    }
    return iovecs;
  }

  /// Cuts what is done off the first buffer, given how much of the whole frame that is.
  private void skip(MemorySegment iovec, long inFrame) {
    long left = iovec.get(ValueLayout.JAVA_LONG, IOVEC_LENGTH);
    long newlyDone = inFrame - (spec.pageSize() - left);
    long address = iovec.get(ValueLayout.JAVA_LONG, 0);
    iovec.set(ValueLayout.JAVA_LONG, 0, address + newlyDone);
    iovec.set(ValueLayout.JAVA_LONG, IOVEC_LENGTH, left - newlyDone);
  }

  /// Removes the file. A second call does nothing.
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      name.remove();
      end();
    }
  }

  private void begin() throws IOException {
    int now;
    do {
      now = users.get();
      if (now == 0 || closed.get()) {
        throw new FileSystemException(spec.place().toString(), null, "the swap file is closed");
      }
    } while (!users.compareAndSet(now, now + 1));
  }

  private void end() {
    if (users.decrementAndGet() == 0) {
      Linux.close(fd);
    }
  }

  private void checkRun(int block, long[] frameAddresses, int count) {
    boolean inFile = block >= SwapSpace.RESERVED && count > 0 && count <= spec.blockCount() - block;
    if (!inFile || count > frameAddresses.length) {
      throw new IllegalArgumentException(
          "%d blocks from %d, %d frames: outside of blocks %d..%d or of the frames"
              .formatted(
                  count, block, frameAddresses.length, SwapSpace.RESERVED, spec.blockCount() - 1));
    }
  }

  private IOException transferFailed(Direction direction, int block, int count, IOException cause) {
    return new IOException(
        "%s of swap blocks %d..%d of %s failed: %s"
            .formatted(direction.noun, block, block + count - 1, spec.place(), cause.getMessage()),
        cause);
  }

  private enum Direction {
    READ("read"),
    WRITE("write");

    final String noun;

    Direction(String noun) {
      this.noun = noun;
    }
  }
}
