package org.pondhawk.vm.pmap;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;

/// The piece of a page table that is kept though it is empty: one that is emptied over and over.
@ParameterizedClass(name = "{0}")
@EnumSource(value = TableForm.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class KeptPieceTest {
  private static final int SIZE = TestMachine.PAGE_SIZE;
  private static final long REGION = 512L * SIZE;
  private static final long HERE = 3 * REGION;
  private static final long THERE = 5 * REGION;

  private final TestMachine machine;
  private final Space space;
  private final Pmap pmap;
  private final int words;

  KeptPieceTest(TableForm tables) {
    machine = new TestMachine(256, null, 0, tables);
    space = machine.vm.newSpace();
    pmap = space.pmap();
    words = tables == TableForm.LINEAR ? 1 : 2;
  }

  @AfterEach
  void nothingIsKeptBehindTheSpacesEnd() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.vm.closeSpace(machine.self, space);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    assertThat(machine.vm.page().stats().total(Event.TABLE_FRAMES)).isZero();
    machine.close();
  }

  private void use(long address) {
    assertThat(space.mapAt(address, SIZE, Access.READ | Access.WRITE)).isTrue();
    assertThat(machine.get(space, address)).isZero();
    machine.put(space, address, address);
    assertThat(machine.get(space, address)).isEqualTo(address);
  }

  private void unmap(long address) {
    space.unmap(machine.self, address, address + SIZE);
  }

  private void useAndUnmap(long address, int times) {
    for (int n = 0; n < times; n++) {
      use(address);
      unmap(address);
    }
  }

  @Test
  void isOneThatIsEmptiedTwiceInARow() {
    useAndUnmap(HERE, 1);
    assertThat(pmap.balloons()).isEmpty();
    useAndUnmap(HERE, 1);
    assertThat(pmap.isCharged(HERE)).isTrue();
    List<Integer> kept = pmap.balloons();
    assertThat(kept).hasSize(1 + words);
    useAndUnmap(HERE + SIZE, 3);
    assertThat(pmap.balloons()).as("the same frames").isEqualTo(kept);
  }

  @Test
  void isNotOneThatIsEmptiedInTurnWithAnother() {
    for (int n = 0; n < 4; n++) {
      useAndUnmap(HERE, 1);
      useAndUnmap(THERE, 1);
    }
    assertThat(pmap.balloons()).isEmpty();
  }

  @Test
  void isTheLastOfThem() {
    useAndUnmap(HERE, 2);
    useAndUnmap(THERE, 2);
    assertThat(pmap.isCharged(HERE)).isFalse();
    assertThat(pmap.isCharged(THERE)).isTrue();
    assertThat(pmap.balloons()).hasSize(1 + words);
  }

  @Test
  void isLeftToWhoUsesItWhenAnotherIsKept() {
    useAndUnmap(HERE, 2);
    use(HERE);
    useAndUnmap(THERE, 2);
    assertThat(machine.get(space, HERE)).isEqualTo(HERE);
    assertThat(pmap.balloons()).hasSize(2 + words);
    unmap(HERE);
    assertThat(pmap.isCharged(HERE)).isFalse();
    assertThat(pmap.balloons()).hasSize(1 + words);
  }

  @Test
  void isGivenUpWithTheWholeSpace() {
    useAndUnmap(HERE, 2);
    space.unmap(machine.self, 0, space.map().range());
    assertThat(pmap.balloons()).hasSize(1 + words);
    use(THERE);
    space.unmap(machine.self, 0, space.map().range());
    assertThat(pmap.balloons()).isEmpty();
  }

  @Test
  void isNotKeptWhereMemoryIsShort() {
    useAndUnmap(HERE, 2);
    use(HERE);
    List<Integer> all = new ArrayList<>();
    for (int beyond = 0; beyond < 8; beyond += machine.pressure().isPlenty(0) ? 0 : 1) {
      int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.NORMAL);
      assertThat(page).isNotEqualTo(PageArray.NONE);
      all.add(page);
    }
    unmap(HERE);
    assertThat(pmap.balloons()).isEmpty();
    all.forEach(page -> machine.vm.allocator().free(machine.self, page));
  }

  @Test
  void isAsNewForWhoUsesItNext() {
    useAndUnmap(HERE, 1);
    use(HERE);
    assertThat(pmap.freeze(0, space.map().range())).isTrue();
    unmap(HERE);
    assertThat(pmap.isCharged(HERE)).isTrue();
    assertThat(pmap.isFrozen(HERE)).isFalse();
    assertThat(pmap.isMapped(HERE)).isFalse();
    use(HERE);
  }
}
