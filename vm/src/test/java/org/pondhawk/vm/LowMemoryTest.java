package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.Helper;

/// What users may say about who gets memory when there is too little.
class LowMemoryTest {
  private static final int PAGE = 4096;
  private static final int SWAP_PAGES = 256;

  private static VmConfig.Builder config() {
    VmConfig.Builder config = VmConfig.builder().swap((long) SWAP_PAGES * PAGE);
    return config.physicalMemory(config.build().minimumPhysicalMemory());
  }

  private static void fill(View view, long base, int pages) {
    for (int i = 0; i < pages; i++) {
      view.putLong(base + (long) i * PAGE, i);
    }
  }

  private static void requireLoads(View view, long base, int pages) {
    for (int i = 0; i < pages; i++) {
      assertThat(view.getLong(base + (long) i * PAGE)).isEqualTo(i);
    }
  }

  /// The clock stands still: the others' second never ends.
  @Test
  @Timeout(60)
  void theLargestSpaceIsCondemnedAndTheOthersGetItsMemory() {
    try (VirtualMemory vm =
        VirtualMemory.boot(config().tunable("vm.lowmem_kill", 1).nanoClock(() -> 0).build())) {
      AddressSpace large = vm.newAddressSpace();
      View ofLarge = large.view();
      long base = large.map(300L * PAGE, Protection.READ_WRITE);
      fill(ofLarge, base, 300);
      AddressSpace other = vm.newAddressSpace();
      Helper<Boolean> rest =
          Helper.run(() -> {
            try (View view = other.view()) {
              long at = other.map(280L * PAGE, Protection.READ_WRITE);
              fill(view, at, 280);
              requireLoads(view, at, 280);
            }
          });

      assertThatThrownBy(
              () -> {
                while (true) {
                  requireLoads(ofLarge, base, 300);
                }
              })
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("was condemned so that others get memory");
      assertThat(large.isCondemned()).isTrue();
      assertThat(other.isCondemned()).isFalse();
      assertThat(vm.statistics().spacesCondemned()).isEqualTo(1);
      ofLarge.close();
      large.close();

      rest.join();
      other.close();
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  @Test
  @Timeout(60)
  void nobodyIsCondemnedUnlessThatWasChosen() {
    try (VirtualMemory vm = VirtualMemory.boot(config().build());
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(1_000L * PAGE, Protection.READ_WRITE);
      assertThatThrownBy(() -> fill(view, base, 1_000))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("swap is full");
      assertThat(space.isCondemned()).isFalse();
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  @Nested
  class ASpace {
    private final VirtualMemory vm = VirtualMemory.boot(config().build());
    private final AddressSpace space = vm.newAddressSpace();

    @Test
    void isAsNiceAsItsUserSaysAndItsForksBeginSo() {
      assertThat(space.nice()).isZero();
      space.setNice(7);
      try (View view = space.view();
          AddressSpace child = space.fork()) {
        assertThat(child.nice()).isEqualTo(7);
        assertThat(view.nice()).isEqualTo(7);
        view.setNice(-4);
        assertThat(view.nice()).isEqualTo(-4);
        assertThat(space.nice()).isEqualTo(7);
        assertThatThrownBy(() -> view.setNice(21)).hasMessageContaining("nice=21");
        Helper<Boolean> foreign = Helper.run(() -> view.setNice(1));
        assertThatThrownBy(foreign::join).hasRootCauseInstanceOf(WrongThreadException.class);
      }
      assertThatThrownBy(() -> space.setNice(-21)).hasMessageContaining("-20 to 20");
      vm.close();
    }

    @Test
    void isCondemnedAndPardonedByItsUser() {
      space.condemn();
      assertThat(space.isCondemned()).isTrue();
      try (View view = space.view()) {
        long at = space.map(PAGE, Protection.READ_WRITE);
        view.putLong(at, 3); // there is memory: nothing waits, and nothing is refused
        assertThat(view.getLong(at)).isEqualTo(3);
      }
      space.pardon();
      assertThat(space.isCondemned()).isFalse();
      vm.close();
    }

    @Test
    void isCondemnedInAHaltedMachineToo() {
      vm.machine().halt(new VmPanic("on purpose"));
      space.condemn();
      assertThat(space.isCondemned()).isTrue();
      vm.close();
      space.condemn();
    }
  }

  @Nested
  class AHeavyOperation {
    @Test
    void beginsAtOnceWhileThereIsMemoryAndIsRefusedWhenNoneCanBeHad() {
      try (VirtualMemory vm = VirtualMemory.boot(config().build());
          AddressSpace space = vm.newAddressSpace();
          View view = space.view()) {
        assertThat(vm.isMemoryShort()).isFalse();
        vm.awaitNominal();

        long base = space.map(1_000L * PAGE, Protection.READ_WRITE);
        assertThatThrownBy(() -> fill(view, base, 1_000)).isInstanceOf(OutOfPagesException.class);
        assertThat(vm.isMemoryShort()).isTrue();
        assertThatThrownBy(vm::awaitNominal).isInstanceOf(OutOfPagesException.class);
      }
    }
  }
}
