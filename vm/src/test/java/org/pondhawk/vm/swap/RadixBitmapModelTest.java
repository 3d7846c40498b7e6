package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.mem.OwnMemory;

/// The bitmap against a plain set of the free blocks, under random operations.
///
/// The oracle of an allocation is a scan: the lowest start of a free run within one leaf, of those
/// leaves that end above `from`. A failure prints the seed and the history as Java statements.
class RadixBitmapModelTest {
  private static final int STEPS = 3000;
  private static final int[] SIZES = {1, 63, 64, 65, 100, 640, 2048, 2049, 4200, 65_536, 66_000};
  private static final int HISTORY_SHOWN = 200;

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 30), LongStream.of(System.nanoTime()));
  }

  private enum Op {
    ALLOCATE(50),
    ALLOCATE_FROM(10),
    FREE(35),
    FREE_LARGE(3),
    FILL(6),
    FILL_LARGE(1),
    RESIZE(1);

    final int weight;

    Op(int weight) {
      this.weight = weight;
    }

    static Op pick(Random random) {
      int at = random.nextInt(106);
      for (Op op : values()) {
        at -= op.weight;
        if (at < 0) {
          return op;
        }
      }
      throw new AssertionError("the weights do not add up");
    }
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

  private static final class Run {
    private final long seed;
    private final Random random;
    private final List<String> history = new ArrayList<>();
    private final BitSet free = new BitSet();
    private final RadixBitmap bitmap;
    private int blocks;

    Run(long seed, OwnMemory memory) {
      this.seed = seed;
      random = new Random(seed);
      blocks = SIZES[random.nextInt(SIZES.length)];
      bitmap = new RadixBitmap(blocks, memory);
      history.add("var bitmap = new RadixBitmap(%d, memory);".formatted(blocks));
      if (random.nextBoolean()) {
        free(0, blocks);
      }
    }

    void step() {
      switch (Op.pick(random)) {
        case ALLOCATE -> allocate(runLength(), 0);
        case ALLOCATE_FROM -> allocate(runLength(), random.nextInt(blocks));
        case FREE -> freeFrom(random.nextInt(blocks), 1 + random.nextInt(90));
        case FREE_LARGE -> freeFrom(random.nextInt(blocks), blocks);
        case FILL -> fill(random.nextInt(blocks), random.nextInt(100));
        case FILL_LARGE -> fill(random.nextInt(blocks), blocks);
        case RESIZE -> resize(SIZES[random.nextInt(SIZES.length)], random.nextBoolean());
      }
      assertThat(bitmap.freeBlocks()).as(this::toString).isEqualTo(free.cardinality());
      int block = random.nextInt(blocks);
      assertThat(bitmap.isFree(block)).as(this::toString).isEqualTo(free.get(block));
      assertThat(bitmap.nextFree(block)).as(this::toString).isEqualTo(free.nextSetBit(block));
    }

    void compareAll() {
      for (int block = 0; block < blocks; block++) {
        if (bitmap.isFree(block) != free.get(block)) {
          assertThat(bitmap.isFree(block))
              .as("block %d, %s", block, this)
              .isEqualTo(free.get(block));
        }
      }
    }

    private int runLength() {
      return random.nextInt(4) == 0 ? 1 + random.nextInt(64) : 1 + random.nextInt(16);
    }

    private void allocate(int count, int from) {
      history.add("bitmap.allocate(%d, %d);".formatted(count, from));
      int expected = lowestFit(count, from);

      int block = from == 0 ? bitmap.allocate(count) : bitmap.allocate(count, from);

      assertThat(block).as(this::toString).isEqualTo(expected);
      if (block != RadixBitmap.NONE) {
        free.clear(block, block + count);
      }
    }

    private int lowestFit(int count, int from) {
      int leafOfFrom = from & -RadixBitmap.MAX_RUN;
      int start = free.nextSetBit(leafOfFrom);
      while (start >= 0) {
        int end = free.nextClearBit(start);
        int leafEnd = (start & -RadixBitmap.MAX_RUN) + RadixBitmap.MAX_RUN;
        if (start + count <= Math.min(end, leafEnd)) {
          return start;
        }
        start = free.nextSetBit(Math.min(end, leafEnd));
      }
      return RadixBitmap.NONE;
    }

    /// Frees the allocated blocks from there on, at most so many.
    private void freeFrom(int start, int atMost) {
      int first = free.nextClearBit(start);
      if (first < blocks) {
        int nextFree = free.nextSetBit(first);
        int end = nextFree < 0 ? blocks : nextFree;
        free(first, Math.min(atMost, end - first));
      }
    }

    private void free(int first, int count) {
      history.add("bitmap.free(%d, %d);".formatted(first, count));
      bitmap.free(first, count);
      free.set(first, first + count);
    }

    private void fill(int first, int wanted) {
      int count = Math.min(wanted, blocks - first);
      history.add("bitmap.fill(%d, %d);".formatted(first, count));
      int expected = free.get(first, first + count).cardinality();
      assertThat(bitmap.fill(first, count)).as(this::toString).isEqualTo(expected);
      free.clear(first, first + count);
    }

    private void resize(int newBlocks, boolean freeNew) {
      history.add("bitmap.resize(%d, %b);".formatted(newBlocks, freeNew));
      bitmap.resize(newBlocks, freeNew);
      if (newBlocks < blocks) {
        free.clear(newBlocks, blocks);
      } else {
        free.set(blocks, newBlocks, freeNew);
      }
      blocks = newBlocks;
    }

    @Override
    public String toString() {
      int skipped = Math.max(0, history.size() - HISTORY_SHOWN);
      String shown = String.join("\n", history.subList(skipped, history.size()));
      return "seed %d, after %d statements not shown:\n%s\n".formatted(seed, skipped, shown);
    }
  }
}
