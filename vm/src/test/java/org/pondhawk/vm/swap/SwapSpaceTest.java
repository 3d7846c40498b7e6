package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.mem.OwnMemory;

/// 1,600 usable blocks: almost full below 64 free ones, and until more than 96 are free again.
class SwapSpaceTest {
  private static final int TOTAL = 1600;
  private static final int LOW = 64;
  private static final int HIGH = 96;

  private final OwnMemory memory = new OwnMemory();
  private final SwapSpace space = new SwapSpace(SwapSpace.RESERVED + TOTAL, memory);

  @AfterEach
  void release() {
    memory.close();
  }

  /// Takes single blocks, the lowest first, until so many are used.
  private void use(int blocks) {
    while (space.used() < blocks) {
      assertThat(space.allocate(1)).isEqualTo(SwapSpace.RESERVED + space.used() - 1);
    }
  }

  /// Frees the highest blocks in use until so many are free.
  private void freeUntil(int free) {
    while (TOTAL - space.used() < free) {
      space.free(SwapSpace.RESERVED + space.used() - 1, 1);
    }
  }

  @Test
  void theReservedBlocksAreNeverHandedOut() {
    assertThat(space.total()).isEqualTo(TOTAL);
    assertThat(space.allocate(64)).isEqualTo(SwapSpace.RESERVED);
    assertThat(space.isFree(0)).isFalse();
    assertThatThrownBy(() -> space.free(SwapSpace.RESERVED - 1, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void countsWhatIsUsedAndThePeak() {
    int block = space.allocate(10);
    space.allocate(5);
    space.free(block, 10);

    assertThat(space.used()).isEqualTo(5);
    assertThat(space.peakUsed()).isEqualTo(15);
    assertThat(space.isFree(block)).isTrue();
  }

  @Test
  void isAlmostFullOnlyBelowTheLowMark() {
    use(TOTAL - LOW);
    assertThat(space.isAlmostFull()).isFalse();

    use(TOTAL - LOW + 1);
    assertThat(space.isAlmostFull()).isTrue();
    assertThat(space.isFull()).isFalse();
  }

  @Test
  void staysAlmostFullUntilTheHighMarkIsPassed() {
    use(TOTAL - LOW + 1);

    freeUntil(HIGH);
    assertThat(space.isAlmostFull()).isTrue();

    freeUntil(HIGH + 1);
    assertThat(space.isAlmostFull()).isFalse();
  }

  @Test
  void isFullOnceARunIsRefusedAndUntilTheLowMarkIsReached() {
    use(TOTAL);
    assertThat(space.isFull()).as("nothing was refused yet").isFalse();

    assertThat(space.allocate(1)).isEqualTo(RadixBitmap.NONE);
    assertThat(space.isFull()).isTrue();
    assertThat(space.isAlmostFull()).isTrue();
    assertThat(space.refusals()).isEqualTo(1);

    freeUntil(LOW - 1);
    assertThat(space.isFull()).isTrue();
    freeUntil(LOW);
    assertThat(space.isFull()).isFalse();
    assertThat(space.isAlmostFull()).isTrue();
  }

  @Test
  void aRefusedRunLeavesShorterOnesPossible() {
    use(TOTAL);
    IntStream.range(0, 25).forEach(i -> space.free(SwapSpace.RESERVED + i * 64, 8));

    assertThat(space.allocate(16)).isEqualTo(RadixBitmap.NONE);
    assertThat(space.isFull()).isTrue();

    assertThat(space.allocate(8)).isEqualTo(SwapSpace.RESERVED);
    assertThat(space.isFull()).as("the success sees enough free blocks").isFalse();
  }

  @Test
  void aBlockFreedTwiceChangesNothing() {
    int block = space.allocate(2);
    space.free(block, 1);

    assertThatThrownBy(() -> space.free(block, 2)).isInstanceOf(IllegalStateException.class);

    assertThat(space.used()).isEqualTo(1);
  }

  @Test
  void noBlockGoesToTwoThreads() {
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      var taken =
          IntStream.range(0, 4)
              .mapToObj(_ -> CompletableFuture.supplyAsync(this::takeAndReturn, threads))
              .toList();
      BitSet all = new BitSet();
      int sum = 0;
      for (var future : taken) {
        BitSet blocks = future.join();
        sum += blocks.cardinality();
        all.or(blocks);
      }
      assertThat(all.cardinality()).isEqualTo(sum).isEqualTo(space.used());
    }
  }

  private BitSet takeAndReturn() {
    BitSet kept = new BitSet();
    for (int i = 0; i < 150; i++) {
      int block = space.allocate(2);
      space.free(block, 1);
      kept.set(block + 1);
    }
    return kept;
  }

  @Test
  void aDeviceWithoutRoomForDataIsRefused() {
    assertThatThrownBy(() -> new SwapSpace(SwapSpace.RESERVED, memory))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("deviceBlocks=64");
  }
}
