package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;

class ContiguousMemoryTest {
  private static final long PAGE = 4096;

  @TempDir private Path folder;
  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(8 << 20)
              .swap(16 << 20)
              .poisonFreedFrames(true)
              .dmaReserve(100 * PAGE - 1)
              .build());

  @AfterEach
  void soundThenClose() {
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  private static void isZero(MemorySegment segment) {
    assertThat(
            segment
                .asByteBuffer()
                .mismatch(MemorySegment.ofArray(new byte[(int) segment.byteSize()]).asByteBuffer()))
        .isEqualTo(-1);
  }

  @Test
  void isZeroedWritableAndOfTheSizeAskedFor() {
    try (ContiguousMemory memory = vm.allocateContiguous(3 * PAGE + 5)) {
      MemorySegment segment = memory.segment();
      assertThat(segment.byteSize()).isEqualTo(3 * PAGE + 5);
      assertThat(memory.frameCount()).isEqualTo(4);
      assertThat(segment.address())
          .isEqualTo(vm.machine().page().pages().address(memory.firstFrame()));
      isZero(segment);
      segment.fill((byte) 7);
    }
    try (ContiguousMemory again = vm.allocateContiguous(3 * PAGE + 5)) {
      isZero(again.segment());
    }
  }

  @ParameterizedTest(name = "{0} bytes aligned to {1} within {2}")
  @CsvSource({
    "100, 1, 0",
    "100, 512, 128",
    "5000, 65536, 8192",
    "1, 2097152, 0",
    "1000000, 4096, 1048576",
    "70000, 1048576, 2097152"
  })
  void keepsItsLimits(long bytes, long alignment, long boundary) {
    try (ContiguousMemory memory = vm.allocateContiguous(bytes, alignment, boundary)) {
      long address = memory.segment().address();
      assertThat(address % alignment).isZero();
      if (boundary != 0) {
        assertThat((address + bytes - 1) / boundary).isEqualTo(address / boundary);
      }
    }
  }

  @Test
  void readsAndWritesAFile() throws IOException {
    Path file = folder.resolve("data");
    try (ContiguousMemory out = vm.allocateContiguous(16 * PAGE, PAGE, 0);
        ContiguousMemory in = vm.allocateContiguous(16 * PAGE, PAGE, 0);
        FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      for (long i = 0; i < 16 * PAGE; i += 8) {
        out.segment().set(JAVA_LONG, i, i);
      }
      assertThat(channel.write(out.segment().asByteBuffer(), 0)).isEqualTo((int) (16 * PAGE));
      assertThat(channel.read(in.segment().asByteBuffer(), 0)).isEqualTo((int) (16 * PAGE));
      assertThat(in.segment().mismatch(out.segment())).isEqualTo(-1);
    }
  }

  @Test
  void staysWhileTheRestIsPagedOut() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view();
        ContiguousMemory memory = vm.allocateContiguous(1 << 20)) {
      memory.segment().fill((byte) 0x5a);
      long heap = space.map(16 << 20, Protection.READ_WRITE);
      for (long i = 0; i < 12 << 20; i += PAGE) {
        view.putLong(heap + i, i);
      }
      assertThat(vm.statistics().pagesOut()).isPositive();
      assertThat(RawMemory.allBytesAre(memory.segment().address(), 1 << 20, (byte) 0x5a)).isTrue();
      for (long i = 0; i < 12 << 20; i += PAGE) {
        assertThat(view.getLong(heap + i)).isEqualTo(i);
      }
    }
  }

  @Test
  void isFoundInFullMemory() {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view();
        ContiguousMemory reserve = vm.allocateContiguous(64 * PAGE)) {
      assertThat(reserve.firstFrame()).isZero();
      long heap = space.map(16 << 20, Protection.READ_WRITE);
      for (long i = 0; i < 12 << 20; i += PAGE) {
        view.putLong(heap + i, i);
      }
      try (ContiguousMemory memory = vm.allocateContiguous(1 << 18, 4096, 0)) {
        isZero(memory.segment());
        assertThat(memory.firstFrame()).isGreaterThanOrEqualTo(100);
      }
      for (long i = 0; i < 12 << 20; i += PAGE) {
        assertThat(view.getLong(heap + i)).isEqualTo(i);
      }
    }
  }

  /// Two threads store into more memory than there is and check it, while runs are taken from under
  /// them, filled, checked and given back.
  @Test
  void comesAndGoesWhileOthersPage() throws InterruptedException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    List<Thread> pagers = new ArrayList<>();
    for (int n = 1; n <= 2; n++) {
      long mark = n * 1_000_003L;
      pagers.add(
          Thread.ofPlatform()
              .start(() -> {
                Throwable failure = catchThrowable(() -> storeAndCheck(mark));
                if (failure != null) {
                  failures.add(failure);
                }
              }));
    }
    Deque<ContiguousMemory> open = new ArrayDeque<>();
    int taken = 0;
    while (pagers.stream().anyMatch(Thread::isAlive)) {
      try {
        ContiguousMemory memory = vm.allocateContiguous((1 + random.nextInt(80)) * PAGE);
        isZero(memory.segment());
        memory.segment().fill((byte) memory.firstFrame());
        open.add(memory);
        taken += memory.firstFrame() >= 100 ? 1 : 0;
      } catch (OutOfPagesException _) {
        // all that could be emptied is in use just now
      }
      if (open.size() > 3) {
        closeOldest(open);
      }
    }
    while (!open.isEmpty()) {
      closeOldest(open);
    }
    assertThat(failures).as("seed %d", seed).isEmpty();
    assertThat(taken).as("runs outside the reserve, seed %d", seed).isPositive();
    assertThat(vm.statistics().pagesIn()).isPositive();
  }

  private static void closeOldest(Deque<ContiguousMemory> open) {
    ContiguousMemory memory = open.remove();
    long bytes = memory.segment().byteSize();
    byte mark = (byte) memory.firstFrame();
    assertThat(RawMemory.allBytesAre(memory.segment().address(), bytes, mark)).isTrue();
    memory.close();
  }

  private void storeAndCheck(long mark) {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long heap = space.map(8 << 20, Protection.READ_WRITE);
      for (int round = 0; round < 4; round++) {
        for (long i = 0; i < 8 << 20; i += PAGE) {
          view.putLong(heap + i, mark * (i + round));
        }
        for (long i = 0; i < 8 << 20; i += PAGE) {
          assertThat(view.getLong(heap + i)).isEqualTo(mark * (i + round));
        }
      }
    }
  }

  @Nested
  class Closing {
    @Test
    void ofAHaltedMachineEndsTheSegment() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().physicalMemory(4 << 20).build());
      ContiguousMemory memory = other.allocateContiguous(PAGE);
      other.machine().halt(new VmPanic("the test halts it"));
      assertThatThrownBy(() -> other.allocateContiguous(PAGE)).hasMessageContaining("halted");
      other.close();
      assertThatThrownBy(() -> memory.segment().get(JAVA_BYTE, 0))
          .isInstanceOf(IllegalStateException.class);
      memory.close();
      assertThat(other.machine().retain()).as("its memory is given back").isFalse();
    }

    @Test
    void endsTheSegmentAndGivesTheFramesBack() {
      long free = vm.dmaReserveFree();
      ContiguousMemory memory = vm.allocateContiguous(10 * PAGE);
      assertThat(vm.dmaReserveFree()).isEqualTo(free - 10 * PAGE);
      memory.close();
      memory.close();
      assertThat(vm.dmaReserveFree()).isEqualTo(free);
      assertThatThrownBy(() -> memory.segment().get(JAVA_BYTE, 0))
          .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void theMachineClosesWhatIsOpen() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().physicalMemory(4 << 20).build());
      ContiguousMemory memory = other.allocateContiguous(PAGE);
      other.close();
      assertThatThrownBy(() -> memory.segment().get(JAVA_BYTE, 0))
          .isInstanceOf(IllegalStateException.class);
      memory.close();
      assertThatThrownBy(() -> other.allocateContiguous(PAGE))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }

    /// Called back by the C library while it sorts the segment's values.
    private static final class Comparison implements Comparator<MemorySegment> {
      private final VirtualMemory machine;
      private final ContiguousMemory memory;
      private @Nullable Throwable refusal;
      private long read;

      Comparison(VirtualMemory machine, ContiguousMemory memory) {
        this.machine = machine;
        this.memory = memory;
      }

      @Override
      public int compare(MemorySegment a, MemorySegment b) {
        refusal = catchThrowable(memory::close);
        machine.close();
        read = memory.segment().get(JAVA_LONG, 0) + memory.segment().get(JAVA_LONG, 8);
        return Long.compare(a.address(), b.address());
      }
    }

    @Test
    void whileTheSegmentIsInUseIsRefusedAndKeepsTheMemory() throws Throwable {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().physicalMemory(4 << 20).build());
      ContiguousMemory memory = other.allocateContiguous(PAGE);
      memory.segment().set(JAVA_LONG, 0, 42);
      Comparison comparison = new Comparison(other, memory);

      sort(memory.segment(), comparison);

      assertThat(comparison.refusal).isInstanceOf(IllegalStateException.class);
      assertThat(comparison.read).isEqualTo(42);
      memory.close();
      assertThatThrownBy(() -> memory.segment().get(JAVA_LONG, 0))
          .isInstanceOf(IllegalStateException.class);
    }

    @SuppressWarnings("restricted") // the only way to keep a segment in use while others run
    private static void sort(MemorySegment two, Comparator<MemorySegment> comparison)
        throws Throwable {
      Linker linker = Linker.nativeLinker();
      MethodHandle sort =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("qsort"),
              FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS));
      MethodHandle compare =
          MethodHandles.lookup()
              .bind(
                  comparison,
                  "compare",
                  MethodType.methodType(int.class, Object.class, Object.class))
              .asType(MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment callback =
            linker.upcallStub(compare, FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS), arena);
        sort.invokeExact(two, 2L, 8L, callback);
      }
    }
  }

  @Nested
  class TheReserve {
    @Test
    void isWholePagesAndCanBeGivenAway() {
      assertThat(vm.config().dmaReserve()).isEqualTo(100 * PAGE);
      assertThat(vm.dmaReserveFree()).isEqualTo(100 * PAGE);
      long free = vm.statistics().freePages();
      assertThat(vm.shrinkDmaReserve(30 * PAGE - 1)).isEqualTo(70 * PAGE);
      assertThat(vm.dmaReserveFree()).isEqualTo(30 * PAGE);
      assertThat(vm.statistics().freePages()).isEqualTo(free + 70);
      assertThat(vm.shrinkDmaReserve(Long.MAX_VALUE - PAGE)).isZero();
      assertThatThrownBy(() -> vm.shrinkDmaReserve(-1)).hasMessageContaining("keepBytes=-1");
    }

    @Test
    void isNothingByDefaultAndASixteenthIfAsked() {
      VmConfig.Builder builder = VmConfig.builder().physicalMemory(64 << 20);
      assertThat(builder.build().dmaReserve()).isZero();
      assertThat(builder.dmaReserveAuto().build().dmaReserve()).isEqualTo(4 << 20);
      VmConfig large = builder.physicalMemory(8L << 30).build();
      assertThat(large.dmaReserve()).isEqualTo(128 << 20);
      VmConfig small = builder.physicalMemory(large.minimumPhysicalMemory()).build();
      assertThat(small.dmaReserve()).as("too small for one").isZero();
      try (VirtualMemory least = VirtualMemory.boot(small)) {
        assertThat(least.statistics().pageCount()).isEqualTo(256);
        assertThat(least.check().problems()).isEmpty();
      }
    }

    @Test
    void countsInTheLeastMemory() {
      VmConfig.Builder builder = VmConfig.builder();
      long without = builder.build().minimumPhysicalMemory();
      long least = builder.dmaReserve(1 << 20).build().minimumPhysicalMemory();
      assertThat(least - without).isGreaterThan(1 << 20);
      try (VirtualMemory small = VirtualMemory.boot(builder.physicalMemory(least).build())) {
        assertThat(small.statistics().pageCount()).isEqualTo(256 + 256);
        assertThat(small.machine().memory().totalBytes() + 512 * PAGE).isLessThanOrEqualTo(least);
        assertThat(small.check().problems()).isEmpty();
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, (1L << 40) + 1})
    void isOfALimitedSize(long bytes) {
      assertThatThrownBy(() -> VmConfig.builder().dmaReserve(bytes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("dmaReserve=" + bytes);
    }
  }

  @Nested
  class Misuse {
    @ParameterizedTest(name = "{0} bytes aligned to {1} within {2}")
    @CsvSource({
      "0, 1, 0, bytes=0",
      "-5, 1, 0, bytes=-5",
      "9000000, 1, 0, bytes=9000000",
      "1, 0, 0, alignment=0",
      "1, -4096, 0, alignment=-4096",
      "1, 3, 0, alignment=3",
      "1, 4194304, 0, alignment=4194304",
      "1, 1, 3, boundary=3",
      "1, 1, -1, boundary=-1",
      "4097, 1, 4096, boundary=4096"
    })
    void isRefusedWithItsName(long bytes, long alignment, long boundary, String message) {
      assertThatThrownBy(() -> vm.allocateContiguous(bytes, alignment, boundary))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(message);
    }

    @Test
    void ofAlmostAllMemoryFindsNoRun() {
      long most = vm.statistics().pageCount() * PAGE;
      assertThatThrownBy(() -> vm.allocateContiguous(most))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("neighbouring frames")
          .hasMessageContaining("the reserve has 100 of 100 pages free");
    }
  }
}
