package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.Helper;

class AddressSpaceTest {
  private static final long RANGE = 1L << 40;
  private static final long PAGE = 4096;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder().physicalMemory(4 << 20).poisonFreedFrames(true).build());
  private final AddressSpace space = vm.newAddressSpace();

  @AfterEach
  void theMachineIsSound() {
    assertThat(vm.check().problems()).isEmpty();
    space.close();
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  @Nested
  class Protecting {
    private final long address = space.map(4 * PAGE, Protection.READ_WRITE);

    private void store(long at) {
      try (View view = space.view()) {
        view.putLong(at, at);
      }
    }

    private long load(long at) {
      try (View view = space.view()) {
        return view.getLong(at);
      }
    }

    @Test
    void takesTheRightToStoreFromWhatIsMapped() {
      store(address + PAGE);

      space.protect(address + PAGE, PAGE, Protection.READ);

      assertThatThrownBy(() -> store(address + PAGE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("does not allow it");
      assertThat(load(address + PAGE)).isEqualTo(address + PAGE);
      store(address);
      store(address + 2 * PAGE);
    }

    @Test
    void takesTheRightToLoadAsWellAndKeepsTheBytes() {
      store(address);
      space.protect(address, PAGE, Protection.NONE);
      assertThatThrownBy(() -> load(address)).isInstanceOf(AccessViolationException.class);

      space.protect(address, PAGE, Protection.READ_WRITE);

      assertThat(load(address)).isEqualTo(address);
      store(address);
    }

    @Test
    void reachesAViewThatIsInTheMiddleOfItsWork() {
      try (View view = space.view()) {
        view.putLong(address, 1);
        space.protect(address, PAGE, Protection.READ);
        assertThatThrownBy(() -> view.putLong(address, 2))
            .isInstanceOf(AccessViolationException.class);
        assertThat(view.getLong(address)).isOne();
      }
    }

    @Test
    void skipsHoles() {
      space.unmap(address + PAGE, PAGE);
      space.protect(address, 8 * PAGE, Protection.READ);
      assertThatThrownBy(() -> store(address + 3 * PAGE))
          .isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> load(address + PAGE)).isInstanceOf(AccessViolationException.class);
    }

    @Test
    void ofARestrictedRangeGivesNoMoreThanIsLeft() {
      space.restrict(address + PAGE, PAGE, Protection.READ);

      assertThatThrownBy(() -> store(address + PAGE)).isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> space.protect(address, 4 * PAGE, Protection.READ_WRITE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("more than was left to allow");
      assertThatThrownBy(() -> space.restrict(address, 4 * PAGE, Protection.READ_WRITE))
          .isInstanceOf(AccessViolationException.class);
      space.protect(address + PAGE, PAGE, Protection.NONE);
      space.protect(address + PAGE, PAGE, Protection.READ);
      assertThat(load(address + PAGE)).isZero();
      store(address);
    }

    @Test
    void isInheritedWithItsLimit() {
      store(address);
      space.restrict(address, PAGE, Protection.READ);
      try (AddressSpace child = space.fork();
          View view = child.view()) {
        assertThat(view.getLong(address)).isEqualTo(address);
        assertThatThrownBy(() -> view.putLong(address, 1))
            .isInstanceOf(AccessViolationException.class);
        assertThatThrownBy(() -> child.protect(address, PAGE, Protection.READ_WRITE))
            .isInstanceOf(AccessViolationException.class);
      }
    }

    @Test
    void waitsForALeaseThatUsesTheRight() {
      try (View view = space.view();
          PageLease _ = view.lease(address, LeaseMode.WRITE)) {
        assertThatThrownBy(() -> space.protect(address, PAGE, Protection.READ))
            .isInstanceOf(LeaseHeldException.class);
        space.protect(address + PAGE, PAGE, Protection.READ);
      }
      space.protect(address, PAGE, Protection.READ);
      try (View view = space.view();
          PageLease _ = view.lease(address, LeaseMode.READ)) {
        space.protect(address, PAGE, Protection.READ);
        assertThatThrownBy(() -> space.protect(address, PAGE, Protection.NONE))
            .isInstanceOf(LeaseHeldException.class);
      }
    }
  }

  @Nested
  class Mapping {
    @Test
    void choosesPlacesThatDoNotOverlapAndNeverTheFirstPage() {
      long one = space.map(1, Protection.READ_WRITE);
      long two = space.map(3 * PAGE, Protection.READ_WRITE);
      long three = space.map(PAGE + 1, Protection.READ_WRITE);
      assertThat(one).isEqualTo(PAGE);
      assertThat(two).isEqualTo(2 * PAGE);
      assertThat(three).isEqualTo(5 * PAGE);
      try (View view = space.view()) {
        view.putByte(three + 2 * PAGE - 1, (byte) 1);
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, RANGE + 1, Long.MAX_VALUE})
    void ofASenselessLengthIsRefused(long bytes) {
      assertThatThrownBy(() -> space.map(bytes, Protection.READ))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(Long.toString(bytes));
    }

    @Test
    void thatFitsNowhereIsRefused() {
      assertThatThrownBy(() -> space.map(RANGE, Protection.READ))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("has no room");
    }

    @Test
    void atAnAddressIsThere() {
      assertThat(space.mapAt(RANGE - PAGE, PAGE, Protection.READ_WRITE)).isEqualTo(RANGE - PAGE);
      try (View view = space.view()) {
        view.putLong(RANGE - 8, 7);
        assertThat(view.getLong(RANGE - 8)).isEqualTo(7);
      }
    }

    @ParameterizedTest
    @CsvSource({
      "1, 4096",
      "4097, 1",
      "-4096, 4096",
      "1099511627776, 4096",
      "1099511623680, 4097",
      "9223372036854771712, 4096"
    })
    void atASenselessAddressIsRefused(long address, long bytes) {
      assertThatThrownBy(() -> space.mapAt(address, bytes, Protection.READ))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> space.unmap(address, bytes))
          .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whereSomethingIsMappedIsRefused() {
      space.mapAt(8 * PAGE, 2 * PAGE, Protection.READ);
      assertThatThrownBy(() -> space.mapAt(9 * PAGE, PAGE, Protection.READ))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("something is mapped");
    }
  }

  @Nested
  class Unmapping {
    @Test
    void skipsWhatIsNotMappedAndCanBeRepeated() {
      long start = space.map(4 * PAGE, Protection.READ_WRITE);
      space.unmap(0, 1 << 20);
      space.unmap(0, 1 << 20);
      try (View view = space.view()) {
        assertThatThrownBy(() -> view.getLong(start)).isInstanceOf(AccessViolationException.class);
      }
    }

    @Test
    void givesTheMemoryBack() {
      long start = space.map(500 * PAGE, Protection.READ_WRITE);
      try (View view = space.view()) {
        for (int i = 0; i < 500; i++) {
          view.putByte(start + i * PAGE, (byte) 1);
        }
      }
      long before = vm.statistics().freePages();
      space.unmap(start, 500 * PAGE);
      assertThat(vm.statistics().freePages()).isGreaterThan(before + 500);
    }

    @Test
    void whileOthersLoadAndStoreEndsInViolationsAndNothingElse() {
      Helper<Long> user =
          Helper.start(() -> {
            long violations = 0;
            try (View view = space.view()) {
              for (int i = 0; i < 300_000; i++) {
                long address = 64 * PAGE + (i % 64) * PAGE;
                try {
                  view.putLong(address, i);
                  view.getLong(address);
                } catch (AccessViolationException _) {
                  violations++;
                }
              }
            }
            return violations;
          });
      for (int i = 0; !user.isDone(); i++) {
        space.mapAt(64 * PAGE, 64 * PAGE, Protection.READ_WRITE);
        space.unmap((64 + i % 64) * PAGE, PAGE);
        space.unmap(64 * PAGE, 64 * PAGE);
      }
      assertThat(user.join()).isPositive();
    }
  }

  @Nested
  class AClosedSpace {
    @Test
    void showsNothingToItsViews() {
      long start = space.map(PAGE, Protection.READ_WRITE);
      try (View view = space.view()) {
        view.putLong(start, 5);
        space.close();
        space.close();
        assertThatThrownBy(() -> view.getLong(start))
            .isInstanceOf(AccessViolationException.class)
            .hasMessageContaining("the address space is closed");
        assertThatThrownBy(() -> view.putLong(start, 1))
            .isInstanceOf(AccessViolationException.class);
      }
    }

    @Test
    void takesNoMappingAndNoView() {
      space.close();
      assertThatThrownBy(() -> space.map(PAGE, Protection.READ))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(space::view)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
      space.unmap(PAGE, PAGE);
    }
  }

  @Nested
  class OfAClosedMachine {
    @Test
    void allIsRefusedAndClosingIsNot() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
      AddressSpace gone = other.newAddressSpace();
      long start = gone.map(PAGE, Protection.READ_WRITE);
      View view = gone.view();
      view.putLong(start, 1);
      other.close();

      assertThatThrownBy(() -> view.getLong(start)).isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> gone.map(PAGE, Protection.READ))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(gone::view).isInstanceOf(IllegalStateException.class);
      gone.unmap(start, PAGE); // the view keeps the memory: nothing is mapped, nothing happens
      view.close();
      assertThatThrownBy(gone::view).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> gone.unmap(start, PAGE)).isInstanceOf(IllegalStateException.class);
      gone.close();
    }
  }

  @Nested
  class OfAHaltedMachine {
    @Test
    void refusesEverythingButToBeClosed() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
      AddressSpace broken = other.newAddressSpace();
      long start = broken.map(2 * PAGE, Protection.READ_WRITE);
      View view = broken.view();
      view.putLong(start, 1);
      other.machine().halt(new VmPanic("on purpose"));

      assertThatThrownBy(() -> view.putLong(start + PAGE, 1))
          .isInstanceOf(MachineHaltedException.class)
          .hasMessageContaining("on purpose");
      assertThatThrownBy(() -> broken.map(PAGE, Protection.READ))
          .isInstanceOf(MachineHaltedException.class);
      assertThatThrownBy(() -> broken.unmap(start, PAGE))
          .isInstanceOf(MachineHaltedException.class);
      assertThatThrownBy(other::newAddressSpace).isInstanceOf(MachineHaltedException.class);
      assertThat(other.check().problems()).hasSize(1);
      view.close();
      broken.close();
      other.close();
      broken.close();
    }
  }
}
