package org.pondhawk.vm.page;

import java.util.Arrays;
import java.util.Objects;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;

/// Which frames hold, or stand for, the machine's own state, so that a dump that wants to show the
/// machine and not its users' data knows what to take: a bit for each frame (`vm_page_dump`).
///
/// **Contract.** Bits are set where a frame is put to such a use and cleared where it is given
/// back. Setting a bit that is set, or clearing one that is clear, changes nothing. Nothing waits.
///
/// **Memory effects.** Each bit changes atomically. A reader beside running threads sees each bit
/// as it was at some moment of the call.
public final class DumpMap {
  private static final long LINE = 64;

  private final int frameCount;
  private final long base;

  /// Makes a map without a bit set.
  ///
  /// @param memory where it is charged
  /// @param frameCount how many frames it is for, from 1: those of holes and overhead included
  public DumpMap(OwnMemory memory, int frameCount) {
    this.frameCount = frameCount;
    this.base = memory.allocate(bytesFor(frameCount), "dump bitmap");
  }

  /// The memory that a map takes.
  ///
  /// @param frameCount how many frames it is for
  /// @return bytes
  public static long bytesFor(int frameCount) {
    return ((long) words(frameCount) * Long.BYTES + LINE - 1) & -LINE;
  }

  private static int words(int frameCount) {
    return (frameCount + Long.SIZE - 1) / Long.SIZE;
  }

  /// How many frames the map is for.
  ///
  /// @return the count; their numbers are below it
  public int frameCount() {
    return frameCount;
  }

  private long word(int frame) {
    return base + (long) (Objects.checkIndex(frame, frameCount) / Long.SIZE) * Long.BYTES;
  }

  /// Notes that a frame belongs into a dump (`dump_add_page`).
  ///
  /// @param frame the number of a frame, counted like pages
  public void add(int frame) {
    RawMemory.getAndBitwiseOrLong(word(frame), 1L << frame);
  }

  /// Notes that a frame belongs into a dump no more (`dump_drop_page`).
  ///
  /// @param frame the number of a frame, counted like pages
  public void drop(int frame) {
    RawMemory.getAndBitwiseAndLong(word(frame), ~(1L << frame));
  }

  /// Whether a frame belongs into a dump.
  ///
  /// @param frame the number of a frame, counted like pages
  /// @return true between [#add] and [#drop]
  public boolean has(int frame) {
    return (RawMemory.getLongAcquire(word(frame)) & (1L << frame)) != 0;
  }

  /// The frames that belong into a dump.
  ///
  /// @return their numbers, ascending
  public int[] pages() {
    int[] found = new int[count()];
    int n = 0;
    for (int w = 0; w < words(frameCount); w++) {
      long bits = RawMemory.getLongAcquire(base + (long) w * Long.BYTES);
      for (; bits != 0 && n < found.length; bits &= bits - 1) {
        found[n++] = w * Long.SIZE + Long.numberOfTrailingZeros(bits);
      }
    }
    return n == found.length ? found : Arrays.copyOf(found, n);
  }

  /// How many frames belong into a dump.
  ///
  /// @return the count
  public int count() {
    int sum = 0;
    for (int w = 0; w < words(frameCount); w++) {
      sum += Long.bitCount(RawMemory.getLongAcquire(base + (long) w * Long.BYTES));
    }
    return sum;
  }
}
