package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.sync.VmThread;

/// Ranges that stay in memory, as callers see them.
class WiringTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 64;
  private static final long BYTES = (long) PAGES * PAGE;

  /// How many pages are wired in a machine whose spaces have wired nothing, at most.
  private static final int MOST_OVERHEAD = 200;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(4 << 20)
              .swap(32 << 20)
              .poisonFreedFrames(true)
              .build());
  private final Machine machine = vm.machine();
  private final AddressSpace space = vm.newAddressSpace();
  private final long base = space.map(BYTES, Protection.READ_WRITE);
  private final View view = space.view();

  @AfterEach
  void theMachineIsSoundAndNothingStaysWired() {
    view.close();
    assertThat(vm.check().problems()).isEmpty();
    space.close();
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  private long page(int n) {
    return base + (long) n * PAGE;
  }

  private void storeAll() {
    for (int n = 0; n < PAGES; n++) {
      view.putLong(page(n), n + 1);
    }
  }

  private void loadAll() {
    for (int n = 0; n < PAGES; n++) {
      assertThat(view.getLong(page(n))).isEqualTo(n + 1);
    }
  }

  /// Pages that are wired because of a mapping in this space.
  private long wired() {
    return internal().pmap().wired();
  }

  private Space internal() {
    return machine.spaces().getFirst();
  }

  private long faults() {
    return vm.statistics().faultsMinor() + vm.statistics().faultsMajor();
  }

  /// Uses twice as much memory as there is.
  private void crowd() {
    AddressSpace other = vm.newAddressSpace();
    long heap = other.map(8 << 20, Protection.READ_WRITE);
    try (View crowd = other.view()) {
      for (long at = 0; at < 8 << 20; at += PAGE) {
        crowd.putLong(heap + at, at);
      }
    }
    other.close();
  }

  @Test
  void whatIsWiredTakesNoFaultHoweverShortMemoryIs() {
    storeAll();
    space.wire(base, BYTES);
    assertThat(wired()).isEqualTo(PAGES);

    crowd();

    long before = faults();
    loadAll();
    storeAll();
    assertThat(faults()).isEqualTo(before);
  }

  @Test
  void whatIsUnwiredIsReclaimedAsAny() {
    storeAll();
    space.wire(base, BYTES);
    space.unwire(base, BYTES);
    assertThat(wired()).isZero();

    crowd();

    long before = vm.statistics().faultsMajor();
    loadAll();
    assertThat(vm.statistics().faultsMajor()).isGreaterThan(before);
  }

  @Test
  void wiringBringsInWhatIsSwappedAndWhatNobodyHasTouched() {
    for (int n = 0; n < PAGES / 2; n++) {
      view.putLong(page(n), n + 1);
    }
    crowd();

    space.wire(base, BYTES);

    assertThat(wired()).isEqualTo(PAGES);
    long before = faults();
    for (int n = 0; n < PAGES; n++) {
      assertThat(view.getLong(page(n))).isEqualTo(n < PAGES / 2 ? n + 1 : 0);
      view.putLong(page(n), n);
    }
    assertThat(faults()).isEqualTo(before);
  }

  @Test
  void wiringDoesNotNestForItsUser() {
    space.wire(base, BYTES);
    space.wire(page(3), 2 * PAGE);
    space.unwire(page(3), 2 * PAGE);
    assertThat(wired()).isEqualTo(PAGES - 2);

    space.wire(base, BYTES);
    space.unwire(base, BYTES);
    assertThat(wired()).isZero();
  }

  @Test
  void aHoleIsRefusedAndNothingIsWired() {
    space.unmap(page(7), PAGE);

    assertThatThrownBy(() -> space.wire(base, BYTES))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("not mapped");
    assertThat(wired()).isZero();

    space.wire(base, 7 * PAGE);
    assertThatThrownBy(() -> space.unwire(base, 7 * PAGE + PAGE))
        .isInstanceOf(AccessViolationException.class);
    assertThatThrownBy(() -> space.unwire(base + 8 * PAGE, PAGE))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("not wired");
    assertThat(wired()).isEqualTo(7);
  }

  @Test
  void whatAllowsNoAccessIsRefusedAndPassedOverWithAll() {
    storeAll();
    space.protect(page(9), PAGE, Protection.NONE);

    assertThatThrownBy(() -> space.wire(base, BYTES))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("no access is allowed");
    assertThat(wired()).isZero();

    space.wireAll(WireScope.CURRENT);
    assertThat(wired()).isEqualTo(PAGES - 1);
  }

  @Test
  void unmappingGivesTheWiringsBack() {
    storeAll();
    space.wire(base, BYTES);
    long all = machineWired();

    space.unmap(page(10), 20 * PAGE);

    assertThat(wired()).isEqualTo(PAGES - 20);
    assertThat(all - machineWired())
        .as("the index of an object that was split may take a page")
        .isBetween(19L, 20L);
  }

  private long machineWired() {
    machine.page().stats().rollup();
    return machine.page().stats().global(PageCount.WIRED);
  }

  @Test
  void closingGivesThemBackToo() {
    AddressSpace other = vm.newAddressSpace();
    long at = other.map(BYTES, Protection.READ_WRITE);
    other.wire(at, BYTES);
    long before = machineWired();

    other.close();

    assertThat(machineWired()).isLessThanOrEqualTo(before - PAGES);
  }

  @Test
  void aRangeThatLosesAndGetsTheRightToStoreStaysReady() {
    storeAll();
    space.wire(base, BYTES);

    space.protect(base, BYTES, Protection.READ);
    assertThatThrownBy(() -> view.putLong(base, 1)).isInstanceOf(AccessViolationException.class);
    space.protect(base, BYTES, Protection.READ_WRITE);

    assertThat(wired()).isEqualTo(PAGES);
    long before = faults();
    storeAll();
    assertThat(faults()).isEqualTo(before);
  }

  @Test
  void aRangeThatLosesEveryRightIsReadyAgainWhenItGetsThemBack() {
    storeAll();
    space.wire(base, BYTES);

    space.protect(base, BYTES, Protection.NONE);
    assertThat(wired()).isZero();
    space.protect(base, BYTES, Protection.READ_WRITE);

    assertThat(wired()).isEqualTo(PAGES);
    long before = faults();
    loadAll();
    storeAll();
    assertThat(faults()).isEqualTo(before);
  }

  @Test
  void aForkLeavesTheParentWhatItHasWired() {
    storeAll();
    space.wire(base, BYTES);

    try (AddressSpace child = space.fork();
        View theirs = child.view()) {
      assertThat(wired()).isEqualTo(PAGES);
      assertThat(machine.spaces().getLast().pmap().wired()).isZero();
      long before = faults();
      for (int n = 0; n < PAGES; n++) {
        view.putLong(page(n), -n);
      }
      assertThat(faults()).isEqualTo(before);
      for (int n = 0; n < PAGES; n++) {
        assertThat(theirs.getLong(page(n))).isEqualTo(n + 1);
      }
      assertThatThrownBy(() -> child.unwire(base, PAGE))
          .isInstanceOf(AccessViolationException.class);
    }
  }

  @Test
  void whatShinesThroughIsWiredWhereItLiesUntilItMayBeStoredInto() {
    storeAll();
    try (AddressSpace child = space.fork();
        View theirs = child.view()) {
      child.protect(base, BYTES, Protection.READ);
      child.wire(base, BYTES);
      Space inner = machine.spaces().getLast();
      assertThat(inner.pmap().wired()).isEqualTo(PAGES);

      child.protect(base, BYTES, Protection.READ_WRITE);

      assertThat(inner.pmap().wired()).isEqualTo(PAGES);
      long before = faults();
      for (int n = 0; n < PAGES; n++) {
        theirs.putLong(page(n), -n);
      }
      assertThat(faults()).isEqualTo(before);
      loadAll();
      assertThat(vm.check().problems()).isEmpty();
    }
  }

  @Test
  void bothSidesOfASharedRangeMayWireIt() {
    storeAll();
    space.inherit(base, BYTES, Inheritance.SHARE);
    try (AddressSpace child = space.fork();
        View theirs = child.view()) {
      space.wire(base, BYTES);
      child.wire(base, BYTES);
      assertThat(vm.check().problems()).isEmpty();

      space.unwire(base, BYTES);
      crowd();

      long before = faults();
      theirs.putLong(page(5), 77);
      assertThat(faults()).isEqualTo(before);
      assertThat(view.getLong(page(5))).isEqualTo(77);
    }
  }

  @Test
  void noMoreIsWiredThanTheTunableAllows() {
    vm.tunables().set("vm.max_wired", machineWired() + 10);

    assertThatThrownBy(() -> space.wire(base, 11 * PAGE))
        .isInstanceOf(OutOfPagesException.class)
        .hasMessageContaining("vm.max_wired");
    assertThat(wired()).isZero();
    space.wire(base, 4 * PAGE); // the table takes some
    assertThat(wired()).isEqualTo(4);
  }

  @Test
  void allThatIsMappedAndAllThatWillBe() {
    storeAll();
    space.wireAll(WireScope.CURRENT);
    assertThat(wired()).isEqualTo(PAGES);
    long plain = space.map(2 * PAGE, Protection.READ_WRITE);
    assertThat(wired()).isEqualTo(PAGES);

    space.wireAll(WireScope.FUTURE);
    long kept = space.map(3 * PAGE, Protection.READ_WRITE);
    assertThat(wired()).isEqualTo(PAGES + 3);
    assertThatThrownBy(() -> space.unwire(plain, PAGE))
        .isInstanceOf(AccessViolationException.class);
    space.unwire(kept, PAGE);

    space.unwireAll();
    assertThat(wired()).isZero();
    long _ = space.map(PAGE, Protection.READ_WRITE);
    assertThat(wired()).isZero();
  }

  @Test
  void aForkDoesNotInheritThatTheFutureIsWired() {
    space.wireAll(WireScope.ALL);
    try (AddressSpace child = space.fork()) {
      long _ = child.map(PAGE, Protection.READ_WRITE);
      assertThat(machine.spaces().getLast().pmap().wired()).isZero();
    }
  }

  @Test
  void whatIsGivenUpOrNotNeededStaysIfItIsWired() {
    storeAll();
    space.wire(base, BYTES);

    space.advise(base, BYTES, Advice.FREE);
    space.advise(base, BYTES, Advice.DONT_NEED);

    long before = faults();
    loadAll();
    assertThat(faults()).isEqualTo(before);
  }

  @Test
  void aLeaseForWritingIsInTheWayOfUnwiring() {
    storeAll();
    space.wire(base, BYTES);
    try (PageLease lease = view.lease(base, PAGE, LeaseMode.WRITE)) {
      assertThatThrownBy(() -> space.unwire(base, BYTES)).isInstanceOf(LeaseHeldException.class);
      assertThat(wired()).isEqualTo(PAGES);
      assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
    }
    space.unwire(base, BYTES);
  }

  @Test
  void aSnapshotOfWiredPagesIsStoredBeside() {
    storeAll();
    space.wire(base, BYTES);
    try (PageLease sent = view.lease(base, PAGE, LeaseMode.SNAPSHOT)) {
      view.putLong(base, -5);

      assertThat(sent.bytes().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(1);
      assertThat(view.getLong(base)).isEqualTo(-5);
      assertThat(wired()).isEqualTo(PAGES);
      assertThat(vm.check().problems()).isEmpty();
    }
  }

  @Test
  void whatIsBeingSentMayBeWired() {
    storeAll();
    try (PageLease sent = view.lease(base, PAGE, LeaseMode.SNAPSHOT)) {
      space.wire(base, BYTES);

      long before = faults();
      view.putLong(base, -5);
      assertThat(faults()).isEqualTo(before);
      assertThat(sent.bytes().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(1);
    }
  }

  @Test
  void theMachineWiresAsOftenAsItLikesBesideTheUser() {
    storeAll();
    VmThread self = machine.newThread("wire");
    long end = base + BYTES;
    internal().wiring().wireForMachine(self, base, end);
    internal().wiring().wireForMachine(self, base, end);
    space.wire(base, BYTES);
    assertThat(wired()).isEqualTo(PAGES);

    internal().wiring().unwireForMachine(self, base, end);
    space.unwire(base, BYTES);
    assertThat(wired()).isEqualTo(PAGES);
    internal().wiring().unwireForMachine(self, base, end);
    assertThat(wired()).isZero();
    assertThatThrownBy(() -> internal().wiring().unwireForMachine(self, base, end))
        .isInstanceOf(AccessViolationException.class);
  }

  @Test
  void whatCannotBeWiredForLackOfMemoryIsLeftAsItWas() {
    try (VirtualMemory small =
            VirtualMemory.boot(
                VmConfig.builder()
                    .physicalMemory(4 << 20)
                    .patience(Duration.ofMillis(100))
                    .tunable("vm.max_wired", 1 << 20)
                    .build());
        AddressSpace there = small.newAddressSpace();
        View theirs = there.view()) {
      long much = there.map(16 << 20, Protection.READ_WRITE);

      assertThatThrownBy(() -> there.wire(much, 16 << 20)).isInstanceOf(OutOfPagesException.class);

      assertThat(small.machine().spaces().getFirst().pmap().wired()).isZero();
      assertThat(small.check().problems()).isEmpty();
      there.unmap(much, 8 << 20);
      there.unmap(much + (8 << 20), 8 << 20);
      long little = there.map(PAGE, Protection.READ_WRITE);
      theirs.putLong(little, 1);
      assertThat(theirs.getLong(little)).isEqualTo(1);
    }
  }

  @Test
  void threadsWireUnmapAndProtectAtOnce() {
    try (var threads = Executors.newFixedThreadPool(2)) {
      CompletableFuture<Void> wiring =
          CompletableFuture.runAsync(
              () -> {
                for (int i = 0; i < 200; i++) {
                  try {
                    space.wire(base, BYTES);
                    space.unwire(base, BYTES);
                  } catch (AccessViolationException _) {
                    space.unwireAll(); // the other unmapped a part
                  }
                }
              },
              threads);
      for (int i = 0; !wiring.isDone(); i++) {
        int n = i % PAGES;
        space.unmap(page(n), PAGE);
        space.mapAt(page(n), PAGE, Protection.READ_WRITE);
        view.putLong(page(n), i);
        space.protect(page((n + 7) % PAGES), PAGE, Protection.READ);
        space.protect(page((n + 7) % PAGES), PAGE, Protection.READ_WRITE);
      }
      wiring.join();
    }
    space.unwireAll();
    assertThat(wired()).isZero();
    assertThat(machineWired()).isLessThan(MOST_OVERHEAD);
  }

  @Test
  void theCheckerSeesAWiredMappingWithoutAWiring() {
    VirtualMemory broken = VirtualMemory.boot(VmConfig.builder().physicalMemory(4 << 20).build());
    AddressSpace there = broken.newAddressSpace();
    long at = there.map(PAGE, Protection.READ_WRITE);
    try (View theirs = there.view()) {
      theirs.putLong(at, 1);
      Space inner = broken.machine().spaces().getFirst();
      long frame = Pte.frame(inner.pmap().entry(at));
      int shown = broken.machine().page().pages().pageAt(frame);

      assertThat(inner.pmap().wire(at, shown)).isTrue();

      assertThat(broken.check().problems())
          .anyMatch(p -> p.contains("its range is not"))
          .anyMatch(p -> p.contains("the counter says"));
      assertThat(inner.pmap().unwire(at)).isEqualTo(shown);
      assertThat(broken.check().problems()).isEmpty();
    }
    broken.close();
  }
}
