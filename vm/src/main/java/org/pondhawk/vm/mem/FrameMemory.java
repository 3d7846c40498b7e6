package org.pondhawk.vm.mem;

import java.util.Objects;

/// The arena of frames: the physical memory of a machine, one stretch cut into pages.
///
/// Frames are known by number; the address of one is a shift and an addition away. The stretch is
/// reserved at once and gets memory where it is touched, so a large machine boots quickly.
///
/// **Contract.** Thread-safe, in that it holds no state but open or closed; who may write to a
/// frame is decided elsewhere. Each frame is aligned to its size. [#address(int)] does not check
/// its argument, the methods that touch memory do. After [#close()] no frame may be touched.
public final class FrameMemory implements AutoCloseable {
  /// The smallest page: a shift of 12.
  public static final int MIN_PAGE_SIZE = 1 << 12;

  /// The largest page: a shift of 16.
  public static final int MAX_PAGE_SIZE = 1 << 16;

  /// What a poisoned frame is full of.
  public static final byte POISON = (byte) 0xDE;

  private static final long HUGE_PAGE = 2L << 20;

  private final Reservation memory;

  /// As many zeros as a frame has: never written, so that it takes no memory but the kernel's.
  private final Reservation zeros;

  private final long base;
  private final int frameCount;
  private final int pageShift;

  private FrameMemory(Reservation memory, Reservation zeros, int frameCount, int pageShift) {
    this.memory = memory;
    this.zeros = zeros;
    this.base = memory.address();
    this.frameCount = frameCount;
    this.pageShift = pageShift;
  }

  /// Reserves the frames, from the kernel where native access works, else from the slower stand-in.
  ///
  /// @throws IllegalStateException if the address space is not to be had
  public static FrameMemory reserve(int frameCount, int pageSize) {
    int pageShift = checkedShift(frameCount, pageSize);
    long bytes = (long) frameCount << pageShift;
    Reservation memory = Reservation.of(bytes, alignment(bytes, pageSize));
    try {
      return new FrameMemory(memory, Reservation.of(pageSize, pageSize), frameCount, pageShift);
    } catch (IllegalStateException e) {
      memory.close();
      throw e;
    }
  }

  /// The same from the stand-in, wherever the platform could do better.
  static FrameMemory reserveStandIn(int frameCount, int pageSize) {
    int pageShift = checkedShift(frameCount, pageSize);
    long bytes = (long) frameCount << pageShift;
    return new FrameMemory(
        Reservation.fromStandIn(bytes, pageSize),
        Reservation.fromStandIn(pageSize, pageSize),
        frameCount,
        pageShift);
  }

  /// Aligned so that a huge page of the kernel can lie under the first frame.
  private static long alignment(long bytes, int pageSize) {
    return bytes >= HUGE_PAGE ? HUGE_PAGE : pageSize;
  }

  private static int checkedShift(int frameCount, int pageSize) {
    if (frameCount <= 0) {
      throw new IllegalArgumentException("frameCount=" + frameCount + " is not positive");
    }
    if (pageSize < MIN_PAGE_SIZE || pageSize > MAX_PAGE_SIZE || Integer.bitCount(pageSize) != 1) {
      throw new IllegalArgumentException(
          "pageSize=%d is not a power of two from %d to %d"
              .formatted(pageSize, MIN_PAGE_SIZE, MAX_PAGE_SIZE));
    }
    return Integer.numberOfTrailingZeros(pageSize);
  }

  /// Keeps the kernel from giving memory to frames that are never used, as parts of huge pages
  /// under frames that are.
  ///
  /// @param firstFrame the first of them
  /// @param count how many, at least 1
  public void leaveOut(int firstFrame, int count) {
    if (!isNative()) {
      return;
    }
    long start = checkedAddress(firstFrame) & -HUGE_PAGE;
    long end = checkedAddress(firstFrame + count - 1) + pageSize();
    long last = Math.min((end + HUGE_PAGE - 1) & -HUGE_PAGE, address(frameCount - 1) + pageSize());
    Linux.noHugePages(Math.max(start, base), last - Math.max(start, base));
  }

  /// Whether the frames come from the kernel, so that memory can really be given back.
  public boolean isNative() {
    return memory.isFromKernel();
  }

  /// How many frames there are; they are numbered from 0.
  public int frameCount() {
    return frameCount;
  }

  /// The size of a frame in bytes.
  public int pageSize() {
    return 1 << pageShift;
  }

  /// The logarithm of the size of a frame.
  public int pageShift() {
    return pageShift;
  }

  /// What the address of the first frame is a multiple of: the size of the kernel's huge pages
  /// where the frames fill one, else of a frame.
  ///
  /// @return a power of two, in bytes
  public long alignment() {
    return alignment((long) frameCount << pageShift, pageSize());
  }

  /// The address of a frame; unchecked, but by an assertion.
  public long address(int frame) {
    assert frame >= 0 && frame < frameCount : noSuchFrame(frame);
    return base + ((long) frame << pageShift);
  }

  /// Whether an address lies in one of the frames.
  public boolean contains(long address) {
    return address >= base && address - base < (long) frameCount << pageShift;
  }

  /// The frame that an address lies in.
  public int frameOf(long address) {
    if (!contains(address)) {
      throw new IllegalArgumentException(
          "0x%x lies in none of the %d frames from 0x%x".formatted(address, frameCount, base));
    }
    return (int) ((address - base) >>> pageShift);
  }

  /// Zeroes a frame: by copying zeros, because the JDK copies with wide stores and fills with
  /// narrow ones.
  public void zero(int frame) {
    RawMemory.copy(zeros.address(), checkedAddress(frame), pageSize());
  }

  /// Fills a frame with [#POISON], so that a use after free shows.
  public void poison(int frame) {
    RawMemory.fill(checkedAddress(frame), pageSize(), POISON);
  }

  /// Gives the memory of a frame back to the kernel; it reads as zeros and takes memory again when
  /// touched. Where that is not possible the frame is only zeroed.
  public void giveBack(int frame) {
    long address = checkedAddress(frame);
    if (isNative() && pageSize() % Linux.pageSize() == 0) {
      Linux.dontNeed(address, pageSize());
    } else {
      RawMemory.fill(address, pageSize(), (byte) 0);
    }
  }

  /// Lets frames take their memory from a memory node of the computer; those that share a page of
  /// the kernel with others are left out.
  ///
  /// @param range frames that nobody has touched yet
  /// @param strictly as for [Linux#bindToNode]
  /// @return whether they do: false for a node that exists in a simulation only, and where the
  ///   kernel can't be asked
  /// @throws IllegalStateException if the kernel refuses, with its reason
  public boolean bind(FrameRange range, boolean strictly) {
    int node = range.node().id();
    if (node == MemoryNode.NOT_BOUND || !isNative()) {
      return false;
    }
    long unit = Linux.pageSize();
    long from = (checkedAddress(range.first()) + unit - 1) & -unit;
    long end = (checkedAddress(range.end() - 1) + pageSize()) & -unit;
    return from < end && Linux.bindToNode(from, end - from, node, strictly);
  }

  /// Gives everything back. A second call does nothing.
  @Override
  public void close() {
    memory.close();
    zeros.close();
  }

  private long checkedAddress(int frame) {
    return base + ((long) Objects.checkIndex(frame, frameCount) << pageShift);
  }

  private String noSuchFrame(int frame) {
    return "frame " + frame + " of " + frameCount;
  }
}
