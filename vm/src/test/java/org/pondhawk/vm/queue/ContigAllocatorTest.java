package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.Helper;

class ContigAllocatorTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;

  @TempDir private static Path folder;
  private final List<TestMachine> machines = new ArrayList<>();

  @AfterEach
  void everyMachineIsSound() {
    for (TestMachine machine : machines) {
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      machine.close();
    }
  }

  private TestMachine machine(int frames, int reserve) {
    TestMachine machine = new TestMachine(frames, folder, 16 << 20, reserve * SIZE);
    machines.add(machine);
    return machine;
  }

  private static int allocate(TestMachine machine, RunLimits limits, int count) {
    return machine.vm.contig().allocate(limits, count, MemoryAttribute.WRITE_BACK);
  }

  private static long count(TestMachine machine, PageCount count) {
    VmStats stats = machine.vm.page().stats();
    stats.rollup();
    return stats.global(count);
  }

  private static RunLimits anywhereFrom(int low) {
    return new RunLimits(low, Integer.MAX_VALUE, 1, 0);
  }

  @Nested
  class TheReserve {
    private final TestMachine machine = machine(256, 64);
    private final ContigAllocator contig = machine.vm.contig();
    private final DmaReserve reserve = contig.reserve();
    private final PageArray pages = machine.vm.page().pages();

    @Test
    void isTheLowestFramesAndNobodyElses() {
      assertThat(pages.frameCount()).isEqualTo(256 + 64);
      assertThat(reserve.limit()).isEqualTo(64);
      assertThat(reserve.pageCount()).isEqualTo(64);
      assertThat(reserve.freePages()).isEqualTo(64);
      assertThat(pages.flags(63)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
      assertThat(pages.wireCount(63)).isEqualTo(1);
      assertThat(pages.queue(63)).isEqualTo(PageQueue.NONE);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(256 + 63))).isTrue();
      assertThat(reserve.isFree(63)).isTrue();
      assertThat(reserve.isFree(64)).isFalse();
    }

    @Test
    void givesRunsFirstAndThenTheOthersDo() {
      int in = allocate(machine, RunLimits.ANYWHERE, 64);
      assertThat(in).isZero();
      assertThat(reserve.freePages()).isZero();
      int out = allocate(machine, RunLimits.ANYWHERE, 8);
      assertThat(out).as("behind the first nodes of indexes").isGreaterThanOrEqualTo(64);
      assertThat(contig.pagesInUseOutside()).isEqualTo(8);
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();

      contig.free(machine.self, in, 64);
      contig.free(machine.self, out, 8);
      assertThat(reserve.freePages()).isEqualTo(64);
      assertThat(contig.pagesInUseOutside()).isZero();
    }

    @Test
    void takesPartsBack() {
      int first = allocate(machine, RunLimits.ANYWHERE, 10);
      contig.free(machine.self, first + 3, 4);
      assertThat(reserve.freePages()).isEqualTo(64 - 6);
      assertThat(contig.isInUse(first + 2)).isTrue();
      assertThat(contig.isInUse(first + 3)).isFalse();
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      contig.free(machine.self, first, 3);
      contig.free(machine.self, first + 7, 3);
    }

    @Test
    void keepsTheAttributeUntilThePageIsFreed() {
      for (MemoryAttribute attribute : MemoryAttribute.values()) {
        int first = contig.allocate(RunLimits.ANYWHERE, 2, attribute);
        assertThat(pages.attribute(first + 1)).isEqualTo(attribute);
        assertThat(pages.valid(first)).isEqualTo(0xff);
        assertThat(pages.dirty(first) | pages.activity(first)).isZero();
        contig.free(machine.self, first, 2);
        assertThat(pages.attribute(first)).isEqualTo(MemoryAttribute.WRITE_BACK);
      }
    }

    @Test
    void refusesWhatIsNotInUseAndChangesNothing() {
      int first = allocate(machine, RunLimits.ANYWHERE, 4);
      assertThatThrownBy(() -> contig.free(machine.self, first, 5))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("freed, but of no run: page 4:");
      assertThat(reserve.freePages()).isEqualTo(60);
      contig.free(machine.self, first, 4);
      assertThatThrownBy(() -> contig.free(machine.self, first, 1)).isInstanceOf(VmPanic.class);
    }

    @Test
    void shrinksFromTheTop() {
      int held = allocate(machine, new RunLimits(40, 64, 1, 0), 3);
      assertThat(held).isEqualTo(40);
      long free = count(machine, PageCount.FREE);

      assertThat(contig.shrinkReserve(machine.self, 20)).isEqualTo(41);

      assertThat(reserve.freePages()).isEqualTo(20);
      assertThat(reserve.pageCount()).isEqualTo(23);
      assertThat(count(machine, PageCount.FREE)).isEqualTo(free + 41);
      assertThat(reserve.has(held)).as("in use, so it stays").isTrue();
      assertThat(reserve.has(63)).isFalse();
      assertThat(PageQueue.FREE.isKindOf(pages.queue(63))).isTrue();
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      assertThat(contig.shrinkReserve(machine.self, 20)).isZero();
      contig.free(machine.self, held, 3);
      assertThat(reserve.freePages()).as("what was in use comes back here").isEqualTo(23);
      assertThat(contig.shrinkReserve(machine.self, 0)).isEqualTo(23);
      assertThat(reserve.pageCount()).isZero();
    }

    @Test
    void isKeptByNobodyAfterAnyCall() {
      int first = allocate(machine, RunLimits.ANYWHERE, 4);
      requireOthersGetIn();
      contig.free(machine.self, first, 4);
      requireOthersGetIn();
      assertThatThrownBy(() -> contig.free(machine.self, first, 1)).isInstanceOf(VmPanic.class);
      requireOthersGetIn();
      contig.shrinkReserve(machine.self, 20);
      requireOthersGetIn();
      contig.shrinkReserve(machine.self, 20);
      requireOthersGetIn();
      assertThat(reserve.pageCount()).isEqualTo(20);
      requireOthersGetIn();
      assertThat(reserve.isFree(0)).isTrue();
      requireOthersGetIn();
    }

    private void requireOthersGetIn() {
      assertThat(Helper.start(reserve::freePages).join()).isEqualTo(reserve.freePages());
      assertThat(Helper.start(reserve::freePages).join()).isNotNegative();
    }

    @Test
    void whoseFreePageIsBusyPanicsInsteadOfGivingItAway() {
      assertThat(machine.vm.page().busy().tryHardBusy(63)).isTrue();
      assertThatThrownBy(() -> contig.shrinkReserve(machine.self, 0))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("a free page of the reserve is busy");
      machines.remove(machine);
      machine.close();
    }
  }

  @Nested
  class OutsideTheReserve {
    private final TestMachine machine = machine(512, 0);
    private final Machine vm = machine.vm;
    private final PageArray pages = vm.page().pages();

    @Test
    void aRunIsWiredAndBusyForNobody() {
      long wired = count(machine, PageCount.WIRED);
      int first = allocate(machine, RunLimits.ANYWHERE, 16);
      for (int page = first; page < first + 16; page++) {
        assertThat(vm.page().busy().isIdle(page)).isTrue();
        assertThat(pages.wireCount(page)).isEqualTo(1);
        assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);
        assertThat(pages.flags(page)).isZero();
        assertThat(pages.address(page)).isEqualTo(pages.address(first) + (page - first) * SIZE);
      }
      assertThat(count(machine, PageCount.WIRED)).isEqualTo(wired + 16);
      assertThat(VmCheck.run(vm).problems()).isEmpty();

      vm.contig().free(machine.self, first + 4, 12);
      vm.contig().free(machine.self, first, 4);
      assertThat(count(machine, PageCount.WIRED)).isEqualTo(wired);
      assertThat(PageQueue.FREE.isKindOf(pages.queue(first))).isTrue();
    }

    @ParameterizedTest(name = "{4} pages from {0} below {1}, aligned to {2} within {3}")
    @CsvSource({
      "300, 1000, 1, 0, 5",
      "0, 512, 64, 0, 3",
      "100, 512, 1, 32, 30",
      "0, 512, 128, 16, 16",
      "250, 300, 2, 64, 40"
    })
    void limitsAreKept(int low, int high, int alignment, int boundary, int count) {
      for (int n = 0; n < 2; n++) { // the second time behind the first
        int first = allocate(machine, new RunLimits(low, high, alignment, boundary), count);
        if (n == 1 && first == PageArray.NONE) {
          assertThat(low).as("only one fits").isEqualTo(250);
          return;
        }
        assertThat(first).isGreaterThanOrEqualTo(low);
        assertThat(first + count).isLessThanOrEqualTo(high);
        assertThat(first % alignment).isZero();
        if (boundary != 0) {
          assertThat((first + count - 1) / boundary).isEqualTo(first / boundary);
        }
      }
    }

    @Test
    void whatNoPlaceHasIsRefused() {
      assertThat(allocate(machine, new RunLimits(0, 512, 1, 8), 9)).isEqualTo(PageArray.NONE);
      assertThat(allocate(machine, new RunLimits(0, 10, 1, 0), 11)).isEqualTo(PageArray.NONE);
      assertThat(allocate(machine, RunLimits.ANYWHERE, 513)).isEqualTo(PageArray.NONE);
      assertThat(allocate(machine, anywhereFrom(512), 1)).isEqualTo(PageArray.NONE);
    }

    @Test
    void theLastPagesAreLeftToOthers() {
      assertThat(allocate(machine, RunLimits.ANYWHERE, 510)).isEqualTo(PageArray.NONE);
      long reserved = machine.pressure().levels().reserved();
      int most = (int) (count(machine, PageCount.FREE) - reserved);
      RunLimits behindTheNodes = anywhereFrom(512 - most);
      assertThat(allocate(machine, behindTheNodes, most + 1)).isEqualTo(PageArray.NONE);
      assertThat(count(machine, PageCount.FREE)).isGreaterThan(reserved);
    }

    @Test
    void misuseIsRefused() {
      assertThatThrownBy(() -> allocate(machine, RunLimits.ANYWHERE, 0))
          .hasMessage("count=0 is not positive");
      for (int[] range : new int[][] {{-1, 1}, {0, 0}, {500, 13}, {512, 1}}) {
        assertThatThrownBy(() -> vm.contig().free(machine.self, range[0], range[1]))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("not within 512");
      }
    }

    @Test
    void freeingWaitsForWhoHasMistakenThePage() throws InterruptedException {
      int first = allocate(machine, RunLimits.ANYWHERE, 1);
      assertThat(vm.page().busy().tryHardBusy(first)).isTrue();
      Thread freeing = Thread.ofPlatform().start(() -> vm.contig().free(machine.self, first, 1));
      while (freeing.isAlive() && !vm.page().busy().describe(first).startsWith("LW")) {
        Thread.onSpinWait();
      }
      assertThat(vm.contig().isInUse(first)).isTrue();
      vm.page().busy().unbusy(first);
      freeing.join();
      assertThat(PageQueue.FREE.isKindOf(pages.queue(first))).isTrue();
    }

    @Test
    void freeingWhatIsInNoRunPanics() {
      int first = allocate(machine, RunLimits.ANYWHERE, 1);
      vm.contig().free(machine.self, first, 1);
      assertThatThrownBy(() -> vm.contig().free(machine.self, first, 1))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("freed, but of no run");
      vm.page().busy().unbusy(first); // the panic left it as it was
    }
  }

  /// Memory is full of one space's pages, all stored into, and the daemon has made some inactive.
  @Nested
  class InFullMemory {
    private static final int PAGES = 700;
    private final TestMachine machine = machine(512, 0);
    private final Machine vm = machine.vm;
    private final Space space = vm.newSpace();
    private final long heap = machine.map(space, PAGES);

    private void fill() {
      for (long i = 0; i < PAGES; i++) {
        machine.put(space, heap + i * SIZE, i + 1);
      }
    }

    private void requireContent() {
      for (long i = 0; i < PAGES; i++) {
        assertThat(machine.get(space, heap + i * SIZE)).isEqualTo(i + 1);
      }
    }

    @Test
    void aRunIsEmptiedAndNothingIsLost() {
      fill();
      assertThat(count(machine, PageCount.FREE)).isLessThan(200);
      List<Integer> runs = new ArrayList<>();
      for (int n = 0; n < 4; n++) {
        int first = allocate(machine, new RunLimits(0, 512, 32, 0), 32);
        assertThat(first).as("run %d", n).isNotEqualTo(PageArray.NONE);
        RawMemory.fill(vm.page().pages().address(first), 32 * SIZE, (byte) n);
        runs.add(first);
        machine.relieve();
      }
      assertThat(VmCheck.run(vm).problems()).isEmpty();

      requireContent();

      for (int n = 0; n < 4; n++) {
        long address = vm.page().pages().address(runs.get(n));
        assertThat(RawMemory.allBytesAre(address, 32 * SIZE, (byte) n)).as("run %d", n).isTrue();
        vm.contig().free(machine.self, runs.get(n), 32);
      }
      requireContent();
    }

    @Test
    void whatMustBeCommittedFirstIsPassedBy() {
      fill();
      int page = machine.pageAt(space, heap + (PAGES - 1) * SIZE);
      RunLimits there = new RunLimits(page, page + 1, 1, 0);
      vm.page().pages().setFlags(page, PageFlags.NEED_COMMIT);
      assertThat(allocate(machine, there, 1)).isEqualTo(PageArray.NONE);
      assertThat(machine.pageAt(space, heap + (PAGES - 1) * SIZE)).as("mapped").isEqualTo(page);

      vm.page().pages().clearFlags(page, PageFlags.NEED_COMMIT);

      assertThat(allocate(machine, there, 1)).isEqualTo(page);
      requireContent();
    }

    @Test
    void whatIsHeldOrBusyIsPassedBy() {
      fill();
      for (int page = 3; page < 512; page += 16) {
        vm.page().pages().addHold(page, 1);
      }
      assertThat(allocate(machine, RunLimits.ANYWHERE, 16)).isEqualTo(PageArray.NONE);
      assertThat(allocate(machine, RunLimits.ANYWHERE, 12)).isNotEqualTo(PageArray.NONE);
      for (int page = 3; page < 512; page += 16) {
        vm.page().pages().addHold(page, -1);
      }
      requireContent();
    }
  }

  /// Without swap nothing that was stored into can be moved out of the way.
  @Nested
  class WithoutSwap {
    @Test
    void aRunOfCleanPagesIsEmptiedAndDirtyOnesStay() {
      TestMachine machine = new TestMachine(512);
      machines.add(machine);
      Space space = machine.vm.newSpace();
      long clean = machine.map(space, 200);
      long dirty = machine.map(space, 200);
      for (long i = 0; i < 200; i++) {
        assertThat(machine.get(space, clean + i * SIZE)).isZero();
        machine.put(space, dirty + i * SIZE, i + 1);
      }
      int first = allocate(machine, RunLimits.ANYWHERE, 16);
      assertThat(first).isNotEqualTo(PageArray.NONE);
      assertThat(allocate(machine, RunLimits.ANYWHERE, 300)).isEqualTo(PageArray.NONE);
      for (long i = 0; i < 200; i++) {
        assertThat(machine.get(space, dirty + i * SIZE)).isEqualTo(i + 1);
        assertThat(machine.get(space, clean + i * SIZE)).isZero();
      }
    }
  }

  /// A thread is in the middle of a store for longer than the machine's patience.
  @Nested
  class WhileAStoreDoesNotEnd {
    private final TestMachine machine = machine(512, 0);
    private final Machine vm = machine.vm;

    @Test
    void noFrameIsTakenThatItMayStoreInto() {
      Space space = vm.newSpace();
      long heap = machine.map(space, 450);
      for (long i = 0; i < 450; i++) {
        machine.put(space, heap + i * SIZE, i + 1);
      }
      int largest = (int) (count(machine, PageCount.FREE) + count(machine, PageCount.CACHE)) + 1;
      Guard guard = vm.grace().register();
      guard.enter();
      vm.grace().begin();
      machine.clock.addAndGet(2_000_000_000L);

      assertThat(allocate(machine, RunLimits.ANYWHERE, largest)).isEqualTo(PageArray.NONE);
      assertThat(VmCheck.run(vm).problems()).isEmpty();

      guard.leave();
      vm.grace().unregister(guard);
      assertThat(allocate(machine, RunLimits.ANYWHERE, largest)).isNotEqualTo(PageArray.NONE);
      for (long i = 0; i < 450; i++) {
        assertThat(machine.get(space, heap + i * SIZE)).isEqualTo(i + 1);
      }
    }

    @Test
    void aCleanPageWaitsInTheCache() {
      Space space = vm.newSpace();
      long heap = machine.map(space, 450);
      for (long i = 0; i < 450; i++) {
        assertThat(machine.get(space, heap + i * SIZE)).isZero();
      }
      long cached = count(machine, PageCount.CACHE);
      int largest = (int) (count(machine, PageCount.FREE) + cached) + 1;
      Guard guard = vm.grace().register();
      guard.enter();
      vm.grace().begin();
      machine.clock.addAndGet(2_000_000_000L);

      assertThat(allocate(machine, RunLimits.ANYWHERE, largest)).isEqualTo(PageArray.NONE);
      assertThat(count(machine, PageCount.CACHE)).isGreaterThan(cached);

      guard.leave();
      vm.grace().unregister(guard);
      assertThat(allocate(machine, RunLimits.ANYWHERE, largest)).isNotEqualTo(PageArray.NONE);
    }
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 4), LongStream.of(System.nanoTime()));
  }

  /// Runs come and go while a space is stored into and paged out: every run keeps its bytes, every
  /// address of the space its value, and the machine is sound.
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void runsAndPagesDoNotMix(long seed) {
    TestMachine machine = machine(400, 32);
    Random random = new Random(seed);
    Space space = machine.vm.newSpace();
    long heap = machine.map(space, 600);
    long[] values = new long[600];
    List<int[]> runs = new ArrayList<>();
    PageArray pages = machine.vm.page().pages();
    for (int step = 0; step < 3000; step++) {
      int dice = random.nextInt(100);
      if (dice < 4 && runs.size() < 8) {
        int count = 1 + random.nextInt(20);
        RunLimits limits = new RunLimits(random.nextInt(432), 432, 1 << random.nextInt(4), 0);
        int first = allocate(machine, limits, count);
        if (first != PageArray.NONE) {
          assertThat(limits.next(first, count)).as("seed %d", seed).isEqualTo(first);
          RawMemory.fill(pages.address(first), count * SIZE, (byte) step);
          runs.add(new int[] {first, count, step});
        }
      } else if (dice < 7 && !runs.isEmpty()) {
        int[] run = runs.remove(random.nextInt(runs.size()));
        assertThat(RawMemory.allBytesAre(pages.address(run[0]), run[1] * SIZE, (byte) run[2]))
            .as("seed %d, step %d", seed, step)
            .isTrue();
        machine.vm.contig().free(machine.self, run[0], run[1]);
      } else {
        int at = random.nextInt(600);
        assertThat(machine.get(space, heap + at * SIZE))
            .as("seed %d, step %d", seed, step)
            .isEqualTo(values[at]);
        if (dice < 60) {
          values[at] = random.nextLong();
          machine.put(space, heap + at * SIZE, values[at]);
        }
      }
      if (step % 500 == 0) {
        assertThat(VmCheck.run(machine.vm).problems()).as("seed %d", seed).isEmpty();
      }
    }
  }
}
