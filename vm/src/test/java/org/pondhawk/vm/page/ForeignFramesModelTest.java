package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.sync.Helper;

/// Eight fictitious pages behind four frames and two markers.
class ForeignFramesModelTest {
  private static final int FIRST = 6;
  private static final int COUNT = 8;
  private static final long FAR = 1L << 46;

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(4, 4096);
  private final PageArray pages = new PageArray(memory, frames, 2, COUNT, Runnable::run);
  private final ForeignFrames foreign = pages.foreign();

  @AfterEach
  void close() {
    frames.close();
    memory.close();
  }

  @Test
  void numbersAreAboveTheMarkers() {
    assertThat(pages.count()).isEqualTo(14);
    assertThat(pages.isMarker(4)).isTrue();
    assertThat(pages.isMarker(5)).isTrue();
    assertThat(pages.isMarker(6)).isFalse();
    assertThat(foreign.count()).isEqualTo(COUNT);
    assertThat(foreign.page(0)).isEqualTo(FIRST);
    assertThat(foreign.has(5)).isFalse();
    assertThat(foreign.has(6)).isTrue();
    assertThat(foreign.has(13)).isTrue();
    assertThat(foreign.has(14)).isFalse();
    assertThat(pages.flags(6)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    assertThat(pages.wireCount(6)).isZero();
    assertThatThrownBy(() -> foreign.page(8)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void areCharged() {
    assertThat(memory.totalBytes())
        .isEqualTo(PageArray.bytesFor(4, 2) + ForeignFrames.bytesFor(COUNT));
    assertThat(ForeignFrames.bytesFor(0)).isZero();
    assertThat(ForeignFrames.bytesFor(64)).isEqualTo(64 * 64 + 256 * 4);
  }

  @Test
  void framesAndMarkersStandForNothingElse() {
    for (int page : new int[] {0, 5, 14}) {
      assertThatThrownBy(() -> foreign.stand(page, FAR))
          .isInstanceOf(VmPanic.class)
          .hasMessage("page " + page + " is not fictitious");
    }
  }

  @Test
  void withoutAnyNothingIsFound() {
    try (OwnMemory other = new OwnMemory()) {
      PageArray none = new PageArray(other, frames, 2);
      assertThat(none.foreign().count()).isZero();
      assertThat(none.foreign().find(FAR)).isEqualTo(PageArray.NONE);
      assertThat(none.pageAt(FAR)).isEqualTo(PageArray.NONE);
      assertThat(none.pageAt(frames.address(2) + 5)).isEqualTo(2);
    }
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 5), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyAddressLeadsToItsPage(long seed) {
    Random random = new Random(seed);
    Map<Long, Integer> model = new HashMap<>();
    for (int step = 0; step < 20_000; step++) {
      int page = foreign.page(random.nextInt(COUNT));
      long address = random.nextInt(4) == 0 ? 0 : FAR + random.nextInt(40) * 4096L;
      if (address == 0 || !model.containsKey(address)) {
        model.values().remove(page);
        foreign.stand(page, address);
        if (address != 0) {
          model.put(address, page);
        }
        assertThat(foreign.address(page)).isEqualTo(address);
      }
      long asked = FAR + random.nextInt(40) * 4096L;
      assertThat(pages.pageAt(asked))
          .as("seed %d, step %d", seed, step)
          .isEqualTo(model.getOrDefault(asked, PageArray.NONE));
    }
  }

  @Test
  void whatStaysIsFoundWhileOthersComeAndGo() {
    long stays = FAR + (5L << 12);
    foreign.stand(foreign.page(7), stays);
    AtomicBoolean stop = new AtomicBoolean();
    Helper<Integer> reader =
        Helper.start(() -> {
          int found = 0;
          while (!stop.get()) {
            if (foreign.find(stays) != foreign.page(7)) {
              throw new AssertionError("lost after " + found);
            }
            found++;
          }
          return found;
        });
    Random random = new Random(7);
    for (int step = 0; step < 300_000 && !reader.isDone(); step++) {
      int page = foreign.page(random.nextInt(7));
      foreign.stand(page, 0);
      foreign.stand(page, FAR + (8L << 12) + ((long) page << 20) + (random.nextInt(9) << 12));
    }
    stop.set(true);
    assertThat(reader.join()).isPositive();
  }
}
