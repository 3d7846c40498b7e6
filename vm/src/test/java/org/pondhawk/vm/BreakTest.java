package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.sync.Helper;

/// The data range and its end.
class BreakTest {
  private static final long PAGE = 4096;
  private static final long GIB = 1L << 30;

  private final ViewFixture fixture = new ViewFixture((int) PAGE);
  private final AddressSpace space = fixture.space;
  private final View view = fixture.view;

  @AfterEach
  void theMachineIsSound() {
    fixture.close();
  }

  private void requireNoRoom(long bytes, String message) {
    long before = space.growBreak(0);
    var mapped = space.mappings();
    assertThatThrownBy(() -> space.growBreak(bytes))
        .isInstanceOf(NoRoomException.class)
        .hasMessageContaining(message);
    assertThat(space.growBreak(0)).as("the break is where it was").isEqualTo(before);
    assertThat(space.mappings()).isEqualTo(mapped);
  }

  @Test
  void beginsInTheMiddleUntilItIsPlaced() {
    assertThat(space.growBreak(0)).isEqualTo(space.range() / 2);
    space.placeBreak(GIB);
    assertThat(space.growBreak(PAGE)).isEqualTo(GIB);
    view.putLong(GIB, 1);
    assertThat(space.mappings().getFirst().subsystem()).isEqualTo("BRK");
    assertThatThrownBy(() -> space.placeBreak(2 * GIB))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("4096 bytes at 0x40000000 already");
  }

  @Test
  void movesInsideAPageWithoutAMapping() {
    space.placeBreak(GIB);
    assertThat(space.growBreak(100)).isEqualTo(GIB);
    assertThat(space.growBreak(200)).isEqualTo(GIB + 100);
    assertThat(space.growBreak(0)).isEqualTo(GIB + 300);
    assertThat(space.growBreak(PAGE - 300)).as("to its very end").isEqualTo(GIB + 300);
    assertThat(space.growBreak(0)).isEqualTo(GIB + PAGE);
    assertThat(space.isMapped(GIB + PAGE, PAGE)).isFalse();
  }

  @Test
  void leavesTheRestOfAPageThatIsTooShort() {
    space.placeBreak(GIB);
    space.growBreak(100);
    assertThat(space.growBreak(PAGE)).isEqualTo(GIB + PAGE);
    assertThat(space.growBreak(0)).isEqualTo(GIB + 2 * PAGE);
    view.putLong(GIB + 2 * PAGE - 8, 1);
    assertThat(space.mappings()).as("one range").hasSize(1);
  }

  @Test
  void isNotMovedOverWhatIsMapped() {
    space.placeBreak(GIB);
    space.growBreak(100);
    space.mapAt(GIB + 3 * PAGE, PAGE, Protection.READ);
    requireNoRoom(3 * PAGE, "in the way");
    assertThat(space.growBreak(2 * PAGE)).isEqualTo(GIB + PAGE);
    requireNoRoom(1, "in the way");
    assertThatThrownBy(() -> space.setBreak(GIB + 4 * PAGE)).isInstanceOf(NoRoomException.class);
  }

  @Test
  void isNotMovedPastItsLimits() {
    space.placeBreak(GIB);
    space.setLimits(SpaceLimits.NONE.withData(2 * PAGE));
    requireNoRoom(2 * PAGE + 1, "may have");
    assertThat(space.growBreak(2 * PAGE)).isEqualTo(GIB);
    requireNoRoom(1, "may have");
    space.setLimits(SpaceLimits.NONE);
    fixture.vm.tunables().set("kern.maxdsiz", 3L * PAGE);
    requireNoRoom(2 * PAGE, "may have");
    requireNoRoom(Long.MAX_VALUE, "may have");
    requireNoRoom(space.range(), "may have");
    assertThat(space.growBreak(PAGE)).isEqualTo(GIB + 2 * PAGE);
  }

  @Test
  void isNotLowered() {
    space.placeBreak(GIB);
    space.growBreak(2 * PAGE);
    for (long bytes : new long[] {-1, -PAGE, Long.MIN_VALUE}) {
      assertThatThrownBy(() -> space.growBreak(bytes)).hasMessageContaining("not lowered");
    }
    for (long end : new long[] {0, GIB, GIB + PAGE}) {
      assertThatThrownBy(() -> space.setBreak(end))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("not lowered");
    }
    for (long end : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, space.range() + 1}) {
      assertThatThrownBy(() -> space.setBreak(end)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(space.growBreak(0)).isEqualTo(GIB + 2 * PAGE);
  }

  @Test
  void canBeSetToAnAddress() {
    space.placeBreak(GIB);
    space.setBreak(GIB + 5 * PAGE - 7);
    assertThat(space.growBreak(0)).isEqualTo(GIB + 5 * PAGE);
    view.putLong(GIB + 4 * PAGE, 1);
    space.setBreak(GIB + 5 * PAGE);
    space.setLimits(SpaceLimits.NONE.withSize(5 * PAGE));
    assertThatThrownBy(() -> space.setBreak(GIB + 6 * PAGE))
        .isInstanceOf(NoRoomException.class)
        .hasMessageContaining("limit");
    assertThat(space.growBreak(PAGE)).as("sbrk asks no such limit").isEqualTo(GIB + 5 * PAGE);
  }

  @Test
  void growsWiredWhereEverythingNewIsToBe() {
    space.placeBreak(GIB);
    space.growBreak(100);
    space.wireAll(WireScope.FUTURE);
    space.growBreak(200);
    assertThat(space.residency(GIB, PAGE).residentCount()).as("its page was there").isZero();
    space.growBreak(2 * PAGE);
    assertThat(space.residency(GIB, 3 * PAGE).residentCount()).isEqualTo(2);
    space.setBreak(GIB + 4 * PAGE);
    assertThat(space.residency(GIB, 4 * PAGE).residentCount()).isEqualTo(3);
    space.unwireAll();
  }

  @Test
  void isCopiedByAFork() {
    space.placeBreak(GIB);
    space.growBreak(PAGE);
    view.putLong(GIB, 8);
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      assertThat(child.growBreak(PAGE)).isEqualTo(GIB + PAGE);
      assertThat(other.getLong(GIB)).isEqualTo(8);
      assertThat(space.growBreak(0)).isEqualTo(GIB + PAGE);
    }
  }

  @Test
  void givesEveryThreadBytesOfItsOwn() {
    space.placeBreak(GIB);
    List<Helper<List<Long>>> all = new ArrayList<>();
    for (int n = 0; n < 3; n++) {
      all.add(
          Helper.start(() -> {
            List<Long> got = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
              got.add(space.growBreak(64));
            }
            return got;
          }));
    }
    TreeSet<Long> given = new TreeSet<>();
    all.forEach(helper -> helper.join().forEach(at -> assertThat(given.add(at)).isTrue()));
    assertThat(given).hasSize(900).first().isEqualTo(GIB);
    assertThat(given.last()).isEqualTo(GIB + 899 * 64);
  }
}
