package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.mem.OwnMemory;

class RadixBitmapTest {
  private final OwnMemory memory = new OwnMemory();

  @AfterEach
  void release() {
    memory.close();
  }

  private RadixBitmap allFree(int blocks) {
    RadixBitmap bitmap = new RadixBitmap(blocks, memory);
    bitmap.free(0, blocks);
    return bitmap;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 64, 65, 2048, 2049, 70_000})
  void aNewBitmapHasNothingFree(int blocks) {
    RadixBitmap bitmap = new RadixBitmap(blocks, memory);

    assertThat(bitmap.blocks()).isEqualTo(blocks);
    assertThat(bitmap.freeBlocks()).isZero();
    assertThat(bitmap.allocate(1)).isEqualTo(RadixBitmap.NONE);
    assertThat(bitmap.nextFree(0)).isEqualTo(RadixBitmap.NONE);
    assertThat(bitmap.isFree(blocks - 1)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"64, 9", "65, 27", "2048, 297", "2049, 324", "65536, 9513", "65537, 9549"})
  void aNodeTakesNineBytesAndThereAreNoneTooMany(int blocks, long bytes) {
    assertThat(RadixBitmap.bytesFor(blocks)).isEqualTo(bytes);
    new RadixBitmap(blocks, memory);
    assertThat(memory.totalBytes()).isEqualTo((bytes + 63) / 64 * 64);
  }

  @Test
  void theLargestBitmapCanBeMadeFreedAndSearched() {
    RadixBitmap bitmap = new RadixBitmap(RadixBitmap.MAX_BLOCKS, memory);

    bitmap.free(RadixBitmap.MAX_BLOCKS - 64, 64);

    assertThat(bitmap.allocate(64)).isEqualTo(RadixBitmap.MAX_BLOCKS - 64);
    bitmap.free(0, RadixBitmap.MAX_BLOCKS);
    assertThat(bitmap.freeBlocks()).isEqualTo(RadixBitmap.MAX_BLOCKS);
    assertThat(bitmap.allocate(1, RadixBitmap.MAX_BLOCKS - 1))
        .isEqualTo(RadixBitmap.MAX_BLOCKS - 64);
  }

  @Nested
  class Allocation {
    @Test
    void takesTheLowestRunThatFits() {
      RadixBitmap bitmap = allFree(256);
      assertThat(bitmap.allocate(10)).isEqualTo(0);
      assertThat(bitmap.allocate(3)).isEqualTo(10);
      bitmap.free(2, 2);

      assertThat(bitmap.allocate(3)).isEqualTo(13);
      assertThat(bitmap.allocate(2)).isEqualTo(2);
    }

    @Test
    void neverCrossesALeaf() {
      RadixBitmap bitmap = new RadixBitmap(256, memory);
      bitmap.free(60, 10);

      assertThat(bitmap.allocate(7)).isEqualTo(RadixBitmap.NONE);
      assertThat(bitmap.allocate(5)).isEqualTo(64);
      assertThat(bitmap.allocate(4)).isEqualTo(60);
    }

    @Test
    void ofAWholeLeafWorks() {
      RadixBitmap bitmap = allFree(200);

      assertThat(bitmap.allocate(64)).isEqualTo(0);
      assertThat(bitmap.allocate(64)).isEqualTo(64);
      assertThat(bitmap.allocate(64)).isEqualTo(128);
      assertThat(bitmap.allocate(64)).as("only 8 are left").isEqualTo(RadixBitmap.NONE);
      assertThat(bitmap.allocate(8)).isEqualTo(192);
      assertThat(bitmap.freeBlocks()).isZero();
    }

    @Test
    void fromABlockLeavesOutTheLeavesBelow() {
      RadixBitmap bitmap = allFree(256);

      assertThat(bitmap.allocate(1, 100)).as("the leaf of 100 counts whole").isEqualTo(64);
      assertThat(bitmap.allocate(1, 128)).isEqualTo(128);
      assertThat(bitmap.allocate(1)).isEqualTo(0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 65})
    void ofAnImpossibleRunIsRefused(int count) {
      RadixBitmap bitmap = allFree(256);
      assertThatThrownBy(() -> bitmap.allocate(count))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("count=" + count);
    }
  }

  @Nested
  class Freeing {
    @Test
    void aFreeBlockThrowsAndChangesNothing() {
      RadixBitmap bitmap = new RadixBitmap(256, memory);
      bitmap.free(72, 1);

      assertThatThrownBy(() -> bitmap.free(70, 100))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "freeing swap blocks 70..169: block 72 is free already (leaf 64..127 has map"
                  + " 0x0000000000000100, 1 of 256 blocks are free)");

      assertThat(bitmap.freeBlocks()).isEqualTo(1);
      assertThat(bitmap.isFree(70)).isFalse();
    }

    @Test
    void isNoticedTwiceInAWholeTree() {
      RadixBitmap bitmap = allFree(2048);
      assertThatThrownBy(() -> bitmap.free(2047, 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("0xffffffffffffffff");
    }

    @Test
    void anEmptyRangeIsNothing() {
      RadixBitmap bitmap = allFree(256);
      bitmap.free(256, 0);
      bitmap.free(64, 0);
      assertThat(bitmap.freeBlocks()).isEqualTo(256);
    }

    @ParameterizedTest
    @CsvSource({"-1, 1", "256, 1", "255, 2", "0, 257", "0, -1", "1, 2147483647"})
    void outsideIsRefused(int firstBlock, int count) {
      RadixBitmap bitmap = new RadixBitmap(256, memory);
      assertThatThrownBy(() -> bitmap.free(firstBlock, count))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> bitmap.fill(firstBlock, count))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Nested
  class Filling {
    @Test
    void countsOnlyWhatWasFree() {
      RadixBitmap bitmap = allFree(256);
      bitmap.allocate(10);

      assertThat(bitmap.fill(0, 20)).isEqualTo(10);
      assertThat(bitmap.fill(0, 256)).isEqualTo(236);
      assertThat(bitmap.fill(0, 256)).isZero();
      assertThat(bitmap.fill(3, 0)).isZero();
      assertThat(bitmap.freeBlocks()).isZero();
    }

    @Test
    void leavesTheRestAllocatable() {
      RadixBitmap bitmap = allFree(5000);

      assertThat(bitmap.fill(10, 4900)).isEqualTo(4900);

      assertThat(bitmap.allocate(10)).isEqualTo(0);
      assertThat(bitmap.allocate(10)).isEqualTo(4910);
    }
  }

  @Nested
  class Resizing {
    @ParameterizedTest
    @ValueSource(ints = {1, 64, 100, 2048, 2049, 70_000})
    void keepsWhatIsFree(int newBlocks) {
      RadixBitmap bitmap = allFree(3000);
      bitmap.fill(10, 80);
      long before = memory.totalBytes();

      bitmap.resize(newBlocks, true);

      for (int block = 0; block < newBlocks; block++) {
        assertThat(bitmap.isFree(block)).as("block %d", block).isEqualTo(block < 10 || block > 89);
      }
      bitmap.resize(3000, false);
      assertThat(memory.totalBytes()).as("the old trees are given back").isEqualTo(before);
    }

    @Test
    void leavesNewBlocksAllocatedIfAskedTo() {
      RadixBitmap bitmap = allFree(100);
      bitmap.resize(1000, false);
      assertThat(bitmap.freeBlocks()).isEqualTo(100);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MAX_VALUE})
  void anImpossibleSizeIsRefused(int blocks) {
    assertThatThrownBy(() -> new RadixBitmap(blocks, memory))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("blocks=" + blocks);
  }
}
