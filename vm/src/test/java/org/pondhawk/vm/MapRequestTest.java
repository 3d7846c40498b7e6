package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.stats.MappedRange;
import org.pondhawk.vm.sync.Helper;

/// Mappings as programs ask for them: the table of what `mmap` refuses, and where it maps.
class MapRequestTest {
  private static final long PAGE = 4096;
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;

  private final ViewFixture fixture = new ViewFixture((int) PAGE);
  private final AddressSpace space = fixture.space;
  private final View view = fixture.view;

  @AfterEach
  void theMachineIsSound() {
    fixture.close();
  }

  private static MapRequest of(long bytes) {
    return MapRequest.of(bytes, Protection.READ_WRITE);
  }

  private void requireRefused(MapRequest request, Class<?> type, String message) {
    var before = space.mappings();
    assertThatThrownBy(() -> space.map(request)).isInstanceOf(type).hasMessageContaining(message);
    assertThat(space.mappings()).as("what a refused mapping leaves").isEqualTo(before);
  }

  @Nested
  class IsRefused {
    private void requireIllegal(MapRequest request, String message) {
      requireRefused(request, IllegalArgumentException.class, message);
    }

    @Test
    void forAnObjectBeyondTheLimitsTooAndLeavesTheObjectClosable() {
      space.setLimits(SpaceLimits.NONE.withSize(2 * PAGE));
      try (MemoryObject object = fixture.vm.openResident(4 * PAGE)) {
        assertThatThrownBy(
                () -> space.map(object, 0, 3 * PAGE, Protection.READ_WRITE, Sharing.SHARED))
            .isInstanceOf(NoRoomException.class);
        assertThat(space.mappings()).isEmpty();
        assertThat(space.map(object, 0, 2 * PAGE, Protection.READ_WRITE, Sharing.SHARED))
            .isPositive();
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, (1L << 40) + 1})
    void forALengthThatIsNone(long bytes) {
      requireIllegal(of(bytes), "a length of");
      requireIllegal(of(bytes).at(PAGE), "a length of");
      requireIllegal(of(bytes).replacing(PAGE), "a length of");
      requireIllegal(of(bytes).with(MapOption.STACK), "a length of");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 4095, 4097, 1L << 40, -4096, Long.MIN_VALUE, Long.MAX_VALUE - 4095})
    void atAPlaceThatIsNone(long address) {
      requireIllegal(of(PAGE).at(address), "0x");
      requireIllegal(of(PAGE).replacing(address), "0x");
    }

    @Test
    void nearAnAddressThatIsNone() {
      requireIllegal(of(PAGE).near(-1), "to be near to");
      requireRefused(of(PAGE).near(1L << 40), NoRoomException.class, "has no room");
      requireRefused(of(PAGE).near(Long.MAX_VALUE), NoRoomException.class, "has no room");
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "READ", "READ_EXECUTE"})
    void asAStackThatCannotBeUsed(Protection protection) {
      requireIllegal(MapRequest.of(MIB, protection).with(MapOption.STACK), "a stack can be");
      requireIllegal(of(MIB).with(MapOption.STACK).replacing(PAGE), "a stack can be");
    }

    @Test
    void asAStackFirstAndForItsLengthThen() {
      requireIllegal(MapRequest.of(0, Protection.READ).with(MapOption.STACK), "a stack can be");
      requireIllegal(of(0).at(1), "a length of");
    }

    @Test
    void whereSomethingIsMapped() {
      long address = space.map(4 * PAGE, Protection.READ);
      requireRefused(of(PAGE).at(address), NoRoomException.class, "something is mapped");
      requireRefused(of(9 * PAGE).at(address - PAGE), NoRoomException.class, "something is mapped");
      requireRefused(of(1L << 40), NoRoomException.class, "has no room");
    }

    @Test
    void alignedToALengthThatIsNoPowerOfTwo() {
      requireIllegal(of(3 * PAGE).with(MapOption.SIZE_ALIGNED), "no power of two");
      long address = space.map(3 * PAGE, Protection.READ);
      requireIllegal(
          of(3 * PAGE).replacing(address).with(MapOption.SIZE_ALIGNED), "no power of two");
    }

    @Test
    void pastTheLimitOfBytes() {
      long address = space.map(4 * PAGE, Protection.READ_WRITE);
      view.putLong(address, 7);
      space.setLimits(SpaceLimits.NONE.withSize(6 * PAGE));

      requireRefused(of(3 * PAGE), NoRoomException.class, "pass the limit");
      requireRefused(of(3 * PAGE).at(GIB), NoRoomException.class, "pass the limit");
      requireRefused(
          of(3 * PAGE).replacing(address), NoRoomException.class, "pass the limit of 24576");
      requireRefused(of(3 * PAGE).with(MapOption.SIZE_ALIGNED), NoRoomException.class, "limit");
      assertThat(view.getLong(address)).isEqualTo(7);
      assertThat(space.map(2 * PAGE, Protection.READ)).isPositive();
      assertThat(space.limits()).isEqualTo(SpaceLimits.NONE.withSize(6 * PAGE));
      try (AddressSpace child = space.fork()) {
        assertThat(child.limits().sizeBytes()).isEqualTo(6 * PAGE);
        assertThatThrownBy(() -> child.map(1, Protection.READ)).isInstanceOf(NoRoomException.class);
      }
      space.setLimits(SpaceLimits.NONE);
    }

    @Test
    void beyondANumberOfMappings() {
      for (int n = 0; n < 3; n++) {
        space.mapAt(GIB + 2L * n * PAGE, PAGE, Protection.READ);
      }
      fixture.vm.tunables().set("vm.max_proc_mmap", 3);

      requireRefused(of(PAGE), NoRoomException.class, "there are 3 mappings already");
      requireRefused(of(PAGE).replacing(GIB), NoRoomException.class, "there are 3 mappings");
      fixture.vm.tunables().set("vm.max_proc_mmap", 0);
      assertThat(space.map(of(PAGE))).isPositive();
    }

    @Test
    void withALimitBelowNothing() {
      assertThatThrownBy(() -> SpaceLimits.NONE.withData(-1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Nested
  class Place {
    @Test
    void isTheFirstFitFromAHintOn() {
      assertThat(space.map(of(PAGE).near(GIB))).isEqualTo(GIB);
      assertThat(space.map(of(2 * PAGE).near(GIB - PAGE))).isEqualTo(GIB + PAGE);
      assertThat(space.map(of(PAGE).near(GIB - PAGE + 1))).isEqualTo(GIB + 3 * PAGE);
      assertThat(space.map(of(PAGE).near(0))).as("never 0").isEqualTo(PAGE);
    }

    @Test
    void isARoundOneForWhatIsLargeOrAMultipleOfTwoMebibytes() {
      assertThat(space.map(of(2 * MIB)) % (2 * MIB)).isZero();
      assertThat(space.map(of(32 * MIB + PAGE)) % (2 * MIB)).isZero();
      assertThat(space.map(of(2 * MIB + PAGE)) % (2 * MIB)).isEqualTo(PAGE);
      assertThat(space.map(of(PAGE)) % (2 * MIB)).isNotZero();
    }

    @Test
    void isAMultipleOfTheLengthWhereThatIsAskedFor() {
      assertThat(space.map(of(16 * PAGE).with(MapOption.SIZE_ALIGNED))).isEqualTo(16 * PAGE);
      assertThat(space.map(of(16 * PAGE).with(MapOption.SIZE_ALIGNED))).isEqualTo(32 * PAGE);
      assertThat(space.map(of(GIB).with(MapOption.SIZE_ALIGNED))).isEqualTo(GIB);
    }

    @Test
    void isBelowFourGibibytesWhereThatIsAskedFor() {
      MapRequest low = of(GIB).with(MapOption.BELOW_4_GIB);
      for (int n = 0; n < 3; n++) {
        assertThat(space.map(low)).isLessThanOrEqualTo(3 * GIB);
      }
      requireRefused(low, NoRoomException.class, "has no room");
      requireRefused(
          of(PAGE).near(4 * GIB).with(MapOption.BELOW_4_GIB), NoRoomException.class, "no room");
      long last = space.map(of(GIB - 2 * MIB).with(MapOption.BELOW_4_GIB));
      assertThat(last + GIB - 2 * MIB).as("to the very end").isEqualTo(4 * GIB);
      assertThat(space.map(of(GIB))).isEqualTo(4 * GIB);
    }
  }

  @Nested
  class Replacing {
    @Test
    void givesZerosInThePlaceOfWhatWasThereAndLeavesTheRest() {
      long address = space.map(8 * PAGE, Protection.READ_WRITE);
      for (int n = 0; n < 8; n++) {
        view.putLong(address + n * PAGE, n + 1);
      }

      long there =
          space.map(MapRequest.of(3 * PAGE, Protection.READ).replacing(address + 2 * PAGE));

      assertThat(there).isEqualTo(address + 2 * PAGE);
      for (int n = 0; n < 8; n++) {
        boolean replaced = n >= 2 && n < 5;
        assertThat(view.getLong(address + n * PAGE)).isEqualTo(replaced ? 0 : n + 1);
      }
      assertThatThrownBy(() -> view.putLong(there, 1)).isInstanceOf(AccessViolationException.class);
    }

    @Test
    void needsNothingToReplace() {
      assertThat(space.map(of(4 * PAGE).replacing(GIB))).isEqualTo(GIB);
      view.putLong(GIB, 5);
      assertThat(space.map(of(PAGE).replacing(GIB + 2 * PAGE))).isEqualTo(GIB + 2 * PAGE);
      assertThat(view.getLong(GIB)).isEqualTo(5);
    }

    @Test
    void waitsForLeasesAndChangesNothingIfTheyStay() {
      long address = space.map(4 * PAGE, Protection.READ_WRITE);
      view.putLong(address, 3);
      try (PageLease _ = view.lease(address, LeaseMode.READ)) {
        requireRefused(of(PAGE).replacing(address), LeaseHeldException.class, "lease");
      }
      assertThat(view.getLong(address)).isEqualTo(3);
    }

    /// Two threads store into a range and load from it while a third replaces it again and again:
    /// each sees what it stored or zeros, and never a moment without a mapping.
    @Test
    void isOneStepForThreadsThatUseTheRange() {
      long address = space.map(16 * PAGE, Protection.READ_WRITE);
      AtomicBoolean done = new AtomicBoolean();
      Helper<Boolean> first = Helper.run(() -> use(address, 8, done));
      Helper<Boolean> second = Helper.run(() -> use(address + 8, 16, done));
      for (int n = 0; n < 300; n++) {
        space.map(of((1 + n % 16) * PAGE).replacing(address));
      }
      done.set(true);
      first.join();
      second.join();
    }

    private void use(long address, int step, AtomicBoolean done) {
      try (View own = space.view()) {
        for (long n = 1; !done.get(); n++) {
          long at = address + n * 7 % 16 * PAGE + n % 200 * step;
          own.putLong(at, at);
          assertThat(own.getLong(at)).isIn(0L, at);
        }
      }
    }
  }

  @Nested
  class Shared {
    @Test
    void memoryIsSeenByAForkThatStores() {
      long address = space.map(of(4 * PAGE).with(MapOption.SHARED));
      long own = space.map(of(4 * PAGE));
      view.putLong(address, 1);
      try (AddressSpace child = space.fork();
          View other = child.view()) {
        other.putLong(address, 2);
        other.putLong(address + PAGE, 3);
        other.putLong(own, 4);
        assertThat(view.getLong(address)).isEqualTo(2);
        assertThat(view.getLong(address + PAGE)).isEqualTo(3);
        assertThat(view.getLong(own)).isZero();
      }
    }
  }

  @Nested
  class Rights {
    @Test
    void toExecuteAreKeptInheritedTakenAndGiven() {
      long address = space.map(4 * PAGE, Protection.READ_EXECUTE);
      assertThat(space.allows(address, 4 * PAGE, Protection.READ_EXECUTE)).isTrue();
      assertThat(space.allows(address, 4 * PAGE, Protection.ALL)).isFalse();
      try (AddressSpace child = space.fork()) {
        assertThat(child.allows(address, 4 * PAGE, Protection.READ_EXECUTE)).isTrue();
      }

      space.protect(address, PAGE, Protection.ALL);
      view.putLong(address, 6);
      space.protect(address, PAGE, Protection.READ_WRITE);
      assertThat(space.allows(address, PAGE, Protection.READ_EXECUTE)).isFalse();
      view.putLong(address, 7);
      space.restrict(address, PAGE, Protection.READ_WRITE);
      assertThatThrownBy(() -> space.protect(address, PAGE, Protection.READ_EXECUTE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("more than was left to allow");
      assertThat(space.mappings().getFirst().mostRights()).isEqualTo("rw-");
    }

    @Test
    void areAskedForOfWholeRanges() {
      long address = space.map(4 * PAGE, Protection.READ_WRITE);
      space.protect(address + PAGE, PAGE, Protection.READ);
      assertThat(space.isMapped(address, 4 * PAGE)).isTrue();
      assertThat(space.isMapped(address, 5 * PAGE)).isFalse();
      assertThat(space.isMapped(address - PAGE, PAGE)).isFalse();
      assertThat(space.allows(address, 4 * PAGE, Protection.READ)).isTrue();
      assertThat(space.allows(address, 4 * PAGE, Protection.READ_WRITE)).isFalse();
      assertThat(space.allows(address, PAGE, Protection.READ_WRITE)).isTrue();
      space.unmap(address + 2 * PAGE, PAGE);
      assertThat(space.isMapped(address, 4 * PAGE)).isFalse();
    }
  }

  @Nested
  class Listing {
    @Test
    void showsEverythingThatIsKnownOfARange() {
      long address = space.map(of(4 * PAGE).with(MapOption.NO_SYNC).with(MapOption.NO_DUMP));
      long other = space.map(of(2 * PAGE).near(GIB).with(MapOption.SHARED));
      view.putLong(other + PAGE, 1);
      space.advise(other, 2 * PAGE, Advice.RANDOM);

      assertThat(space.mappings()).hasSize(2);
      MappedRange first = space.mappings().getFirst();
      assertThat(first)
          .isEqualTo(
              new MappedRange(
                  address,
                  address + 4 * PAGE,
                  "rw-",
                  "rwx",
                  "COPY",
                  "NORMAL",
                  "NO_SYNC|NO_DUMP",
                  "MMAP",
                  0,
                  0,
                  0,
                  -1,
                  0));
      assertThat(first.bytes()).isEqualTo(4 * PAGE);
      assertThat(first.text()).endsWith("untouched");
      MappedRange second = space.mappings().getLast();
      assertThat(second.inheritance()).isEqualTo("SHARE");
      assertThat(second.behavior()).isEqualTo("RANDOM");
      assertThat(second.residentPages()).isEqualTo(1);
      assertThat(second.objectId()).isPositive();
      assertThat(second.text()).contains("rw-/rwx SHARE RANDOM none MMAP").contains("1 resident");
    }

    @Test
    void showsTheDepthOfAChain() {
      long address = space.map(PAGE, Protection.READ_WRITE);
      view.putLong(address, 1);
      try (AddressSpace _ = space.fork()) {
        view.putLong(address, 2);
        assertThat(space.mappings().getFirst().depth()).isEqualTo(1);
      }
    }

    @Test
    void ofAClosedSpaceIsEmpty() {
      AddressSpace gone = fixture.vm.newAddressSpace();
      gone.map(PAGE, Protection.READ);
      gone.close();
      assertThat(gone.mappings()).isEmpty();
    }

    @Test
    void isAsOldAsItsTimestampSays() {
      long before = space.timestamp();
      assertThat(space.timestamp()).isEqualTo(before);
      long address = space.map(PAGE, Protection.READ);
      assertThat(space.timestamp()).isGreaterThan(before);
      view.getLong(address);
      before = space.timestamp();
      view.getLong(address);
      space.residency(address, PAGE);
      boolean _ = space.isMapped(address, PAGE);
      assertThat(space.timestamp()).isEqualTo(before);
      space.unmap(address, PAGE);
      assertThat(space.timestamp()).isGreaterThan(before);
    }
  }
}
