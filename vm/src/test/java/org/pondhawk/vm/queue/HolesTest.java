package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.stats.PhysicalRange;

/// Runs of frames, and the reserve, in a machine with holes: pages 0 to 39 and 64 to 103, and the
/// rest from 128 on. The reserve of 64 frames spans the first hole.
class HolesTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int RESERVE = 64;

  /// What the reserve ends below: 40 of its frames lie before the hole, 24 behind it.
  private static final int LIMIT = 64 + 24;

  @TempDir private static Path folder;

  private final TestMachine machine =
      new TestMachine(
          List.of(pages(0, 40), pages(64, 104), pages(128, 640)), RESERVE * SIZE, folder, 16 << 20);
  private final PageArray pages = machine.vm.page().pages();
  private final PhysicalMap physical = machine.vm.physical();
  private final ContigAllocator contig = machine.vm.contig();
  private final DmaReserve reserve = contig.reserve();

  private static PhysicalRange pages(long first, long end) {
    return new PhysicalRange(first * SIZE, end * SIZE);
  }

  @AfterEach
  void close() {
    machine.close();
  }

  private void isSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  private int allocate(RunLimits limits, int count) {
    return contig.allocate(limits, count, MemoryAttribute.WRITE_BACK);
  }

  private long count(PageCount count) {
    machine.vm.page().stats().rollup();
    return machine.vm.page().stats().global(count);
  }

  /// The state HOLE.
  @Test
  void aHoleIsOnNoQueueAndOfNoUse() {
    for (int page : new int[] {40, 63, 104, 127}) {
      assertThat(physical.isHole(page)).isTrue();
      assertThat(pages.describe(page))
          .isEqualTo(
              "page "
                  + page
                  + ": busy --- n=0, flags none, wire 0, hold 0, cow 0, object -1 at 0, queue 0,"
                  + " colour "
                  + page
                  + ", valid 00, dirty 00, activity 0, ticket 0");
      assertThat(pages.address(page)).isEqualTo(pages.address(0) + page * SIZE);
      assertThat(physical.physical(page)).isEqualTo(page * SIZE);
      assertThat(reserve.has(page)).isFalse();
      assertThat(reserve.isFree(page)).isFalse();
      assertThat(pages.tryLock(page)).as("its spin lock is free").isTrue();
      pages.unlock(page);
    }
    isSound();
  }

  /// The state DMA-RESERVE, free and used.
  @Test
  void aPageOfTheReserveIsWiredAndNeverQueued() {
    String free =
        "page 70: busy --- n=0, flags FICTITIOUS|UNQUEUED, wire 1, hold 0, cow 0, object -1 at 0,"
            + " queue 0, colour 70, valid 00, dirty 00, activity 0, ticket 0";
    assertThat(pages.describe(70)).isEqualTo(free);
    int first = allocate(new RunLimits(70, 71, 1, 0), 1);
    assertThat(first).isEqualTo(70);
    assertThat(pages.describe(70)).isEqualTo(free.replace("valid 00", "valid ff"));
    assertThat(contig.isInUse(70)).isTrue();
    isSound();
    contig.free(machine.self, first, 1);
    assertThat(pages.describe(70)).isEqualTo(free);
  }

  @Test
  void aReserveHasAsManyFramesAsWereAskedFor() {
    assertThat(reserve.limit()).isEqualTo(LIMIT);
    assertThat(reserve.pageCount()).isEqualTo(RESERVE);
    assertThat(reserve.freePages()).isEqualTo(RESERVE);
    assertThat(reserve.has(39)).isTrue();
    assertThat(reserve.has(64)).isTrue();
    assertThat(reserve.has(LIMIT - 1)).isTrue();
    assertThat(reserve.has(LIMIT)).isFalse();
    assertThat(PageQueue.FREE.isKindOf(pages.queue(103))).isTrue();
    isSound();
  }

  @Test
  void aRunOfTheReserveSpansNoHole() {
    List<Integer> runs = new ArrayList<>();
    for (int first = allocate(RunLimits.ANYWHERE, 16); first < LIMIT; ) {
      runs.add(first);
      first = allocate(RunLimits.ANYWHERE, 16);
      if (first >= LIMIT || first == PageArray.NONE) {
        contig.free(machine.self, first, 16);
        break;
      }
    }
    assertThat(runs).containsExactly(0, 16, 64);
    assertThat(reserve.freePages()).isEqualTo(RESERVE - 48);
    runs.forEach(first -> contig.free(machine.self, first, 16));
    isSound();
  }

  @Test
  void limitsThatOnlyAHoleFulfilsHaveNoRun() {
    assertThat(allocate(new RunLimits(40, 64, 1, 0), 1)).isEqualTo(PageArray.NONE);
    assertThat(allocate(new RunLimits(104, 128, 1, 0), 1)).isEqualTo(PageArray.NONE);
    assertThat(allocate(new RunLimits(96, 128, 1, 0), 9)).isEqualTo(PageArray.NONE);
    int first = allocate(new RunLimits(96, 128, 1, 0), 8);
    assertThat(first).as("below it lie the first nodes of indexes").isEqualTo(96);
    contig.free(machine.self, first, 8);
    isSound();
  }

  @Test
  void aHoleCannotBeFreedAsAPartOfARun() {
    int first = allocate(new RunLimits(36, 40, 1, 0), 4);
    assertThat(first).isEqualTo(36);
    assertThatThrownBy(() -> contig.free(machine.self, 36, 5))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("freed, but of no run: page 40:");
    assertThatThrownBy(() -> contig.free(machine.self, 41, 1))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("freed, but of no run: page 41:");
    machine.vm.page().busy().unbusy(41);
    assertThat(reserve.freePages()).as("nothing has changed").isEqualTo(RESERVE - 4);
    contig.free(machine.self, 36, 4);
    isSound();
  }

  @Test
  void shrinkingGoesFromTheTopAcrossTheHole() {
    int held = allocate(new RunLimits(66, 68, 1, 0), 2);
    long free = count(PageCount.FREE);
    long wired = count(PageCount.WIRED);
    assertThat(contig.shrinkReserve(machine.self, 16)).isEqualTo(RESERVE - 2 - 16);
    assertThat(count(PageCount.FREE)).isEqualTo(free + RESERVE - 18);
    assertThat(count(PageCount.WIRED)).isEqualTo(wired - (RESERVE - 18));
    assertThat(reserve.freePages()).isEqualTo(16);
    assertThat(reserve.has(15)).isTrue();
    assertThat(reserve.has(16)).isFalse();
    assertThat(reserve.has(held)).as("above what is left, but in use").isTrue();
    isSound();

    contig.free(machine.self, held, 2);

    assertThat(reserve.freePages()).as("it comes back to where it belongs").isEqualTo(18);
    assertThat(pages.flags(held)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    isSound();
    assertThat(contig.shrinkReserve(machine.self, 0)).isEqualTo(18);
    assertThat(reserve.pageCount()).isZero();
    assertThat(count(PageCount.WIRED)).isEqualTo(wired - RESERVE);
    isSound();
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 4), LongStream.of(System.nanoTime()));
  }

  /// Runs of the reserve and of the rest come and go while a space is paged.
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void runsNeverTouchAHole(long seed) {
    Random random = new Random(seed);
    Space space = machine.vm.newSpace();
    long heap = machine.map(space, 700);
    long[] values = new long[700];
    List<int[]> runs = new ArrayList<>();
    BitSet inRuns = new BitSet();
    for (int step = 0; step < 2500; step++) {
      String what = "seed " + seed + ", step " + step;
      int dice = random.nextInt(100);
      if (dice < 6 && runs.size() < 10) {
        int count = 1 + random.nextInt(24);
        int low = random.nextInt(640);
        RunLimits limits = new RunLimits(low, Math.min(640, low + 200), 1 << random.nextInt(4), 0);
        int first = allocate(limits, count);
        if (first != PageArray.NONE) {
          assertThat(limits.next(first, count)).as(what).isEqualTo(first);
          for (int page = first; page < first + count; page++) {
            assertThat(physical.isHole(page) || inRuns.get(page)).as(what).isFalse();
            inRuns.set(page);
          }
          RawMemory.fill(pages.address(first), count * SIZE, (byte) step);
          runs.add(new int[] {first, count, step});
        }
      } else if (dice < 10 && !runs.isEmpty()) {
        int[] run = runs.remove(random.nextInt(runs.size()));
        assertThat(RawMemory.allBytesAre(pages.address(run[0]), run[1] * SIZE, (byte) run[2]))
            .as(what)
            .isTrue();
        contig.free(machine.self, run[0], run[1]);
        inRuns.clear(run[0], run[0] + run[1]);
      } else if (dice < 11 && step > 1500) {
        contig.shrinkReserve(machine.self, random.nextInt(RESERVE));
      } else {
        int at = random.nextInt(700);
        assertThat(machine.get(space, heap + at * SIZE)).as(what).isEqualTo(values[at]);
        values[at] = random.nextLong();
        machine.put(space, heap + at * SIZE, values[at]);
      }
      if (step % 500 == 0) {
        assertThat(VmCheck.run(machine.vm).problems()).as(what).isEmpty();
      }
    }
    isSound();
    for (int page = 0; page < physical.pageCount(); page++) {
      if (physical.isHole(page)) {
        assertThat(RawMemory.allBytesAre(pages.address(page), SIZE, (byte) 0)).isTrue();
      }
    }
  }

  /// The canaries of the check.
  @Nested
  class AChecker {
    private void isReported(String line) {
      assertThat(VmCheck.run(machine.vm).problems())
          .anySatisfy(problem -> assertThat(problem).contains(line));
    }

    @Test
    void noticesAHoleOnAQueue() {
      machine.vm.allocator().addAtBoot(50);
      isReported("a hole, but: page 50");
    }

    @Test
    void noticesAHoleInUse() {
      pages.setFlags(127, PageFlags.REFERENCED);
      isReported("a hole, but: page 127");
      pages.clearFlags(127, PageFlags.REFERENCED);
      pages.addHold(40, 1);
      isReported("a hole, but: page 40");
      pages.addHold(40, -1);
      isSound();
    }

    @Test
    void noticesAFrameThatIsMissingInTheDumpMap() {
      int node = machine.vm.nodes().wiredPages()[0];
      machine.vm.dump().drop(node);
      isReported("wrong in the dump map: frames {" + node + "}");
      machine.vm.dump().add(node);
      isSound();
    }

    @Test
    void noticesAFrameTooManyInTheDumpMap() {
      machine.vm.dump().add(50);
      isReported("wrong in the dump map: frames {50}");
    }
  }
}
