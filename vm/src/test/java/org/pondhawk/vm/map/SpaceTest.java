package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.sync.Helper;

class SpaceTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 40;

  @TempDir private Path folder;
  private TestMachine machine;
  private Space space;

  @BeforeEach
  void boot() {
    machine = new TestMachine(256, folder, 8 << 20);
    space = machine.vm.newSpace();
  }

  @AfterEach
  void theMachineIsSoundAndNothingRemains() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.vm.closeSpace(machine.self, space);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    assertThat(machine.vm.swap().used()).isZero();
    assertThat(machine.vm.objects().all()).isEmpty();
    machine.close();
  }

  private long fill(int pages) {
    long start = machine.map(space, pages);
    for (long i = 0; i < pages; i++) {
      machine.put(space, start + i * SIZE, start + i);
    }
    return start;
  }

  private void requireKept(long start, long from, long to) {
    for (long i = from; i < to; i++) {
      assertThat(machine.get(space, start + i * SIZE)).as("page %d", i).isEqualTo(start + i);
    }
  }

  private void requireGone(long start, long from, long to) {
    for (long i = from; i < to; i++) {
      long address = start + i * SIZE;
      assertThatThrownBy(() -> machine.get(space, address))
          .isInstanceOf(AccessViolationException.class);
    }
  }

  private long freePages() {
    machine.vm.page().stats().rollup();
    return machine.vm.page().stats().global(PageCount.FREE);
  }

  @ParameterizedTest(name = "pages {0} to {1}")
  @CsvSource({"0, 7", "11, 23", "30, 40", "0, 40", "39, 40", "0, 1"})
  void unmappingAPartKeepsTheRest(int from, int to) {
    long start = fill(PAGES);
    long before = freePages();

    space.unmap(machine.self, start + from * SIZE, start + to * SIZE);

    requireGone(start, from, to);
    requireKept(start, 0, from);
    requireKept(start, to, PAGES);
    assertThat(freePages()).isGreaterThanOrEqualTo(before + to - from);
    assertThat(space.map().size()).isEqualTo((PAGES - to + from) * SIZE);
  }

  @Test
  void unmappingTheRestOfASplitMappingFreesItsPages() {
    long start = fill(PAGES);
    space.unmap(machine.self, start + 10 * SIZE, start + 20 * SIZE);
    long before = freePages();

    space.unmap(machine.self, start, start + 10 * SIZE);

    assertThat(freePages()).isGreaterThanOrEqualTo(before + 10);
    VmObject object = machine.vm.objects().all().getFirst();
    assertThat(object.resident().size()).isEqualTo(20);
    assertThat(object.references()).isEqualTo(1);
    requireKept(start, 20, PAGES);
  }

  @Test
  void unmappingFreesSwapToo() {
    long start = fill(400);
    long used = machine.vm.swap().used();
    assertThat(used).as("more than memory was touched").isGreaterThan(100);

    space.unmap(machine.self, start, start + 200 * SIZE);
    long left = machine.vm.swap().used();
    assertThat(left).isLessThan(used);
    requireKept(start, 200, 400);

    space.unmap(machine.self, start + 200 * SIZE, start + 400 * SIZE);
    assertThat(machine.vm.swap().used()).isZero();
  }

  @Test
  void unmappingSeveralMappingsAtOnceSkipsTheHoles() {
    assertThat(space.mapAt(10 * SIZE, 5 * SIZE, Access.READ)).isTrue();
    assertThat(space.mapAt(20 * SIZE, 5 * SIZE, Access.READ)).isTrue();
    machine.get(space, 12 * SIZE);
    machine.get(space, 22 * SIZE);

    space.unmap(machine.self, 0, 22 * SIZE);

    assertThat(space.map().find(10 * SIZE)).isNull();
    assertThat(space.map().find(21 * SIZE)).isNull();
    assertThat(machine.get(space, 22 * SIZE)).isZero();
  }

  /// A reverse scan that finds no attachment takes a mapped page for an unmapped one.
  @Test
  void whatStaysMappedIsFoundByAReverseScanAtEveryMoment() {
    long start = machine.map(space, 3_000);
    machine.get(space, start);
    VmObject object = machine.vm.objects().all().getFirst();
    AtomicBoolean done = new AtomicBoolean();
    Helper<Boolean> scanner =
        Helper.run(() -> {
          while (!done.get()) {
            assertThat(object.attachments()).anySatisfy(a -> assertThat(a.firstPindex()).isZero());
          }
        });
    for (long i = 2_999; i > 0; i--) {
      space.unmap(machine.self, start + i * SIZE, start + (i + 1) * SIZE);
    }
    done.set(true);
    scanner.join();
  }

  @Nested
  class Mapping {
    @Test
    void anywhereTakesTheFirstFit() {
      assertThat(space.mapAt(3 * SIZE, SIZE, Access.READ)).isTrue();
      assertThat(space.mapAnywhere(SIZE, 2 * SIZE, SIZE, Access.READ)).isEqualTo(SIZE);
      assertThat(space.mapAnywhere(SIZE, 2 * SIZE, SIZE, Access.READ)).isEqualTo(4 * SIZE);
      assertThat(space.mapAnywhere(0, 1L << 41, SIZE, Access.READ)).isEqualTo(-1);
    }

    @Test
    void whereSomethingIsChangesNothing() {
      space.mapAt(3 * SIZE, SIZE, Access.READ);
      assertThat(space.mapAt(2 * SIZE, 2 * SIZE, Access.READ)).isFalse();
      assertThat(space.map().all()).hasSize(1);
    }

    @Test
    void inAClosedSpaceIsRefused() {
      Space other = machine.vm.newSpace();
      machine.vm.closeSpace(machine.self, other);
      machine.vm.closeSpace(machine.self, other);
      assertThat(other.isClosed()).isTrue();
      assertThatThrownBy(() -> other.mapAt(0, SIZE, Access.READ))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Nested
  class Memory {
    @Test
    void isZeroAtFirstEvenWhereAnotherSpaceWroteBefore() {
      Space other = machine.vm.newSpace();
      long there = machine.map(other, 100);
      for (int i = 0; i < 100; i++) {
        machine.put(other, there + i * SIZE, -1);
      }
      machine.vm.closeSpace(machine.self, other);
      long here = machine.map(space, 100);
      for (int i = 0; i < 100; i++) {
        assertThat(machine.get(space, here + i * SIZE)).isZero();
      }
    }

    @Test
    void largerThanTheMachineSurvivesBeingPagedOutAndChangedAgain() {
      long start = fill(500);
      requireKept(start, 0, 500);
      for (long i = 0; i < 500; i += 3) {
        machine.put(space, start + i * SIZE, start + i);
        machine.put(space, start + i * SIZE + 8, 5);
      }
      requireKept(start, 0, 500);
      for (long i = 0; i < 500; i++) {
        assertThat(machine.get(space, start + i * SIZE + 8)).isEqualTo(i % 3 == 0 ? 5 : 0);
      }
    }

    @Test
    void beyondFourGibibytesOfOneMappingCanBeTouchedFirst() {
      long pages = 1L << 27;
      long start = machine.map(space, pages);
      machine.put(space, start + (pages - 1) * SIZE, 9);
      assertThat(machine.get(space, start + (pages - 1) * SIZE)).isEqualTo(9);
    }

    @Test
    void thatIsReadOnlyIsNotStoredInto() {
      space.mapAt(SIZE, SIZE, Access.READ);
      assertThat(machine.get(space, SIZE)).isZero();
      assertThatThrownBy(() -> machine.put(space, SIZE, 1))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("write at 0x1000");
    }
  }
}
