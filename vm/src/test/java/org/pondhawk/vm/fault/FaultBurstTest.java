package org.pondhawk.vm.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.FaultSpec;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;

/// Soft faults in a forked child, whose parent has all pages resident.
class FaultBurstTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 64;

  private final TestMachine machine = new TestMachine(2048, new FaultSpec(8, false));
  private final PageArray pages = machine.vm.page().pages();
  private final Space parent = machine.vm.newSpace();

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private long touched(int count) {
    long at = machine.map(parent, count);
    for (int i = 0; i < count; i++) {
      machine.put(parent, at + i * SIZE, i + 1);
    }
    return at;
  }

  private void read(Space space, long at, int... indexes) {
    for (int i : indexes) {
      assertThat(machine.get(space, at + i * SIZE)).isEqualTo(i + 1);
    }
  }

  private static List<Integer> mapped(Space space, long at, int count) {
    return IntStream.range(0, count)
        .filter(i -> Pte.isValid(space.pmap().entry(at + i * SIZE)))
        .boxed()
        .toList();
  }

  private static List<Integer> range(int first, int last) {
    return IntStream.rangeClosed(first, last).boxed().toList();
  }

  @Test
  void ofAPageAloneMapsNothingElse() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, 10, 30);
    assertThat(mapped(child, at, PAGES)).containsExactly(10, 30);
  }

  @Test
  void goesOnUpwardsBehindAMappedPage() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, 10, 11);
    assertThat(mapped(child, at, PAGES)).isEqualTo(range(10, 19));
  }

  @Test
  void goesOnDownwardsBeforeAMappedPage() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, 30, 29);
    assertThat(mapped(child, at, PAGES)).isEqualTo(range(21, 30));
  }

  @Test
  void endsWithTheEntry() {
    long at = touched(PAGES);
    touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, PAGES - 4, PAGES - 3);
    assertThat(mapped(child, at, PAGES)).isEqualTo(range(PAGES - 4, PAGES - 1));
    assertThat(child.pmap().resident()).isEqualTo(4);
  }

  @Test
  void endsWithThePieceOfThePageTable() {
    int count = 1100;
    long at = touched(count);
    int border = (int) (((((at >>> 21) + 1) << 21) - at) >>> 12);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, border - 3, border - 2);
    assertThat(mapped(child, at, count)).isEqualTo(range(border - 3, border - 1));
  }

  @Test
  void endsAtAPageThatIsNotResidentAndAllocatesNone() {
    long at = machine.map(parent, PAGES);
    for (int i = 0; i < 15; i++) {
      machine.put(parent, at + i * SIZE, i + 1);
    }
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, 10, 11);
    assertThat(mapped(child, at, PAGES)).isEqualTo(range(10, 14));
  }

  @Test
  void leavesABusyPageOut() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    int page = machine.pageAt(parent, at + 13 * SIZE);
    assertThat(machine.vm.page().busy().tryHardBusy(page)).isTrue();
    read(child, at, 10, 11);
    machine.vm.page().busy().unbusy(page);
    assertThat(mapped(child, at, PAGES)).containsExactly(10, 11, 12, 14, 15, 16, 17, 18, 19);
  }

  @Test
  void endsAtACachedPageWhichStaysCached() {
    long at = machine.map(parent, PAGES);
    for (int i = 0; i < PAGES; i++) {
      assertThat(machine.get(parent, at + i * SIZE)).isZero();
    }
    int[] all = IntStream.range(0, PAGES).map(i -> machine.pageAt(parent, at + i * SIZE)).toArray();
    for (int i = 0; i < PAGES; i++) {
      assertThat(machine.vm.page().busy().tryHardBusy(all[i])).isTrue();
      machine.vm.mappings().removeAll(all[i]);
      if (i != 14) {
        machine.vm.page().busy().unbusy(all[i]);
      }
    }
    assertThat(machine.vm.page().mover().toCache(machine.self, all[14])).isTrue();

    assertThat(machine.get(parent, at + 10 * SIZE)).isZero();
    assertThat(machine.get(parent, at + 11 * SIZE)).isZero();

    assertThat(mapped(parent, at, PAGES)).isEqualTo(range(10, 13));
    machine.put(parent, at + 12 * SIZE, 7);
    assertThat(machine.get(parent, at + 12 * SIZE)).as("stored through a burst entry").isEqualTo(7);
  }

  @Test
  void mapsWithoutTheRightToStoreAndUnaccessed() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    read(child, at, 10, 11);
    long pte = child.pmap().entry(at + 12 * SIZE);
    assertThat(pte & (Pte.ACCESSED | Pte.WRITABLE | Pte.MODIFIED)).isZero();
    assertThat(pages.frames().frameOf(Pte.frame(pte)))
        .isEqualTo(machine.pageAt(parent, at + 12 * SIZE));
    machine.put(child, at + 12 * SIZE, 99);
    read(parent, at, 12);
  }

  @Test
  void findsPagesInDeeperElements() {
    long at = touched(PAGES);
    Space child = machine.vm.fork(machine.self, parent);
    machine.put(child, at + 15 * SIZE, 16);
    int[] walk = {10, 11};
    read(child, at, walk);
    assertThat(mapped(child, at, PAGES)).isEqualTo(range(10, 15));
    assertThat(Pte.isWritable(child.pmap().entry(at + 12 * SIZE))).isFalse();
    assertThat(Pte.isWritable(child.pmap().entry(at + 15 * SIZE))).isTrue();
  }

  @Test
  void doesNotFollowAZeroFill() {
    long at = machine.map(parent, PAGES);
    machine.put(parent, at + SIZE, 1);
    machine.put(parent, at + 2 * SIZE, 1);
    assertThat(mapped(parent, at, PAGES)).containsExactly(1, 2);
  }

  @Test
  void isNotMadeWhereItIsSwitchedOff() {
    try (TestMachine plain = new TestMachine(256)) {
      Space space = plain.vm.newSpace();
      long at = plain.map(space, 8);
      for (int i = 0; i < 8; i++) {
        plain.put(space, at + i * SIZE, i + 1);
      }
      Space child = plain.vm.fork(plain.self, space);
      assertThat(plain.get(child, at)).isEqualTo(1);
      assertThat(plain.get(child, at + SIZE)).isEqualTo(2);
      assertThat(mapped(child, at, 8)).containsExactly(0, 1);
    }
  }
}
