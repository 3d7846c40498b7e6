package org.pondhawk.vm.pmap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.queue.Event;

/// Where the entries of a table of two levels lie, while their memory comes and goes.
class TwoLevelTableTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final long REGION = 512 * SIZE;
  private static final int REGIONS = 100;

  private final TestMachine machine = new TestMachine(400, null, 0, TableForm.TWO_LEVEL);
  private final Space space = machine.vm.newSpace();
  private final Pmap pmap = space.pmap();

  @AfterEach
  void close() {
    machine.close();
  }

  /// Maps a page and stores into it.
  private void use(long address) {
    assertThat(space.mapAt(address, SIZE, Access.READ | Access.WRITE)).isTrue();
    machine.put(space, address, address);
  }

  private void unmap(long address) {
    space.unmap(machine.self, address, address + SIZE);
  }

  private void requireSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  @Nested
  class APlace {
    @Test
    void isTheSharedOneUntilTheFirstUse() {
      assertThat(pmap.slot(0)).isEqualTo(pmap.table());
      assertThat(pmap.slot(7 * REGION)).isEqualTo(pmap.table());
      assertThat(pmap.slot(7 * REGION + 3 * SIZE)).isEqualTo(pmap.table() + 24);
      use(7 * REGION);
      assertThat(pmap.slot(7 * REGION)).isNotEqualTo(pmap.table());
      assertThat(pmap.slot(0)).isEqualTo(pmap.table());
      requireSound();
    }

    @Test
    void isTheSameAgainAfterItsMemoryWasGivenBack() {
      use(7 * REGION);
      long slot = pmap.slot(7 * REGION);
      unmap(7 * REGION);
      assertThat(pmap.slot(7 * REGION)).isEqualTo(pmap.table());
      assertThat(pmap.balloons()).isEmpty();
      use(7 * REGION);
      assertThat(pmap.slot(7 * REGION)).isEqualTo(slot);
      requireSound();
    }

    /// Who still has the place from before, as a load that is not guarded may, must not see what
    /// another region maps.
    @Test
    void isNeverAnothersAndReadsZerosWhenItIsStale() {
      Set<Long> places = new HashSet<>();
      for (long n = 0; n < REGIONS; n++) {
        use(n * REGION);
        long slot = pmap.slot(n * REGION);
        assertThat(places.add(slot)).as("a place of its own for region %d", n).isTrue();
        unmap(n * REGION);
        assertThat(RawMemory.getLongVolatile(slot)).as("region %d, stale", n).isZero();
      }
      use(REGIONS * REGION);
      for (long place : places) {
        assertThat(RawMemory.getLongVolatile(place)).isZero();
      }
      requireSound();
    }

    @Test
    void isGoneWithTheTable() {
      use(7 * REGION);
      machine.vm.closeSpace(machine.self, space);
      requireSound();
      assertThat(machine.vm.page().stats().total(Event.TABLE_FRAMES)).isZero();
      assertThat(pmap.pin()).isFalse();
    }
  }

  @Test
  void theLastRegionOfTheRangeHasAPlaceToo() {
    long last = space.map().range() - SIZE;
    use(last);
    assertThat(machine.get(space, last)).isEqualTo(last);
    assertThat(pmap.freeze(0, space.map().range())).isTrue();
    assertThat(pmap.isFrozen(last)).isTrue();
    assertThat(pmap.isFrozen(last - REGION)).isFalse();
    pmap.thaw(last);
    assertThat(pmap.isFrozen(last)).isFalse();
    requireSound();
  }

  /// Addresses that are not to be had: a memory that is closed refuses as the kernel does.
  @Test
  void aPieceThatTheKernelHasNoAddressesForIsNotCharged() {
    OwnMemory memory = new OwnMemory();
    TableFrames frames =
        new TableFrames(machine.vm.page(), machine.vm.allocator(), machine.vm.dump());
    TableMemory table = TableMemory.reserve(memory, frames, 99, 1 << 20, TableForm.TWO_LEVEL);
    memory.close();
    assertThatThrownBy(() -> table.charge(machine.self, 3))
        .isInstanceOf(OutOfPagesException.class)
        .hasMessageContaining("no addresses for a page table");
    assertThat(table.isCharged(3)).isFalse();
    assertThat(table.balloons()).as("those of words").hasSize(2);
    assertThat(machine.vm.page().stats().total(Event.TABLE_FRAMES)).isEqualTo(2);
  }

  @Test
  void aLinearTableHasNoDirectory() {
    try (TestMachine other = new TestMachine(256)) {
      Pmap linear = other.vm.newSpace().pmap();
      assertThatThrownBy(linear::directory).isInstanceOf(IllegalStateException.class);
    }
  }

  /// What the check must find out.
  @Nested
  class Canaries {
    @AfterEach
    void theMachineIsBroken() {
      machine.vm.haltSwitch().halt(new VmPanic("the test broke the machine"));
    }

    private void isReported(String line) {
      List<String> problems = VmCheck.run(machine.vm).problems();
      assertThat(problems).anySatisfy(problem -> assertThat(problem).contains(line));
    }

    @Test
    void anEntryInTheSharedPiece() {
      use(7 * REGION);
      long entry = pmap.entry(7 * REGION);
      RawMemory.setLongVolatile(pmap.slot(3 * REGION), entry);
      isReported("the piece that stands for all that are not charged is not empty");
    }

    @Test
    void aDirectoryWordThatIsLost() {
      use(7 * REGION);
      RawMemory.setLongVolatile(pmap.directory() + 7 * Long.BYTES, 0);
      isReported("the directory says 0x0 for piece 7");
    }

    @Test
    void aDirectoryWordThatShowsAnothersPlace() {
      use(7 * REGION);
      use(8 * REGION);
      long other = RawMemory.getLongVolatile(pmap.directory() + 8 * Long.BYTES);
      RawMemory.setLongVolatile(pmap.directory() + 7 * Long.BYTES, other);
      isReported("the directory says 0x%x for piece 7".formatted(other));
    }

    @Test
    void aDirectoryWordOfAPieceThatIsNotCharged() {
      use(7 * REGION);
      long word = RawMemory.getLongVolatile(pmap.directory() + 7 * Long.BYTES);
      unmap(7 * REGION);
      use(8 * REGION);
      RawMemory.setLongVolatile(pmap.directory() + 7 * Long.BYTES, word);
      isReported("the directory says 0x%x for piece 7, not 0x0".formatted(word));
    }
  }
}
