package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.sync.Helper;

class DumpMapTest {
  private static final int FRAMES = 1000;
  private final OwnMemory memory = new OwnMemory();
  private final DumpMap dump = new DumpMap(memory, FRAMES);

  @AfterEach
  void close() {
    memory.close();
  }

  @Test
  void isCharged() {
    assertThat(memory.breakdown()).containsEntry("dump bitmap", 128L);
    assertThat(DumpMap.bytesFor(FRAMES)).isEqualTo(128);
    assertThat(DumpMap.bytesFor(0)).isZero();
    assertThat(DumpMap.bytesFor(513)).isEqualTo(128);
    assertThat(dump.frameCount()).isEqualTo(FRAMES);
  }

  @Test
  void hasWhatWasAddedAndNotDropped() {
    dump.add(0);
    dump.add(63);
    dump.add(64);
    dump.add(999);
    dump.add(999);
    dump.drop(63);
    dump.drop(63);
    assertThat(dump.pages()).containsExactly(0, 64, 999);
    assertThat(dump.has(64)).isTrue();
    assertThat(dump.has(63)).isFalse();
  }

  @Test
  void refusesFramesThatItIsNotFor() {
    assertThatThrownBy(() -> dump.add(FRAMES)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> dump.drop(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> dump.has(1023)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(dump.count()).isZero();
  }

  @Test
  void losesNoBitOfAWordThatTwoThreadsChange() {
    int rounds = 20_000;
    Helper<Boolean> other =
        Helper.run(() -> {
          for (int i = 0; i < rounds; i++) {
            dump.add(2 * (i % 32));
            dump.drop(2 * ((i + 1) % 32));
          }
          dump.add(62);
        });
    for (int i = 0; i < rounds; i++) {
      dump.add(2 * (i % 32) + 1);
      assertThat(dump.has(2 * (i % 32) + 1)).isTrue();
      dump.drop(2 * (i % 32) + 1);
      assertThat(dump.has(2 * (i % 32) + 1)).isFalse();
    }
    dump.add(1);
    assertThat(other.join()).isTrue();
    assertThat(dump.has(62)).isTrue();
    assertThat(dump.has(1)).isTrue();
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 3), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void isASet(long seed) {
    Random random = new Random(seed);
    BitSet model = new BitSet();
    for (int step = 0; step < 5000; step++) {
      int frame = random.nextInt(FRAMES);
      if (random.nextBoolean()) {
        dump.add(frame);
        model.set(frame);
      } else {
        dump.drop(frame);
        model.clear(frame);
      }
      assertThat(dump.has(frame)).isEqualTo(model.get(frame));
    }
    assertThat(dump.pages()).as("seed %d", seed).isEqualTo(model.stream().toArray());
    assertThat(dump.count()).isEqualTo(model.cardinality());
  }
}
