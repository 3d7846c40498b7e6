package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;

class AlistTest {
  private final OwnMemory memory = new OwnMemory();

  @AfterEach
  void close() {
    memory.close();
  }

  private Alist free(int blocks) {
    Alist alist = new Alist(blocks, memory);
    alist.free(0, blocks);
    return alist;
  }

  @Nested
  class TheTree {
    @ParameterizedTest(name = "of {0} blocks: room for {1}, skip {2}, {3} records")
    @CsvSource({
      "65536, 131072, 4368, 2193",
      "1048576, 2097152, 69904, 34961",
      "1000, 8192, 272, 49",
      "33, 512, 16, 17",
      "32, 32, 0, 1"
    })
    void hasTheSizeOfTheReference(int blocks, long radix, int skip, long records) {
      Alist alist = new Alist(blocks, memory);
      assertThat(alist.radix()).isEqualTo(radix);
      assertThat(alist.skip()).isEqualTo(skip);
      assertThat(Alist.recordsFor(blocks)).isEqualTo(records);
      assertThat(memory.breakdown().get("alist")).isBetween(records * 8, records * 8 + 63);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, Alist.MAX_BLOCKS + 1})
    void isOfALimitedSize(int blocks) {
      assertThatThrownBy(() -> new Alist(blocks, memory))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("blocks=" + blocks);
    }

    @Test
    void ofTheMostBlocksWorks() {
      Alist alist = free(Alist.MAX_BLOCKS);
      assertThat(alist.allocate(0, Alist.MAX_BLOCKS)).isZero();
      alist.free(Alist.MAX_BLOCKS - 1, 1);
      assertThat(alist.allocate(7, 1)).isEqualTo(Alist.MAX_BLOCKS - 1);
      assertThat(alist.freeBlocks()).isZero();
    }
  }

  @Nested
  class ARun {
    @Test
    void isRoundedUpAndItsTailGivenBack() {
      Alist alist = free(65_536);
      assertThat(alist.allocate(0, 100)).isZero();
      assertThat(alist.freeBlocks()).isEqualTo(65_436);
      assertThat(alist.allocate(0, 3)).isEqualTo(100);
    }

    @Test
    void isNotThereAtFirst() {
      assertThat(new Alist(100, memory).allocate(0, 1)).isEqualTo(Alist.NONE);
    }

    @ParameterizedTest
    @ValueSource(ints = {32, 512, 8192})
    void mayBeAsLongAsTheTree(int blocks) {
      Alist alist = free(blocks);
      assertThat(alist.allocate(0, blocks)).isZero();
      assertThat(alist.allocate(0, 1)).isEqualTo(Alist.NONE);
      alist.free(0, blocks);
      assertThat(alist.allocate(0, blocks / 2)).isZero();
      assertThat(alist.allocate(0, blocks / 2)).isEqualTo(blocks / 2);
    }

    @Test
    void isFoundAfterASearchThatBeganInsideALeaf() {
      Alist alist = new Alist(128, memory);
      alist.free(64, 8);
      assertThat(alist.allocate(70, 4)).isEqualTo(Alist.NONE);
      assertThat(alist.allocate(0, 4)).as("the hint was not lowered").isEqualTo(64);
    }

    @Test
    void ofNothingIsRefused() {
      Alist alist = free(10);
      assertThatThrownBy(() -> alist.allocate(0, 0)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> alist.allocate(-1, 1)).isInstanceOf(IllegalArgumentException.class);
      assertThat(alist.allocate(10, 1)).isEqualTo(Alist.NONE);
    }
  }

  @Nested
  class Limits {
    private final Alist alist = free(4096);

    @Test
    void areKept() {
      assertThat(alist.allocate(new RunLimits(10, 4096, 1, 0), 4)).isEqualTo(12);
      assertThat(alist.allocate(new RunLimits(0, 4096, 256, 0), 1)).isEqualTo(256);
      assertThat(alist.freeBlocks()).isEqualTo(4096 - 5);
      assertThat(alist.allocate(new RunLimits(0, 4096, 1, 4), 5)).isEqualTo(Alist.NONE);
      assertThat(alist.allocate(new RunLimits(0, 4096, 1, 4), 4)).isZero();
      assertThat(alist.allocate(new RunLimits(1000, 1010, 1, 0), 16)).isEqualTo(Alist.NONE);
      assertThat(alist.freeBlocks()).as("what lay too high is free again").isEqualTo(4096 - 9);
    }

    @Test
    void thatMakeNoSenseAreRefused() {
      assertThatThrownBy(() -> new RunLimits(-1, 5, 1, 0)).hasMessage("low=-1 is negative");
      assertThatThrownBy(() -> new RunLimits(6, 5, 1, 0)).hasMessage("high=5 is below low=6");
      assertThatThrownBy(() -> new RunLimits(0, 5, 3, 0)).hasMessageContaining("alignment=3");
      assertThatThrownBy(() -> new RunLimits(0, 5, 0, 0)).hasMessageContaining("alignment=0");
      assertThatThrownBy(() -> new RunLimits(0, 5, 1, 12)).hasMessageContaining("boundary=12");
      assertThatThrownBy(() -> new RunLimits(0, 5, 1, -8)).hasMessageContaining("boundary=-8");
    }

    @ParameterizedTest(name = "{4} pages from {0} below {1}, aligned to {2} within {3}: {5}")
    @CsvSource({
      "0, 100, 1, 0, 5, 0",
      "3, 100, 4, 0, 5, 4",
      "6, 100, 1, 8, 3, 8",
      "5, 100, 1, 8, 3, 5",
      "20, 100, 1, 8, 4, 20",
      "30, 100, 1, 8, 4, 32",
      "6, 100, 16, 8, 3, 16",
      "0, 100, 1, 8, 9, -1",
      "96, 100, 1, 0, 5, -1",
      "95, 100, 1, 0, 5, 95",
      "97, 100, 64, 0, 1, -1"
    })
    void sayWhereARunMayStart(int from, int high, int alignment, int boundary, int count, int at) {
      assertThat(new RunLimits(0, high, alignment, boundary).next(from, count)).isEqualTo(at);
    }

    @Test
    void startAtTheLowEnd() {
      assertThat(new RunLimits(7, 100, 2, 0).next(0, 1)).isEqualTo(8);
      assertThat(RunLimits.ANYWHERE.next(Integer.MAX_VALUE, 1)).isEqualTo(RunLimits.NONE);
    }
  }

  @Nested
  class Freeing {
    @Test
    void aFreeBlockPanicsAndChangesNothing() {
      Alist alist = free(1000);
      assertThat(alist.allocate(0, 512)).isZero();
      assertThatThrownBy(() -> alist.free(500, 20))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("freeing blocks 500 to 519: block 512 is free already");
      assertThat(alist.isFree(511)).isFalse();
      assertThat(alist.freeBlocks()).isEqualTo(488);
    }

    @ParameterizedTest
    @CsvSource({"-1, 1", "0, 0", "0, -1", "90, 11", "100, 1"})
    void whatIsNotThereIsRefused(int first, int count) {
      Alist alist = new Alist(100, memory);
      assertThatThrownBy(() -> alist.free(first, count))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("not within 100");
    }
  }

  @Nested
  class TheLastFreeRun {
    private static int first(long run) {
      return (int) (run >>> 32);
    }

    private static int length(long run) {
      return (int) run;
    }

    @Test
    void isTheHighestChildThatHasAny() {
      Alist alist = free(1024);
      assertThat(first(alist.lastFree())).isEqualTo(512);
      assertThat(length(alist.lastFree())).isEqualTo(512);
      assertThat(alist.allocate(1023, 1)).isEqualTo(1023);
      assertThat(first(alist.lastFree())).as("in a leaf, one block").isEqualTo(1022);
      assertThat(length(alist.lastFree())).isEqualTo(1);
      assertThat(alist.allocate(512, 256)).isEqualTo(512);
      assertThat(alist.allocate(992, 16)).isEqualTo(992);
    }

    @Test
    void isNothingWhereNothingIsFree() {
      assertThat(new Alist(1024, memory).lastFree()).isZero();
      assertThat(new Alist(20, memory).lastFree()).isZero();
    }

    @Test
    void isOneBlockInATreeThatIsALeaf() {
      Alist alist = free(20);
      assertThat(first(alist.lastFree())).isEqualTo(19);
      assertThat(length(alist.lastFree())).isEqualTo(1);
    }
  }
}
