package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;

/// The canaries of the check of maps: one thing broken in a sound map, and the line that must come.
class MapCheckTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;

  private final TestMachine machine = new TestMachine(256);
  private final Space space = machine.vm.newSpace();
  private final AddressMap map = space.map();
  private final EntryTraits traits = EntryTraits.of(Access.READ);

  @BeforeEach
  void aSoundMap() {
    space.mapAt(10 * SIZE, 4 * SIZE, Access.READ | Access.WRITE);
    machine.put(space, 10 * SIZE, 1);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  @AfterEach
  void close() {
    machine.vm.haltSwitch().halt(new VmPanic("the test broke the machine"));
    machine.close();
  }

  private void isReported(String line) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(problem -> assertThat(problem).contains(line));
  }

  @Test
  void noticesEntriesThatOverlap() {
    map.insert(MapEntry.untouched(12 * SIZE, 15 * SIZE, traits));
    isReported("out of order");
  }

  @Test
  void noticesAnEntryBeyondTheRange() {
    map.insert(MapEntry.untouched(map.range() - SIZE, map.range() + SIZE, traits));
    isReported("beyond its range");
  }

  @Test
  void noticesPartsOfPages() {
    map.insert(MapEntry.untouched(20 * SIZE, 21 * SIZE + 8, traits));
    isReported("not whole pages");
  }

  @Test
  void noticesRightsBeyondTheMost() {
    map.insert(
        MapEntry.untouched(20 * SIZE, 21 * SIZE, traits.withAccess(Access.ALL, Access.READ)));
    isReported("more rights than it may have");
  }

  @Test
  void noticesAReserveBelowWhatIsNoStack() {
    map.insert(MapEntry.untouched(20 * SIZE, 21 * SIZE, traits).withReserve(SIZE));
    isReported("keeps what is not below a stack");
  }

  @Test
  void noticesAReserveBelowTheFirstAddress() {
    EntryTraits stack = traits.withFlags(EntryFlags.STACK, 0);
    map.insert(MapEntry.untouched(5 * SIZE, 6 * SIZE, stack).withReserve(6 * SIZE));
    isReported("keeps what is not below a stack");
  }

  @Test
  void noticesAChainOfOtherBounds() {
    MapEntry entry = map.overlapping(10 * SIZE, 11 * SIZE).getFirst();
    MapEntry longer =
        new MapEntry(entry.start(), entry.end() + SIZE, entry.head(), entry.traits(), 0);
    map.remove(entry);
    map.insert(longer);
    isReported("shows an element of other bounds");
  }

  @Test
  void noticesAHintThatPassesAHoleOver() {
    space.mapAt(0, 8 * SIZE, Access.READ);
    assertThat(map.findSpace(2 * SIZE, 0, SIZE)).isEqualTo(8 * SIZE);
    map.remove(map.overlapping(0, SIZE).getFirst()); // and nobody says so
    isReported("a hint passes over the hole at 0x0");
  }
}
