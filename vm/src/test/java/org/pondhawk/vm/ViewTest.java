package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.sync.Helper;

@ParameterizedClass(name = "pages of {0} bytes")
@ValueSource(ints = {4 << 10, 16 << 10, 64 << 10})
class ViewTest {
  private static final long RANGE = 1L << 40;

  @Parameter int pageSize;
  private VirtualMemory vm;
  private AddressSpace space;
  private View view;
  private long heap;
  private int bytes;

  /// Twice as much is mapped as there is memory.
  @BeforeEach
  void boot() {
    VmConfig.Builder builder =
        VmConfig.builder().pageSize(pageSize).swap(3_000L * pageSize).poisonFreedFrames(true);
    long memory = builder.build().minimumPhysicalMemory();
    vm = VirtualMemory.boot(builder.physicalMemory(memory).build());
    space = vm.newAddressSpace();
    view = space.view();
    bytes = 600 * pageSize;
    heap = space.map(bytes, Protection.READ_WRITE);
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(vm.check().problems()).isEmpty();
    view.close();
    space.close();
    assertThat(vm.check().problems()).isEmpty();
    assertThat(vm.statistics().swapUsedPages()).isZero();
    vm.close();
  }

  private void violates(Runnable access, long address, String... texts) {
    assertThatThrownBy(access::run)
        .isInstanceOfSatisfying(
            AccessViolationException.class, e -> assertThat(e.address()).isEqualTo(address))
        .hasMessageContainingAll(texts);
  }

  @Nested
  class Values {
    @Test
    void ofEveryTypeAreReadBack() {
      view.putLong(heap, 0x0123_4567_89ab_cdefL);
      view.putInt(heap + 8, 0xcafe_babe);
      view.putByte(heap + 12, (byte) -3);

      assertThat(view.getLong(heap)).isEqualTo(0x0123_4567_89ab_cdefL);
      assertThat(view.getInt(heap + 8)).isEqualTo(0xcafe_babe);
      assertThat(view.getByte(heap + 12)).isEqualTo((byte) -3);
      assertThat(view.getByte(heap)).as("little end first").isEqualTo((byte) 0xef);
      assertThat(view.getLong(heap + 13)).isZero();
    }

    @Test
    void atAnyOffsetAndAcrossPagesAreThoseOfAnArray() {
      int size = 2 * pageSize;
      byte[] model = new byte[size + 8];
      ByteBuffer buffer = ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN);
      Random random = new Random(1);
      for (int i = 0; i < 4_000; i++) {
        int at = random.nextBoolean() ? random.nextInt(size) : pageSize - 9 + random.nextInt(12);
        switch (random.nextInt(6)) {
          case 0 -> {
            long value = random.nextLong();
            buffer.putLong(at, value);
            view.putLong(heap + at, value);
          }
          case 1 -> {
            int value = random.nextInt();
            buffer.putInt(at, value);
            view.putInt(heap + at, value);
          }
          case 2 -> {
            byte value = (byte) random.nextInt();
            buffer.put(at, value);
            view.putByte(heap + at, value);
          }
          case 3 -> assertThat(view.getLong(heap + at)).isEqualTo(buffer.getLong(at));
          case 4 -> assertThat(view.getInt(heap + at)).isEqualTo(buffer.getInt(at));
          default -> assertThat(view.getByte(heap + at)).isEqualTo(buffer.get(at));
        }
      }
      byte[] all = new byte[model.length];
      view.copyTo(heap, all, 0, all.length);
      assertThat(all).isEqualTo(model);
    }

    @Test
    void ofTwiceTheMemorySurviveBeingPagedOut() {
      for (long at = 0; at < bytes; at += pageSize) {
        view.putLong(heap + at + 16, at + 1);
      }
      for (long at = 0; at < bytes; at += pageSize) {
        assertThat(view.getLong(heap + at + 16)).isEqualTo(at + 1);
        assertThat(view.getLong(heap + at + 24)).isZero();
      }
      assertThat(vm.statistics().pagesOut()).isPositive();
      assertThat(vm.statistics().pagesIn()).isPositive();
      assertThat(vm.statistics().faultsMajor()).isPositive();
    }
  }

  @Nested
  class BulkCopies {
    @Test
    void overPagesThatAreSwappedOutAreExact() {
      byte[] data = new byte[bytes];
      new Random(2).nextBytes(data);
      view.copyFrom(data, 0, bytes, heap);
      byte[] back = new byte[bytes];
      view.copyTo(heap, back, 0, bytes);
      assertThat(back).isEqualTo(data);
    }

    @Test
    void ofPartsTouchNothingElse() {
      byte[] data = {1, 2, 3, 4, 5};
      view.copyFrom(data, 1, 3, heap + pageSize - 1);
      byte[] back = {9, 9, 9, 9, 9, 9, 9};
      view.copyTo(heap + pageSize - 2, back, 1, 5);
      assertThat(back).containsExactly(9, 0, 2, 3, 4, 0, 9);
    }

    @Test
    void ofNothingAreAllowedAnywhereInTheRange() {
      view.copyTo(0, new byte[0], 0, 0);
      view.copyFrom(new byte[3], 3, 0, RANGE);
    }

    @Test
    void beyondTheArrayAreRefused() {
      assertThatThrownBy(() -> view.copyTo(heap, new byte[4], 2, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> view.copyFrom(new byte[4], -1, 3, heap))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void intoWhatIsNotMappedNameTheFirstAddressThere() {
      long end = heap + bytes;
      violates(() -> view.copyTo(end - 10, new byte[20], 0, 20), end, "read");
      violates(() -> view.copyFrom(new byte[20], 0, 20, end - 10), end, "write");
    }

    @Test
    void beyondTheRangeOfTheSpaceAreViolations() {
      violates(() -> view.copyTo(RANGE - 1, new byte[2], 0, 2), RANGE - 1, "beyond");
      violates(() -> view.copyFrom(new byte[2], 0, 2, -1), -1, "beyond");
      violates(
          () -> view.copyTo(Long.MAX_VALUE - 1, new byte[8], 0, 8), Long.MAX_VALUE - 1, "beyond");
    }
  }

  @Nested
  class Violations {
    @ParameterizedTest
    @ValueSource(longs = {-1, -8, Long.MIN_VALUE, RANGE, RANGE - 1, Long.MAX_VALUE, RANGE + 4096})
    void areAccessesThatReachOutOfTheSpace(long address) {
      violates(() -> view.getLong(address), address, "read", "beyond the range");
      violates(() -> view.putLong(address, 1), address, "write", "beyond the range");
      violates(() -> view.getInt(address), address, "read", "beyond the range");
      violates(() -> view.putInt(address, 1), address, "write", "beyond the range");
      if (address != RANGE - 1) {
        violates(() -> view.getByte(address), address, "read", "beyond the range");
        violates(() -> view.putByte(address, (byte) 1), address, "write", "beyond the range");
      }
    }

    @Test
    void areAccessesWhereNothingIsMapped() {
      violates(() -> view.getLong(0), 0, "read at 0x0", "not mapped");
      violates(() -> view.putInt(heap + bytes, 1), heap + bytes, "write", "not mapped");
      violates(() -> view.getByte(RANGE - 1), RANGE - 1, "not mapped");
    }

    @Test
    void areAccessesThatReachIntoWhatIsNotMapped() {
      long end = heap + bytes;
      violates(() -> view.getLong(end - 4), end, "read", "not mapped");
      violates(() -> view.putLong(end - 4, -1), end, "write", "not mapped");
    }

    @Test
    void areStoresIntoWhatIsReadOnly() {
      long constant = space.map(pageSize, Protection.READ);
      assertThat(view.getLong(constant)).isZero();
      violates(() -> view.putLong(constant, 1), constant, "write", "does not allow it");
      violates(
          () -> view.copyFrom(new byte[1], 0, 1, constant), constant, "write", "does not allow it");
      assertThat(view.getLong(constant)).isZero();
    }

    @Test
    void areAllAccessesToWhatAllowsNothing() {
      long fence = space.map(pageSize, Protection.NONE);
      violates(() -> view.getByte(fence), fence, "read");
      violates(() -> view.putByte(fence, (byte) 1), fence, "write");
    }

    @Test
    void followAtOnceFromAnUnmap() {
      view.putLong(heap, 5);
      space.unmap(heap, pageSize);
      violates(() -> view.getLong(heap), heap, "read", "not mapped");
      violates(() -> view.putLong(heap, 1), heap, "write", "not mapped");
      space.mapAt(heap, pageSize, Protection.READ_WRITE);
      assertThat(view.getLong(heap)).as("what was there is gone").isZero();
    }
  }

  @Nested
  class Ownership {
    @Test
    void isThatOfTheThreadThatMadeIt() {
      Helper.run(
              () -> {
                assertThatThrownBy(() -> view.getLong(heap))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.getInt(heap))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.getByte(heap))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.putLong(heap, 1))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.putInt(heap, 1))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.putByte(heap, (byte) 1))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.copyTo(heap, new byte[1], 0, 1))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(() -> view.copyFrom(new byte[1], 0, 1, heap))
                    .isInstanceOf(WrongThreadException.class);
                assertThatThrownBy(view::close).isInstanceOf(WrongThreadException.class);
              })
          .join();
      assertThat(view.getLong(heap)).isZero();
    }

    @Test
    void ofOneSpaceShowsNothingOfAnother() {
      view.putLong(heap, 5);
      try (AddressSpace other = vm.newAddressSpace();
          View there = other.view()) {
        violates(() -> there.getLong(heap), heap, "not mapped");
        other.mapAt(heap, pageSize, Protection.READ_WRITE);
        assertThat(there.getLong(heap)).isZero();
        there.putLong(heap, 6);
      }
      assertThat(view.getLong(heap)).isEqualTo(5);
    }

    @Test
    void ofSeveralThreadsShowTheSameMemory() {
      Helper.run(
              () -> {
                try (View mine = space.view()) {
                  mine.putLong(heap + 8, 77);
                }
              })
          .join();
      assertThat(view.getLong(heap + 8)).isEqualTo(77);
    }
  }

  @Nested
  class AClosedView {
    @Test
    void allowsNothing() {
      view.putLong(heap, 5);
      view.close();
      view.close();
      Runnable[] accesses = {
        () -> view.getLong(heap),
        () -> view.getLong(heap + pageSize - 4),
        () -> view.putLong(heap, 1),
        () -> view.getByte(0),
        () -> view.putByte(heap, (byte) 1),
        () -> view.putInt(heap, 1),
        () -> view.getInt(RANGE - 4),
        () -> view.copyTo(heap, new byte[1], 0, 1),
        () -> view.copyFrom(new byte[1], 0, 1, heap)
      };
      for (Runnable access : accesses) {
        assertThatThrownBy(access::run)
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("this view is closed");
      }
      view = space.view();
      assertThat(view.getLong(heap)).as("the memory is as it was").isEqualTo(5);
    }
  }
}
