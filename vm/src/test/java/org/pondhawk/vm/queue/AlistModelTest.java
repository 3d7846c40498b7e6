package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.mem.OwnMemory;

/// The account of blocks against a plain set of the free ones, under random operations.
///
/// The oracle of an allocation is a scan: the lowest aligned stretch whose blocks are all free. A
/// failure prints the seed and the last operations as Java statements.
class AlistModelTest {
  private static final int STEPS = 10_000;
  private static final int HISTORY_SHOWN = 300;
  private static final int[] SIZES = {1, 31, 32, 33, 100, 512, 513, 2048, 8191, 8192, 20_000};

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 40), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesAsAPlainSetOfFreeBlocks(long seed) {
    try (OwnMemory memory = new OwnMemory()) {
      Run run = new Run(seed, memory);
      for (int step = 0; step < STEPS; step++) {
        run.step();
      }
      run.compareAll();
    }
  }

  /// The canary: a block taken behind the model's back is found.
  @Test
  void noticesABlockThatTheModelDoesNotKnowOf() {
    try (OwnMemory memory = new OwnMemory()) {
      Run run = new Run(1, memory);
      run.freeFrom(0, run.blocks);
      assertThat(run.alist.allocate(0, 1)).isZero();
      assertThatThrownBy(run::compareAll)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("seed 1")
          .hasMessageContaining("alist.free(0, ");
    }
  }

  private static final class Run {
    private final long seed;
    private final Random random;
    private final ArrayDeque<String> history = new ArrayDeque<>();
    private final BitSet free = new BitSet();
    private final int blocks;
    private final Alist alist;

    Run(long seed, OwnMemory memory) {
      this.seed = seed;
      random = new Random(seed);
      blocks = SIZES[Math.floorMod(seed, SIZES.length)];
      alist = new Alist(blocks, memory);
      note("var alist = new Alist(%d, memory);".formatted(blocks));
      if (random.nextBoolean()) {
        free(0, blocks);
      }
    }

    void step() {
      int dice = random.nextInt(100);
      if (dice < 25) {
        allocate(RunLimits.ANYWHERE, length());
      } else if (dice < 50) {
        allocate(limits(), length());
      } else if (dice < 53) {
        freeFrom(random.nextInt(blocks), blocks);
      } else {
        freeFrom(random.nextInt(blocks), 1 + random.nextInt(70));
      }
      assertThat(alist.freeBlocks()).as(this::toString).isEqualTo(free.cardinality());
      int block = random.nextInt(blocks);
      assertThat(alist.isFree(block)).as(this::toString).isEqualTo(free.get(block));
      assertThat(alist.nextFree(block)).as(this::toString).isEqualTo(free.nextSetBit(block));
      checkLast();
    }

    void compareAll() {
      for (int block = 0; block < blocks; block++) {
        int b = block;
        assertThat(alist.isFree(block))
            .as(() -> "block " + b + ", " + this)
            .isEqualTo(free.get(block));
      }
    }

    private void checkLast() {
      int first = (int) (alist.lastFree() >>> 32);
      int count = (int) alist.lastFree();
      if (free.isEmpty()) {
        assertThat(count).as(this::toString).isZero();
      } else {
        assertThat(first + count).as(this::toString).isEqualTo(free.length());
        assertThat(free.nextClearBit(first))
            .as(this::toString)
            .isGreaterThanOrEqualTo(free.length());
      }
    }

    private int length() {
      return switch (random.nextInt(5)) {
        case 0 -> 1 + random.nextInt(blocks);
        case 1 -> 1 << random.nextInt(12);
        default -> 1 + random.nextInt(20);
      };
    }

    private RunLimits limits() {
      int low = random.nextInt(blocks);
      int high = random.nextBoolean() ? Integer.MAX_VALUE : low + random.nextInt(blocks);
      int alignment = 1 << random.nextInt(10);
      int boundary = random.nextBoolean() ? 0 : 1 << random.nextInt(12);
      return new RunLimits(low, high, alignment, boundary);
    }

    private void allocate(RunLimits limits, int count) {
      note(
          "alist.allocate(new RunLimits(%d, %d, %d, %d), %d);"
              .formatted(
                  limits.low(), limits.high(), limits.alignment(), limits.boundary(), count));
      int expected = lowestFit(limits, count);

      int block = alist.allocate(limits, count);

      assertThat(block).as(this::toString).isEqualTo(expected);
      if (block != Alist.NONE) {
        free.clear(block, block + count);
      }
    }

    private int lowestFit(RunLimits limits, int count) {
      int step = 1;
      while (step < count || step < limits.alignment()) {
        step *= 2;
      }
      if (limits.boundary() != 0 && count > limits.boundary()) {
        return Alist.NONE;
      }
      for (int at = (limits.low() + step - 1) / step * step; at + step <= blocks; at += step) {
        int clear = free.nextClearBit(at);
        if (clear >= at + step) {
          return at + count <= limits.high() ? at : Alist.NONE;
        }
      }
      return Alist.NONE;
    }

    /// Frees the allocated blocks from there on, at most so many.
    private void freeFrom(int start, int atMost) {
      int first = free.nextClearBit(start);
      if (first < blocks) {
        int nextFree = free.nextSetBit(first);
        int end = nextFree < 0 ? blocks : nextFree;
        free(first, Math.min(end - first, atMost));
      }
    }

    private void free(int first, int count) {
      note("alist.free(%d, %d);".formatted(first, count));
      alist.free(first, count);
      free.set(first, first + count);
    }

    private void note(String statement) {
      history.add(statement);
      if (history.size() > HISTORY_SHOWN) {
        history.remove();
      }
    }

    @Override
    public String toString() {
      return "seed " + seed + ", the last of what was done:\n" + String.join("\n", history);
    }
  }
}
