package org.pondhawk.vm.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;

/// What map entries show, and the check of it.
class EntryContentTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;

  @Test
  void withOtherBoundsThanItsEntryIsReported() {
    try (TestMachine machine = new TestMachine(256)) {
      Space space = machine.vm.newSpace();
      long at = machine.map(space, 4);
      machine.put(space, at, 1);
      assertThat(VmCheck.run(machine.vm).summary()).isEqualTo("clean");
      MapEntry entry = Objects.requireNonNull(space.map().find(at));
      Backing shorter = entry.head().part(at, at + 3 * SIZE, space.pageShift());
      MapEntry wrong = new MapEntry(at, at + 4 * SIZE, shorter, entry.traits(), 0);
      replace(space, entry, wrong);
      assertThat(VmCheck.run(machine.vm).summary()).contains("has content with other bounds");
      replace(space, wrong, entry);
      assertThat(VmCheck.run(machine.vm).summary()).isEqualTo("clean");
    }
  }

  private static void replace(Space space, MapEntry entry, MapEntry other) {
    space.withMapLocked(map -> {
      map.replace(entry, other);
      return true;
    });
  }

  @Test
  void ofItsOwnMapHasNoHeadAndNoParts() {
    try (TestMachine machine = new TestMachine(256)) {
      Space space = machine.vm.newSpace();
      long start = 1L << 21;
      Submap submap = new Submap(start, 2 * start, space.part(-1, start, 2 * start));
      MapEntry entry = MapEntry.showing(submap, EntryTraits.of(Access.ALL));
      assertThat(entry.backing()).isNull();
      assertThat(entry.isUntouched()).isFalse();
      assertThat(entry.toString()).endsWith("submap -1");
      assertThatThrownBy(entry::head).isInstanceOf(VmPanic.class);
      space.withMapLocked(map -> {
        map.insert(entry);
        Clipper clipper = new Clipper(map, space.pageShift());
        assertThatThrownBy(() -> clipper.clip(start + SIZE)).isInstanceOf(VmPanic.class);
        map.remove(entry);
        return true;
      });
    }
  }

  @Test
  void ofAPartHasItsGuardOnlyAtItsLowestEnd() {
    EntryTraits guarded = EntryTraits.of(Access.ALL).withFlags(EntryFlags.GUARDED, 0);
    MapEntry whole = MapEntry.untouched(0, 4 * SIZE, guarded);
    assertThat(whole.withBounds(0, SIZE).traits().has(EntryFlags.GUARDED)).isTrue();
    assertThat(whole.withBounds(SIZE, 2 * SIZE).traits().has(EntryFlags.GUARDED)).isFalse();
    MapEntry next = MapEntry.untouched(4 * SIZE, 8 * SIZE, guarded);
    assertThat(whole.isLike(next)).as("its guard would be lost").isFalse();
  }
}
