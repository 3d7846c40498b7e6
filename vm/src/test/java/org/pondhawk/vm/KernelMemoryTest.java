package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.Submap;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.stats.VmStatistics;
import org.pondhawk.vm.sync.Helper;

/// The machine's own memory.
class KernelMemoryTest {
  private static final int PAGE = 4096;
  private static final long MIB = 1L << 20;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(4 * MIB)
              .swap(8 * MIB)
              .patience(java.time.Duration.ofSeconds(2))
              .poisonFreedFrames(true)
              .build());
  private final Machine machine = vm.machine();
  private final KernelMemory kernel = vm.kernelMemory();
  private final View view = kernel.view();
  private boolean broken;

  @AfterEach
  void close() {
    if (!broken) {
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
    view.close();
    vm.close();
  }

  private long wired() {
    assertThat(vm.check().summary()).isEqualTo("clean");
    return vm.statistics().wiredPages();
  }

  private int pageAt(long address) {
    return machine.page().pages().pageAt(Pte.frame(machine.kernel().space().pmap().entry(address)));
  }

  @Nested
  class Memory {
    @Test
    void isZeroWiredAndWritable() {
      dirtyEveryFrame();
      long at = kernel.allocate(10 * PAGE);
      for (long i = 0; i < 10 * PAGE; i += 8) {
        assertThat(view.getLong(at + i)).isZero();
      }
      view.putLong(at + 9 * PAGE, 5);
      assertThat(machine.page().pages().wireCount(pageAt(at))).isEqualTo(1);
      assertThat(vm.statistics().faultsMajor()).isZero();
    }

    private void dirtyEveryFrame() {
      try (AddressSpace space = vm.newAddressSpace();
          View user = space.view()) {
        long bytes = vm.statistics().freePages() * PAGE / 2;
        long heap = space.map(bytes, Protection.READ_WRITE);
        user.fill(heap, bytes, (byte) 0x55);
      }
    }

    @Test
    void isGivenBackAsAWhole() {
      long first = kernel.allocate(PAGE); // so that the table of the region is there
      long before = wired();
      long at = kernel.allocate(40 * PAGE);
      view.putLong(at, 1);
      assertThat(wired()).isEqualTo(before + 40);
      kernel.free(at, 40 * PAGE);
      assertThat(wired()).isEqualTo(before);
      assertThatThrownBy(() -> view.getLong(at))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("not mapped");
      kernel.free(first, PAGE);
      assertThat(kernel.used()).isZero();
    }

    @Test
    void canBeGivenBackInParts() {
      long at = kernel.allocate(6 * PAGE);
      view.putLong(at, 1);
      view.putLong(at + 5 * PAGE, 6);
      kernel.free(at + 2 * PAGE, 2 * PAGE);
      assertThat(view.getLong(at)).isEqualTo(1);
      assertThat(view.getLong(at + 5 * PAGE)).isEqualTo(6);
      long again = kernel.allocate(2 * PAGE);
      assertThat(again).as("the hole").isEqualTo(at + 2 * PAGE);
      assertThat(view.getLong(again)).isZero();
    }

    @Test
    void staysInMemoryWhenOthersAreSwapped() {
      long at = kernel.allocate(20 * PAGE);
      for (int i = 0; i < 20; i++) {
        view.putLong(at + (long) i * PAGE, i + 1);
      }
      int page = pageAt(at);
      try (AddressSpace space = vm.newAddressSpace();
          View user = space.view()) {
        long heap = space.map(8 * MIB, Protection.READ_WRITE);
        for (long i = 0; i < 8 * MIB; i += PAGE) {
          user.putLong(heap + i, i);
        }
      }
      VmStatistics now = vm.statistics();
      assertThat(now.pagesOut()).isPositive();
      for (int i = 0; i < 20; i++) {
        assertThat(view.getLong(at + (long) i * PAGE)).isEqualTo(i + 1);
      }
      assertThat(vm.statistics().faultsMajor()).isEqualTo(now.faultsMajor());
      assertThat(pageAt(at)).isEqualTo(page);
    }

    @Test
    void isRefusedWithoutATraceIfThereIsTooLittle() {
      kernel.allocate(PAGE);
      long before = wired();
      long all = vm.statistics().pageCount() * PAGE;
      assertThatThrownBy(() -> kernel.allocate(all)).isInstanceOf(OutOfPagesException.class);
      assertThat(kernel.used()).isEqualTo(PAGE);
      assertThat(wired()).isLessThanOrEqualTo(before + 8); // nodes of the index stay nodes
      kernel.allocate(10 * PAGE);
    }

    @Test
    void canBeLeasedButNotSent() {
      long at = kernel.allocate(PAGE);
      try (PageLease lease = view.lease(at, LeaseMode.WRITE)) {
        assertThat(lease.segments()).hasSize(1);
      }
      assertThatThrownBy(() -> view.lease(at, LeaseMode.SNAPSHOT))
          .isInstanceOf(AccessViolationException.class);
      view.putLong(at, 3);
    }

    @Test
    void ofTheMachineEndsWithIt() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
      KernelMemory its = other.kernelMemory();
      its.allocate(100 * PAGE);
      KernelMemory part = its.suballocate(MIB);
      part.allocate(PAGE);
      other.close();
      assertThatThrownBy(() -> its.allocate(PAGE)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(other::kernelMemory).isInstanceOf(IllegalStateException.class);
    }
  }

  @Nested
  class Stack {
    @Test
    void hasAGuardPageBelow() {
      long guard = kernel.allocateStack(4 * PAGE);
      view.putLong(guard + PAGE, 1);
      view.putLong(guard + 4 * PAGE, 4);
      assertThatThrownBy(() -> view.putLong(guard + PAGE - 8, 1))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("guard page");
      assertThatThrownBy(() -> view.getLong(guard)).hasMessageContaining("guard page");
      kernel.free(guard, 5 * PAGE);
      assertThat(kernel.used()).isZero();
    }

    @Test
    void keepsItsGuardBesideOthers() {
      long low = kernel.allocateStack(2 * PAGE);
      long high = kernel.allocateStack(2 * PAGE);
      assertThat(high).isEqualTo(low + 3 * PAGE);
      assertThat(machine.kernel().space().map().count()).as("not joined").isEqualTo(2);
      assertThatThrownBy(() -> view.getLong(high)).hasMessageContaining("guard page");
      view.putLong(low + 2 * PAGE, 1);
    }
  }

  @Nested
  class Addresses {
    @Test
    void haveNoMemory() {
      long at = kernel.reserve(4 * PAGE);
      assertThatThrownBy(() -> view.getLong(at))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("none may be by a fault");
      kernel.free(at, 4 * PAGE);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, PAGE, 1 << 16, 1 << 21})
    void areAlignedAsAsked(long alignment) {
      kernel.allocate(PAGE);
      long at = kernel.reserve(PAGE, alignment);
      assertThat(at % alignment).isZero();
    }

    @Test
    void areWaitedForUntilTheyAreFreed() throws Exception {
      KernelMemory part = kernel.suballocate(2 * MIB);
      long half = part.reserve(MIB);
      part.reserve(MIB);
      Helper<Long> waiter = Helper.start(() -> part.awaitReserve(MIB)).awaitAsleep();
      assertThat(waiter.isDone()).isFalse();
      part.free(half, MIB);
      assertThat(waiter.join()).isEqualTo(half);
    }

    @Test
    void thatCanNeverBeAreNotWaitedFor() {
      KernelMemory part = kernel.suballocate(2 * MIB);
      assertThatThrownBy(() -> part.awaitReserve(2 * MIB + 1))
          .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void thatNobodyFreesAreRefusedInTheEnd() {
      KernelMemory part = kernel.suballocate(2 * MIB);
      part.reserve(2 * MIB);
      assertThatThrownBy(() -> part.awaitReserve(PAGE))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("no kernel addresses were freed");
    }
  }

  @Nested
  class WithinBounds {
    @Test
    void allFramesLieThere() {
      kernel.allocate(PAGE); // so that the table of the region stays
      PhysicalRange low = new PhysicalRange(0, MIB);
      long at = kernel.allocateWithin(8 * PAGE, low);
      PageArray pages = machine.page().pages();
      for (int i = 0; i < 8; i++) {
        assertThat(view.getLong(at + (long) i * PAGE)).isZero();
        view.putLong(at + (long) i * PAGE, i);
        int page = pageAt(at + (long) i * PAGE);
        assertThat(machine.physical().physical(page)).isBetween(0L, MIB - PAGE);
        assertThat(pages.wireCount(page)).isEqualTo(1);
      }
      long before = wired();
      kernel.free(at + 2 * PAGE, 2 * PAGE);
      assertThat(wired()).isEqualTo(before - 2);
      assertThat(view.getLong(at + 7 * PAGE)).isEqualTo(7);
      kernel.free(at, 2 * PAGE);
      kernel.free(at + 4 * PAGE, 4 * PAGE);
      assertThat(wired()).isEqualTo(before - 8);
    }

    @Test
    void leaveNothingBehindIfThereAreTooFew() {
      kernel.allocate(PAGE);
      long before = wired();
      PhysicalRange tiny = new PhysicalRange(64L * PAGE, 68L * PAGE);
      assertThatThrownBy(() -> kernel.allocateWithin(8 * PAGE, tiny))
          .isInstanceOf(OutOfPagesException.class);
      assertThat(kernel.used()).isEqualTo(PAGE);
      assertThat(wired()).isEqualTo(before);
    }
  }

  @Test
  void swappableMemoryIsMadeWhenTouchedAndSwapped() {
    long at = kernel.allocateSwappable(6 * MIB);
    for (long i = 0; i < 6 * MIB; i += PAGE) {
      view.putLong(at + i, i);
    }
    assertThat(vm.statistics().pagesOut()).isPositive();
    for (long i = 0; i < 6 * MIB; i += PAGE) {
      assertThat(view.getLong(at + i)).isEqualTo(i);
    }
    kernel.free(at, 6 * MIB);
    assertThat(vm.statistics().swapUsedPages()).isZero();
  }

  @Nested
  class Part {
    private final KernelMemory part = kernel.suballocate(3 * MIB);

    @Test
    void hasAddressesOfItsOwn() {
      assertThat(part.end() - part.first()).isEqualTo(4 * MIB);
      long inside = part.allocate(3 * PAGE);
      assertThat(inside).isEqualTo(part.first());
      view.putLong(inside, 7);
      assertThat(view.getLong(inside)).isEqualTo(7);
      long outside = kernel.allocate(PAGE);
      assertThat(outside)
          .satisfiesAnyOf(
              a -> assertThat(a).isLessThan(part.first()),
              a -> assertThat(a).isGreaterThanOrEqualTo(part.end()));
      assertThatThrownBy(() -> part.allocate(5 * MIB)).isInstanceOf(IllegalArgumentException.class);
      part.free(inside, 3 * PAGE);
      assertThat(part.used()).isZero();
    }

    @Test
    void mayHaveAPartItself() {
      KernelMemory inner = part.suballocate(PAGE);
      long at = inner.allocate(PAGE);
      view.putLong(at, 9);
      assertThat(view.getLong(at)).isEqualTo(9);
      assertThat(kernel.allows(at, PAGE, Protection.READ_WRITE)).isTrue();
      assertThatThrownBy(() -> view.getLong(at + PAGE)).hasMessageContaining("not mapped");
    }

    @Test
    void isNotTouchedFromOutside() {
      long at = part.allocate(PAGE);
      var space = machine.kernel().space();
      long start = part.first();
      var self = machine.newThread("test");
      for (Runnable change :
          List.<Runnable>of(
              () -> kernel.free(start, PAGE),
              () -> space.unmap(self, start, part.end()),
              () -> space.protect(self, start, start + PAGE, 0, false),
              () -> space.use().setInheritance(start, start + PAGE, map()),
              () -> space.use().advise(self, start, start + PAGE, true),
              () -> space.use().discard(self, start, start + PAGE))) {
        assertThatThrownBy(change::run)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("has a map of its own");
      }
      assertThat(space.map().all())
          .filteredOn(e -> e.content() instanceof Submap)
          .singleElement()
          .extracting(e -> e.end() - e.start())
          .isEqualTo(4 * MIB);
      assertThat(view.getLong(at)).isZero();
    }

    private static org.pondhawk.vm.map.Inheritance map() {
      return org.pondhawk.vm.map.Inheritance.NONE;
    }
  }

  @Nested
  class Question {
    @Test
    void isAnsweredByWhatIsAllocated() {
      long at = kernel.allocate(4 * PAGE);
      assertThat(kernel.allows(at, 4 * PAGE, Protection.READ_WRITE)).isTrue();
      assertThat(kernel.allows(at + 1, 4 * PAGE - 1, Protection.READ)).isTrue();
      assertThat(kernel.allows(at + 1, 4 * PAGE, Protection.READ)).isFalse();
      assertThat(kernel.allows(at + PAGE, 0, Protection.READ)).isTrue();
      for (long senseless : new long[] {-1, Long.MIN_VALUE, kernel.end(), Long.MAX_VALUE}) {
        assertThat(kernel.allows(senseless, PAGE, Protection.READ)).isFalse();
        assertThat(kernel.allows(at, senseless, Protection.READ)).isFalse();
      }
    }
  }

  @Test
  void theReadingsSayHowManyAddressesAreLeft() {
    long size = vm.tunables().get("vm.kvm_size");
    assertThat(size).isEqualTo(kernel.end());
    kernel.allocate(3 * PAGE);
    assertThat(vm.tunables().get("vm.kvm_free")).isEqualTo(size - 3 * PAGE);
  }

  @Nested
  class Misuse {
    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 60})
    void ofLengthsIsRefused(long bytes) {
      long at = kernel.allocate(PAGE);
      for (Runnable call :
          List.<Runnable>of(
              () -> kernel.allocate(bytes),
              () -> kernel.allocateStack(bytes),
              () -> kernel.allocateWithin(bytes, new PhysicalRange(0, MIB)),
              () -> kernel.allocateSwappable(bytes),
              () -> kernel.reserve(bytes),
              () -> kernel.reserve(PAGE, bytes),
              () -> kernel.awaitReserve(bytes),
              () -> kernel.suballocate(bytes),
              () -> kernel.free(at, bytes))) {
        assertThatThrownBy(call::run).isInstanceOf(IllegalArgumentException.class);
      }
      assertThat(kernel.used()).isEqualTo(PAGE);
    }

    @Test
    void ofFreeIsRefused() {
      long at = kernel.allocate(2 * PAGE);
      for (long address : new long[] {0, at + 1, at + 2 * PAGE, -PAGE, Long.MIN_VALUE}) {
        assertThatThrownBy(() -> kernel.free(address, PAGE))
            .isInstanceOf(IllegalArgumentException.class);
      }
      assertThatThrownBy(() -> kernel.free(at + PAGE, 2 * PAGE))
          .hasMessageContaining("not allocated");
      view.putLong(at + PAGE, 1);
      kernel.free(at, 2 * PAGE);
      assertThatThrownBy(() -> kernel.free(at, 2 * PAGE)).hasMessageContaining("not allocated");
    }
  }

  @Test
  void twoThreadsFragmentItAndGetAllBack() throws Exception {
    kernel.allocate(PAGE);
    long before = wired();
    long seed = System.nanoTime();
    List<Helper<Integer>> storms = new ArrayList<>();
    for (int n = 0; n < 2; n++) {
      long own = seed + n;
      storms.add(Helper.start(() -> storm(new Random(own), own)));
    }
    for (Helper<Integer> storm : storms) {
      assertThat(storm.join()).as("seed %d", seed).isZero();
    }
    assertThat(kernel.used()).isEqualTo(PAGE);
    assertThat(wired()).as("seed %d", seed).isLessThanOrEqualTo(before + 8);
  }

  /// Allocates and frees at random for a while, and looks at every word that it stored.
  ///
  /// @return how many were wrong
  private int storm(Random random, long mark) {
    int wrong = 0;
    Deque<long[]> held = new ArrayDeque<>();
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(700);
    try (View own = kernel.view()) {
      while (System.nanoTime() < end || !held.isEmpty()) {
        boolean ending = System.nanoTime() >= end;
        if (!ending && held.size() < 24 && random.nextBoolean()) {
          long bytes = (1L + random.nextInt(8)) * PAGE;
          long at = kernel.allocate(bytes);
          for (long i = 0; i < bytes; i += PAGE) {
            wrong += own.getLong(at + i) == 0 ? 0 : 1;
            own.putLong(at + i, mark ^ (at + i));
          }
          held.add(new long[] {at, bytes});
        } else if (!held.isEmpty()) {
          long[] one = random.nextBoolean() ? held.removeFirst() : held.removeLast();
          for (long i = 0; i < one[1]; i += PAGE) {
            wrong += own.getLong(one[0] + i) == (mark ^ (one[0] + i)) ? 0 : 1;
          }
          kernel.free(one[0], one[1]);
        }
      }
    }
    return wrong;
  }

  @Nested
  class TheCheck {
    @Test
    void knowsAPageOfTheKernelThatIsNotWired() {
      broken = true;
      long at = kernel.allocate(PAGE);
      int page = pageAt(at);
      machine.page().pages().addWire(page, -1);
      assertThat(vm.check().summary()).contains("pages say that they are wired");
      machine.page().pages().addWire(page, 1);
    }

    @Test
    void knowsAPageOfTheKernelThatIsNotMapped() {
      broken = true;
      long at = kernel.allocate(PAGE);
      machine.kernel().space().pmap().remove(at, at + PAGE);
      assertThat(vm.check().summary()).contains("of the kernel, but not mapped");
    }
  }
}
