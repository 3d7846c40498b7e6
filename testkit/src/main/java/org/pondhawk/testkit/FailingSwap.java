package org.pondhawk.testkit;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiPredicate;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.swap.SwapIo;

/// A swap file whose transfers fail when a test says so. A read of several blocks that fails has
/// read some of them.
public final class FailingSwap implements Seams {
  private final BiPredicate<Direction, Long> fails;
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong writes = new AtomicLong();

  /// Which way a transfer goes.
  public enum Direction {
    /// From swap.
    READ,
    /// To swap.
    WRITE
  }

  /// A swap file with rules.
  ///
  /// @param fails whether a transfer fails, given its direction and its number in that direction,
  ///   from 1
  public FailingSwap(BiPredicate<Direction, Long> fails) {
    this.fails = fails;
  }

  /// The number of reads so far, failed ones included.
  public long reads() {
    return reads.get();
  }

  /// The number of writes so far, failed ones included.
  public long writes() {
    return writes.get();
  }

  @Override
  public SwapIo swapIo(SwapIo sound) {
    return new SwapIo() {
      @Override
      public void readRun(int block, long[] frameAddresses, int count) throws IOException {
        long number = reads.incrementAndGet();
        if (fails.test(Direction.READ, number) && count > 1) {
          sound.readRun(block, frameAddresses, count / 2); // cut short
        }
        failIf(Direction.READ, number);
        sound.readRun(block, frameAddresses, count);
      }

      @Override
      public void writeRun(int block, long[] frameAddresses, int count) throws IOException {
        failIf(Direction.WRITE, writes.incrementAndGet());
        sound.writeRun(block, frameAddresses, count);
      }
    };
  }

  private void failIf(Direction direction, long number) throws IOException {
    if (fails.test(direction, number)) {
      throw new IOException("injected: " + direction + " number " + number);
    }
  }
}
