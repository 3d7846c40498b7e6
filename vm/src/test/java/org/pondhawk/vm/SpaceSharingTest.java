package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.map.ProgramStack;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.stats.SpaceStatistics;
import org.pondhawk.vm.sync.Helper;

/// Several handles of one address space, its end in two stages, and new programs in its place.
@Timeout(60)
class SpaceSharingTest {
  private static final int PAGE = 4096;

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final VirtualMemory vm = fixture.vm;
  private final AddressSpace space = vm.newAddressSpace();
  private final long base = space.map(4 * PAGE, Protection.READ_WRITE);

  @AfterEach
  void everyInvariantHolds() {
    fixture.check();
    space.close();
    fixture.close();
  }

  private long load(AddressSpace from) {
    try (View view = from.view()) {
      return view.getLong(base);
    }
  }

  private void store(AddressSpace into, long value) {
    try (View view = into.view()) {
      view.putLong(base, value);
    }
  }

  private int inside() {
    return vm.machine().spaces().size();
  }

  private static void requireClosed(AddressSpace closed) {
    assertThatThrownBy(closed::view)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(closed::share).isInstanceOf(IllegalStateException.class);
    assertThat(closed.sharers()).isZero();
  }

  @Nested
  class AnotherHandle {
    @Test
    void isOfTheSameMemory() {
      try (AddressSpace other = space.share()) {
        assertThat(other.name()).isEqualTo(space.name());
        assertThat(space.sharers()).isEqualTo(2);
        store(other, 5);
        assertThat(load(space)).isEqualTo(5);
        other.protect(base, PAGE, Protection.READ);
        assertThatThrownBy(() -> store(space, 6)).isInstanceOf(AccessViolationException.class);
      }
      assertThat(space.sharers()).isEqualTo(1);
      assertThat(load(space)).isEqualTo(5);
    }

    @Test
    void keepsTheSpaceWhenTheFirstIsClosed() {
      AddressSpace other = space.share();
      store(space, 7);
      try (View made = space.view()) {
        space.close();
        requireClosed(space);
        space.unmap(base, PAGE);
        assertThat(made.getLong(base)).as("a view goes on while others have a handle").isEqualTo(7);
        assertThat(load(other)).isEqualTo(7);
        int spaces = inside();

        other.close();

        assertThat(inside()).isEqualTo(spaces - 1);
        assertThatThrownBy(() -> made.getLong(base))
            .isInstanceOf(AccessViolationException.class)
            .hasMessageContaining("the address space is closed");
      }
      requireClosed(other);
    }

    @Test
    void isClosedOnceHoweverOftenThatIsCalled() {
      AddressSpace other = space.share();
      other.close();
      other.close();
      assertThat(space.sharers()).isEqualTo(1);
      store(space, 1);
    }

    @Test
    void staysOpenIfTheLastCloseMeetsALease() {
      AddressSpace other = space.share();
      space.close();
      try (View view = other.view();
          PageLease lease = view.lease(base, PAGE, LeaseMode.WRITE)) {
        assertThatThrownBy(other::close).isInstanceOf(LeaseHeldException.class);
        assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
      }
      assertThat(other.sharers()).isEqualTo(1);
      store(other, 3);
      other.close();
      requireClosed(other);
    }

    @Test
    void mayBeMadeAndClosedByManyThreads() {
      int rounds = 400;
      AtomicInteger refused = new AtomicInteger();
      for (int n = 0; n < rounds; n++) {
        AddressSpace first = vm.newAddressSpace();
        first.map(PAGE, Protection.READ_WRITE);
        CountDownLatch go = new CountDownLatch(2);
        Helper<Boolean> sharer =
            Helper.run(() -> {
              meet(go);
              try {
                first.share().close();
              } catch (IllegalStateException closed) {
                refused.incrementAndGet();
              }
            });
        meet(go);
        first.close();
        sharer.join();
      }
      assertThat(inside()).as("%d were refused", refused.get()).isEqualTo(2);
    }
  }

  private static void meet(CountDownLatch go) {
    go.countDown();
    while (go.getCount() > 0) {
      Thread.onSpinWait();
    }
  }

  /// Scenario k of the reference's traps.
  @Nested
  class TheEndInTwoStages {
    @Test
    void leavesThePageTableToWhoHoldsTheSpace() {
      store(space, 9);
      Space inside = space.internal();
      long free = free();
      assertThat(inside.life().tryHold()).isTrue();

      space.close();

      assertThat(inside.life().isEmptied()).isTrue();
      assertThat(inside.life().isTornDown()).isFalse();
      assertThat(inside.map().count()).isZero();
      assertThat(inside.pmap().resident()).isZero();
      assertThat(free()).as("the user's page came back").isGreaterThan(free);
      assertThat(inside.pmap().pin()).as("the table is there").isTrue();
      inside.pmap().unpin();
      assertThat(vm.machine().spaces()).contains(inside);
      fixture.check();

      vm.machine().dropSpace(inside);

      assertThat(inside.life().isTornDown()).isTrue();
      assertThat(inside.pmap().pin()).isFalse();
      assertThat(vm.machine().spaces()).doesNotContain(inside);
    }

    @Test
    void letsNobodyReferToItAgain() {
      Space inside = space.internal();
      assertThat(inside.life().tryHold()).isTrue();
      space.close();
      assertThat(inside.life().tryReference()).isFalse();
      assertThatThrownBy(space::statistics).isInstanceOf(IllegalStateException.class);
      vm.machine().dropSpace(inside);
    }

    @Test
    void isTheMachinesIfItIsClosedFirst() {
      Space inside;
      try (VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build())) {
        AddressSpace first = other.newAddressSpace();
        AddressSpace second = first.share();
        assertThat(second.sharers()).isEqualTo(2);
        inside = first.internal();
      }
      assertThat(inside.life().isTornDown()).isTrue();
    }

    private long free() {
      return vm.statistics().freePages();
    }
  }

  @Nested
  class Unsharing {
    @Test
    void givesAHandleACopyOfItsOwn() {
      store(space, 1);
      try (AddressSpace other = space.share()) {
        assertThat(other.unshare()).isTrue();
        assertThat(other.name()).isNotEqualTo(space.name());
        store(other, 2);
        assertThat(load(space)).isEqualTo(1);
        assertThat(load(other)).isEqualTo(2);
        assertThat(space.sharers()).isEqualTo(1);
      }
    }

    @Test
    void changesNothingForWhoIsAlone() {
      String name = space.name();
      assertThat(space.unshare()).isFalse();
      assertThat(space.name()).isEqualTo(name);
    }

    @Test
    void leavesViewsWithTheOldSpace() {
      store(space, 1);
      try (AddressSpace other = space.share();
          View view = other.view()) {
        assertThat(other.unshare()).isTrue();
        view.putLong(base, 4);
        assertThat(load(space)).isEqualTo(4);
        assertThat(load(other)).isEqualTo(1);
      }
    }

    @Test
    void ofAllHandlesAtOnceLosesNothing() {
      for (int n = 0; n < 50; n++) {
        store(space, n);
        List<AddressSpace> handles = new ArrayList<>(List.of(space.share(), space.share()));
        CountDownLatch go = new CountDownLatch(2);
        Helper<Boolean> helper =
            Helper.run(() -> {
              meet(go);
              handles.get(0).unshare();
            });
        meet(go);
        handles.get(1).unshare();
        helper.join();
        for (AddressSpace handle : handles) {
          assertThat(load(handle)).isEqualTo(n);
          store(handle, -1);
          handle.close();
        }
        assertThat(load(space)).isEqualTo(n);
        assertThat(space.sharers()).isEqualTo(1);
      }
    }
  }

  @Nested
  class AnEmptySpaceInItsPlace {
    @Test
    void hasNothingMapped() {
      store(space, 1);
      try (View old = space.view()) {
        space.setNice(3);
        space.replaceByEmpty(InitialStack.NONE);
        assertThatThrownBy(() -> old.getLong(base))
            .isInstanceOf(AccessViolationException.class)
            .hasMessageContaining("the address space is closed");
      }
      assertThatThrownBy(() -> load(space)).hasMessageContaining("not mapped");
      assertThat(space.nice()).isEqualTo(3);
      assertThat(inside()).isEqualTo(2);
    }

    @Test
    void hasAStackAtItsEndIfThatIsAskedFor() {
      space.replaceByEmpty(InitialStack.MAPPED);
      SpaceStatistics now = space.statistics();
      assertThat(now.stackBytes()).isEqualTo(ProgramStack.MOST_BYTES);
      assertThat(now.mappedBytes()).isEqualTo(ProgramStack.MOST_BYTES);
      try (View view = space.view()) {
        view.putLong(space.range() - 8, 1);
        view.putLong(space.range() - ProgramStack.MOST_BYTES, 2);
        assertThatThrownBy(() -> view.getLong(space.range() - ProgramStack.MOST_BYTES - 8))
            .isInstanceOf(AccessViolationException.class);
      }
    }

    @Test
    void isOfTheSameRange() {
      try (AddressSpace small = vm.newAddressSpace(2L << 20)) {
        small.replaceByEmpty(InitialStack.MAPPED);
        assertThat(small.range()).isEqualTo(2L << 20);
        assertThat(small.statistics().stackBytes()).isEqualTo(512L << 10);
      }
    }

    @Test
    void leavesOtherHandlesWithTheOldOne() {
      store(space, 8);
      try (AddressSpace other = space.share()) {
        other.replaceByEmpty(InitialStack.NONE);
        assertThat(load(space)).isEqualTo(8);
        assertThat(space.sharers()).isEqualTo(1);
      }
    }

    @Test
    void isNotPutThereWhileALeaseIsInTheWay() {
      store(space, 5);
      int spaces = inside();
      String name = space.name();
      try (View view = space.view();
          PageLease lease = view.lease(base, PAGE, LeaseMode.READ)) {
        assertThatThrownBy(() -> space.replaceByEmpty(InitialStack.NONE))
            .isInstanceOf(LeaseHeldException.class);
        assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
      }
      assertThat(space.name()).isEqualTo(name);
      assertThat(load(space)).isEqualTo(5);
      assertThat(inside()).isEqualTo(spaces);
    }

    @Test
    void isRefusedByAClosedHandle() {
      space.close();
      assertThatThrownBy(() -> space.replaceByEmpty(InitialStack.NONE))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(space::unshare).isInstanceOf(IllegalStateException.class);
    }
  }

  @Nested
  class ACopyInItsPlace {
    @Test
    void isOfTheImageAndLeavesItAlone() {
      try (AddressSpace image = vm.newAddressSpace()) {
        image.mapAt(base + 64 * PAGE, PAGE, Protection.READ_WRITE);
        try (View view = image.view()) {
          view.putLong(base + 64 * PAGE, 77);
          space.replaceBy(image, InitialStack.MAPPED);
          try (View ours = space.view()) {
            assertThat(ours.getLong(base + 64 * PAGE)).isEqualTo(77);
            ours.putLong(base + 64 * PAGE, 78);
          }
          assertThat(view.getLong(base + 64 * PAGE)).isEqualTo(77);
        }
        assertThat(image.sharers()).isEqualTo(1);
      }
    }

    @Test
    void mayBeOfTheSpaceItself() {
      store(space, 5);
      space.replaceBy(space, InitialStack.MAPPED);
      space.replaceBy(space, InitialStack.MAPPED);
      assertThat(load(space)).isEqualTo(5);
      assertThat(space.statistics().mappings()).isEqualTo(2);
      space.replaceBy(space, InitialStack.NONE);
      assertThat(space.statistics().stackBytes()).isZero();
      assertThat(space.statistics().mappings()).isEqualTo(1);
    }

    @Test
    void keepsWhatLiesWhereAStackWouldUnlessThereIsToBeOne() {
      long top = space.range() - PAGE;
      space.mapAt(top, PAGE, Protection.READ_WRITE);
      try (View view = space.view()) {
        view.putLong(top, 6);
      }
      space.replaceBy(space, InitialStack.NONE);
      try (View view = space.view()) {
        assertThat(view.getLong(top)).isEqualTo(6);
      }
      space.replaceBy(space, InitialStack.MAPPED);
      try (View view = space.view()) {
        assertThat(view.getLong(top)).isZero();
      }
    }

    @Test
    void isRefusedForAnImageOfAnotherRangeOrMachine() {
      try (AddressSpace small = vm.newAddressSpace(2L << 20);
          VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build())) {
        assertThatThrownBy(() -> space.replaceBy(small, InitialStack.NONE))
            .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> space.replaceBy(other.newAddressSpace(), InitialStack.NONE))
            .isInstanceOf(IllegalArgumentException.class);
      }
      store(space, 5);
    }

    @Test
    void isRefusedForAClosedImage() {
      AddressSpace image = vm.newAddressSpace();
      image.close();
      assertThatThrownBy(() -> space.replaceBy(image, InitialStack.NONE))
          .isInstanceOf(IllegalStateException.class);
      store(space, 5);
    }
  }

  @Nested
  class Statistics {
    @Test
    void countWhatIsMappedAndResident() {
      SpaceStatistics before = space.statistics();
      assertThat(before.mappedBytes()).isEqualTo(4 * PAGE);
      assertThat(before.mappings()).isEqualTo(1);
      assertThat(before.residentPages()).isZero();
      assertThat(before.references()).isEqualTo(1);
      assertThat(before.holds()).as("the look itself is one").isEqualTo(2);
      store(space, 1);
      SpaceStatistics after = space.statistics();
      assertThat(after.residentPages()).isEqualTo(1);
      assertThat(after.anonymousPages()).isEqualTo(1);
      assertThat(after.wiredPages()).isZero();
      space.protect(base + PAGE, PAGE, Protection.READ);
      SpaceStatistics split = space.statistics();
      assertThat(split.mappings()).isEqualTo(3);
      assertThat(split.anonymousPages()).as("of one object").isEqualTo(1);
    }

    @Test
    void countWhatIsInSwap() {
      assertThat(space.statistics().swappedPages()).isZero();
      long bytes = 2 * fixture.frameBytes();
      long many = space.map(bytes, Protection.READ_WRITE);
      try (View view = space.view()) {
        for (long at = 0; at < bytes; at += PAGE) {
          view.putLong(many + at, at);
        }
      }
      long before = vm.statistics().swapUsedPages();
      SpaceStatistics now = space.statistics();
      assertThat(now.residentPages()).isLessThan(bytes / PAGE);
      assertThat(before).isPositive();
      assertThat(now.swappedPages())
          .isBetween(before, vm.statistics().swapUsedPages() + now.mappings());
    }
  }
}
