package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.stats.MappedRange;
import org.pondhawk.vm.sync.Helper;

/// Stacks that grow when somebody accesses what lies below them.
class StackTest {
  private static final long PAGE = 4096;
  private static final long STEP = 128 << 10;
  private static final long BYTES = 1 << 20;
  private static final long GIB = 1L << 30;

  private final ViewFixture fixture = new ViewFixture((int) PAGE);
  private final AddressSpace space = fixture.space;
  private final View view = fixture.view;

  @AfterEach
  void theMachineIsSound() {
    fixture.close();
  }

  private static MapRequest stack(long bytes) {
    return MapRequest.of(bytes, Protection.READ_WRITE).with(MapOption.STACK);
  }

  private void requireViolation(long address, String why) {
    assertThatThrownBy(() -> view.putLong(address, 1))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining(why);
  }

  private MappedRange lowest(long bottom) {
    return space.mappings().stream().filter(m -> m.end() > bottom).findFirst().orElseThrow();
  }

  @Test
  void isMappedInItsHighestPartAtFirst() {
    long bottom = space.map(stack(BYTES));
    assertThat(lowest(bottom).start()).isEqualTo(bottom + BYTES - STEP);
    assertThat(lowest(bottom).reserveBytes()).isEqualTo(BYTES - STEP);
    assertThat(lowest(bottom).flags()).isEqualTo("STACK");
    assertThat(lowest(bottom).subsystem()).isEqualTo("STACK");
  }

  @Test
  void thatIsShortIsMappedAtOnce() {
    long bottom = space.map(stack(3 * PAGE));
    assertThat(space.isMapped(bottom, 3 * PAGE)).isTrue();
    requireViolation(bottom - 8, "not mapped");
  }

  @Test
  void growsByStepsDownToItsBottomAndNoFurther() {
    long bottom = space.map(stack(BYTES).near(GIB));
    for (long at = bottom + BYTES - 8; at >= bottom; at -= PAGE) {
      view.putLong(at, at);
    }
    for (long at = bottom + BYTES - 8; at >= bottom; at -= PAGE) {
      assertThat(view.getLong(at)).isEqualTo(at);
    }
    assertThat(space.isMapped(bottom, BYTES)).isTrue();
    assertThat(lowest(bottom).reserveBytes()).isZero();
    requireViolation(bottom - 8, "not mapped");
  }

  @Test
  void growsDownToWhatIsAccessedInOneStepOverAllBetween() {
    long bottom = space.map(stack(BYTES).near(GIB));
    assertThat(view.getLong(bottom + 3 * STEP - 8)).isZero();
    assertThat(space.isMapped(bottom + 2 * STEP, BYTES - 2 * STEP)).isTrue();
    assertThat(space.isMapped(bottom + 2 * STEP - PAGE, PAGE)).isFalse();
    assertThat(space.mappings()).as("nothing was touched: one range").hasSize(1);
  }

  @Test
  void growsAsItWasGivenRightsAndAdvice() {
    long bottom = space.map(stack(BYTES).near(GIB));
    view.putLong(bottom + BYTES - 8, 1);
    long start = bottom + BYTES - STEP;
    space.restrict(start, STEP, Protection.READ_WRITE);
    space.protect(start, STEP, Protection.READ);
    space.advise(start, STEP, Advice.NO_DUMP);
    space.inherit(start, STEP, Inheritance.SHARE);

    assertThat(view.getLong(bottom)).isZero();

    MappedRange grown = lowest(bottom);
    assertThat(grown.start()).isEqualTo(bottom);
    assertThat(grown.rights()).isEqualTo("r--");
    assertThat(grown.mostRights()).isEqualTo("rw-");
    assertThat(grown.flags()).isEqualTo("NO_DUMP|STACK");
    assertThat(grown.inheritance()).isEqualTo("SHARE");
    requireViolation(bottom, "does not allow it");
  }

  @Test
  void keepsItsReserveFreeOfWhatLooksForAPlace() {
    long bottom = space.map(stack(BYTES).near(PAGE));
    assertThat(bottom).isEqualTo(PAGE);
    long other = space.map(PAGE, Protection.READ);
    assertThat(other).isEqualTo(bottom + BYTES);
    view.putLong(bottom, 1);
    assertThat(space.isMapped(bottom, BYTES)).isTrue();
  }

  @Test
  void growsNotIntoWhatWasMappedBelowIt() {
    long bottom = space.map(stack(BYTES).near(GIB));
    long inside = bottom + 2 * STEP;
    space.mapAt(inside, PAGE, Protection.READ_WRITE);
    view.putLong(inside, 9);

    requireViolation(bottom, "not mapped"); // below it nothing is the stack's
    view.putLong(inside + PAGE, 3);
    assertThat(view.getLong(inside)).isEqualTo(9);
    assertThat(space.isMapped(inside, 6 * STEP)).isTrue();
    assertThat(space.map(MapRequest.of(PAGE, Protection.READ).near(bottom))).isEqualTo(bottom);
  }

  @Test
  void growsNotPastTheLimitOfTheSpace() {
    long bottom = space.map(stack(BYTES).near(GIB));
    space.setLimits(SpaceLimits.NONE.withSize(2 * STEP));
    view.putLong(bottom + 7 * STEP - 8, 1);
    requireViolation(bottom + 6 * STEP - 8, "past the limit");
    space.setLimits(SpaceLimits.NONE);
    view.putLong(bottom + 6 * STEP - 8, 1);
  }

  @Test
  void isNotLongerThanAllowed() {
    space.setLimits(SpaceLimits.NONE.withStack(BYTES));
    assertThatThrownBy(() -> space.map(stack(BYTES + 1))).isInstanceOf(NoRoomException.class);
    assertThat(space.map(stack(BYTES))).isPositive();
    space.setLimits(SpaceLimits.NONE);
    fixture.vm.tunables().set("kern.maxssiz", BYTES - PAGE);
    assertThatThrownBy(() -> space.map(stack(BYTES)))
        .isInstanceOf(NoRoomException.class)
        .hasMessageContaining("may have");
  }

  @Test
  void atAPlaceNeedsRoomForAllOfIt() {
    space.mapAt(GIB + PAGE, PAGE, Protection.READ);
    assertThatThrownBy(() -> space.map(stack(BYTES).at(GIB))).isInstanceOf(NoRoomException.class);
    assertThat(space.map(stack(BYTES).at(GIB + 2 * PAGE))).isEqualTo(GIB + 2 * PAGE);
  }

  @Test
  void ofAForkGrowsByItself() {
    long bottom = space.map(stack(BYTES).near(GIB));
    view.putLong(bottom + BYTES - 8, 5);
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      other.putLong(bottom + 8, 6);
      assertThat(space.isMapped(bottom, PAGE)).isFalse();
      view.putLong(bottom + 8, 7);
      assertThat(other.getLong(bottom + 8)).isEqualTo(6);
      assertThat(other.getLong(bottom + BYTES - 8)).isEqualTo(5);
    }
  }

  @Test
  void whoseLowestPartIsUnmappedGrowsNoMore() {
    long bottom = space.map(stack(BYTES).near(GIB));
    view.putLong(bottom + BYTES - 8, 1);
    space.unmap(bottom + BYTES - STEP, PAGE);
    requireViolation(bottom + BYTES - STEP, "not mapped");
    assertThat(lowest(bottom).reserveBytes()).isZero();
    assertThat(space.map(MapRequest.of(BYTES - STEP, Protection.READ).near(bottom)))
        .as("its reserve is free")
        .isEqualTo(bottom);
  }

  @Test
  void growsForLeasesAndCopiesToo() {
    long bottom = space.map(stack(BYTES).near(GIB));
    try (PageLease lease = view.lease(bottom + BYTES - STEP - 2 * PAGE, LeaseMode.WRITE)) {
      assertThat(lease.segments()).isNotEmpty();
    }
    view.copyFrom(new byte[20_000], 0, 20_000, bottom);
    assertThat(space.isMapped(bottom, BYTES)).isTrue();
  }

  @Test
  void growsWiredWhereEverythingNewIsToBe() {
    space.wireAll(WireScope.FUTURE);
    long bottom = space.map(stack(2 * STEP).near(GIB));
    assertThat(lowest(bottom).wirings()).isEqualTo(1);
    assertThat(space.residency(bottom + STEP, STEP).residentCount()).isEqualTo(32);
    view.putLong(bottom + STEP - 8, 1);
    assertThat(lowest(bottom).start()).isEqualTo(bottom);
    assertThat(lowest(bottom).wirings()).isEqualTo(1);
    assertThat(space.residency(bottom, 2 * STEP).residentCount()).isEqualTo(64);
    space.unwireAll();
    view.putLong(bottom, 2);
  }

  /// Threads that touch pages in another order each, over and over anew: every stack ends whole.
  @Test
  void growsForManyThreadsAtOnce() {
    for (int round = 0; round < 20; round++) {
      long bottom = space.map(stack(BYTES).near(GIB));
      List<Helper<Boolean>> all = new ArrayList<>();
      for (int n = 0; n < 3; n++) {
        int number = n;
        all.add(Helper.run(() -> walk(bottom, number)));
      }
      all.forEach(Helper::join);
      assertThat(space.isMapped(bottom, BYTES)).isTrue();
      for (long page = 0; page < BYTES / PAGE; page++) {
        for (int n = 0; n < 3; n++) {
          assertThat(view.getLong(bottom + page * PAGE + 8L * n)).isEqualTo(page + 1);
        }
      }
      space.unmap(bottom, BYTES);
    }
  }

  private void walk(long bottom, int number) {
    try (View own = space.view()) {
      long pages = BYTES / PAGE;
      for (long i = 0; i < pages; i++) {
        long page = number == 0 ? pages - 1 - i : (i * 37 + number) % pages;
        own.putLong(bottom + page * PAGE + 8L * number, page + 1);
      }
    }
  }
}
