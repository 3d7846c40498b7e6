package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;

class ClipperTest {
  private static final long SIZE = 4096;

  private final TestMachine machine = new TestMachine(512);
  private final Space space = machine.vm.newSpace();

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private List<MapEntry> entries() {
    return space.map().all();
  }

  private void protect(long start, long end, int access) {
    space.protect(machine.self, start, end, access, false);
  }

  @Test
  void mappingsThatTouchAndAreAlikeAreOneEntry() {
    space.mapAt(SIZE, SIZE, Access.READ);
    space.mapAt(3 * SIZE, SIZE, Access.READ);
    space.mapAt(2 * SIZE, SIZE, Access.READ);

    assertThat(entries())
        .containsExactly(MapEntry.untouched(SIZE, 4 * SIZE, EntryTraits.of(Access.READ)));
  }

  @Test
  void mappingsWithOtherRightsStayApart() {
    space.mapAt(SIZE, SIZE, Access.READ);
    space.mapAt(2 * SIZE, SIZE, Access.READ | Access.WRITE);
    assertThat(entries()).hasSize(2);
  }

  @Test
  void whatWasCutIsJoinedWhenItIsAlikeAgain() {
    long start = machine.map(space, 8);
    machine.put(space, start + 3 * SIZE, 3);
    protect(start + 2 * SIZE, start + 5 * SIZE, Access.READ);
    assertThat(entries()).hasSize(3);
    int references = entries().getFirst().head().object().references();
    assertThat(references).isEqualTo(3);

    protect(start + 2 * SIZE, start + 5 * SIZE, Access.READ | Access.WRITE);

    assertThat(entries()).hasSize(1);
    assertThat(entries().getFirst().head().object().references()).isOne();
    assertThat(machine.get(space, start + 3 * SIZE)).isEqualTo(3);
  }

  @Test
  void aHoleKeepsPartsApart() {
    long start = machine.map(space, 3);
    machine.put(space, start, 1);
    space.unmap(machine.self, start + SIZE, start + 2 * SIZE);
    protect(start, start + 3 * SIZE, Access.READ);
    assertThat(entries()).hasSize(2);
  }

  @Test
  void chainsAreNotJoined() {
    long start = machine.map(space, 2);
    machine.put(space, start, 1);
    Space child = machine.vm.fork(machine.self, space);
    machine.put(space, start, 2);
    protect(start, start + SIZE, Access.READ);
    protect(start, start + SIZE, Access.READ | Access.WRITE);
    assertThat(entries()).hasSize(2);
    assertThat(machine.get(space, start)).isEqualTo(2);
    machine.vm.closeSpace(machine.self, child);
  }

  @Test
  void aLargeMappingGetsAnObjectForEachPartitionThatIsTouched() {
    long partition = 32L << 20;
    space.mapAt(SIZE, 3 * partition, Access.READ | Access.WRITE);
    machine.put(space, partition + 5 * SIZE, 5);

    assertThat(entries())
        .extracting(MapEntry::start, e -> e.backing() != null)
        .containsExactly(tuple(SIZE, false), tuple(partition, true), tuple(2 * partition, false));
    assertThat(machine.get(space, partition + 5 * SIZE)).isEqualTo(5);
  }

  @Test
  void aForkOfWhatNobodyTouchedSharesNothing() {
    long start = machine.map(space, 4);
    Space child = machine.vm.fork(machine.self, space);

    machine.put(space, start, 1);
    machine.put(child, start, 2);

    assertThat(machine.get(space, start)).isEqualTo(1);
    assertThat(machine.get(child, start)).isEqualTo(2);
    assertThat(child.depth()).isZero();
    machine.vm.closeSpace(machine.self, child);
  }

  @Test
  void aForkOfWhatIsToBeSharedSharesItBeforeAnybodyTouchesIt() {
    long start = machine.map(space, 4);
    space.use().setInheritance(start, start + 4 * SIZE, Inheritance.SHARE);
    Space child = machine.vm.fork(machine.self, space);

    machine.put(child, start, 7);

    assertThat(machine.get(space, start)).isEqualTo(7);
    machine.vm.closeSpace(machine.self, child);
  }
}
