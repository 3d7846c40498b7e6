package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.VmThread;

/// Ranges whose pages a callback supplies, a device of the test's: when it is called, with what,
/// and what becomes of its failures.
class SuppliedRangeTest {
  private static final int PAGE = 4096;
  private static final int DEVICE_PAGES = 16;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(2 << 20)
              .swap(8 << 20)
              .poisonFreedFrames(true)
              .tunable("vm.fictitious_pages", DEVICE_PAGES)
              .build());
  private final Machine machine = vm.machine();
  private final PageArray pages = machine.page().pages();
  private final VmThread self = machine.newThread("device");
  private final AddressSpace space = vm.newAddressSpace();
  private final View view = space.view();
  private final Recorder device = new Recorder();
  private boolean broken;

  /// A device of some pages of memory that lives as long as the machine.
  private final class Recorder implements PageSupplier {
    final long memory = machine.memory().allocate((long) DEVICE_PAGES * PAGE, "the test's device");
    final int[] made =
        IntStream.range(0, DEVICE_PAGES).map(i -> make(memory + (long) i * PAGE)).toArray();
    final List<SuppliedRange> live = new ArrayList<>();
    int calls;
    int faults;
    @Nullable RuntimeException refusal;

    private int make(long address) {
      int page = machine.allocator().fictitious().make(address, MemoryAttribute.UNCACHEABLE);
      pages.setValid(page);
      machine.page().busy().unbusy(page);
      return page;
    }

    @Override
    public void added(SuppliedRange range) {
      if (refusal != null) {
        throw refusal;
      }
      calls++;
      live.add(range);
    }

    @Override
    public void removed(SuppliedRange range) {
      calls++;
      assertThat(live.remove(range)).as("%s was added", range).isTrue();
    }

    @Override
    public int supply(VmThread thread, SuppliedRange range, long pindex) {
      faults++;
      assertThat(live).contains(range);
      if (refusal != null) {
        throw refusal;
      }
      return pindex < made.length ? made[(int) pindex] : REFUSED;
    }

    void freeAll() {
      for (int page : made) {
        assertThat(machine.page().busy().tryHardBusy(page)).isTrue();
        assertThat(machine.allocator().fictitious().free(self, page)).isTrue();
      }
    }

    @Override
    public String toString() {
      return "the test's device";
    }
  }

  @AfterEach
  void nothingIsLeft() {
    if (!broken) {
      assertThat(vm.check().summary()).isEqualTo("clean");
      view.close();
      space.close();
      assertThat(device.live).isEmpty();
      device.freeAll();
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
    vm.close();
  }

  private Space internal() {
    return space.internal();
  }

  private long map(int pageCount, long firstPindex) {
    return internal()
        .mapper()
        .mapSupplied(
            new Placement.Anywhere(PAGE, PAGE, space.range()),
            (long) pageCount * PAGE,
            EntryTraits.of(Access.ALL),
            device,
            firstPindex);
  }

  private long word(int devicePage) {
    return RawMemory.getLong(device.memory + (long) devicePage * PAGE);
  }

  @Test
  void showsWhatTheDeviceHas() {
    long at = map(4, 2);
    view.putLong(at + PAGE, 77);
    assertThat(word(3)).isEqualTo(77);
    RawMemory.putLong(device.memory + 3 * PAGE, 78);
    assertThat(view.getLong(at + PAGE)).isEqualTo(78);
    assertThat(device.faults).isEqualTo(1);
    assertThat(vm.statistics().faultsMajor()).isZero();
  }

  @Test
  void aClipShiftsTheNumbersOfThePages() {
    long at = map(8, 1);
    space.protect(at + 3 * PAGE, 2 * PAGE, Protection.READ);
    assertThat(device.live)
        .extracting(SuppliedRange::firstPindex, SuppliedRange::pageCount)
        .containsExactlyInAnyOrder(
            org.assertj.core.groups.Tuple.tuple(1L, 3L),
            org.assertj.core.groups.Tuple.tuple(4L, 2L),
            org.assertj.core.groups.Tuple.tuple(6L, 3L));
    for (int i = 0; i < 8; i++) {
      RawMemory.putLong(device.memory + (long) (i + 1) * PAGE, 100 + i);
      assertThat(view.getLong(at + (long) i * PAGE)).isEqualTo(100 + i);
    }
    assertThatThrownBy(() -> view.putLong(at + 3 * PAGE, 1))
        .isInstanceOf(AccessViolationException.class);
    view.putLong(at + 2 * PAGE, 5);
    assertThat(word(3)).isEqualTo(5);
  }

  @Test
  void isCalledInPairsWhenHalfOfItIsUnmapped() {
    long at = map(8, 0);
    view.putLong(at, 1);
    view.putLong(at + 7 * PAGE, 8);
    space.unmap(at + 4 * PAGE, 4 * PAGE);
    assertThat(device.live).singleElement().extracting(SuppliedRange::pageCount).isEqualTo(4L);
    assertThatThrownBy(() -> view.getLong(at + 7 * PAGE)).hasMessageContaining("not mapped");
    assertThat(view.getLong(at)).isEqualTo(1);
    space.unmap(at, 8 * PAGE);
    assertThat(device.live).isEmpty();
    assertThat(device.calls % 2).isZero();
  }

  @Test
  void isMappedByAWiringButNeverWired() {
    long at = map(2, 0);
    space.wire(at, 2 * PAGE);
    assertThat(internal().pmap().resident()).isEqualTo(2);
    assertThat(internal().pmap().wired()).isZero();
    assertThat(pages.wireCount(device.made[0])).isEqualTo(1);
    assertThat(view.getLong(at)).isZero();
    try (AddressSpace child = space.fork()) {
      assertThat(child.internal().map().all())
          .singleElement()
          .matches(e -> !e.isWired(), "not wired");
    }
    space.unwire(at, 2 * PAGE);
    view.putLong(at + PAGE, 3);
    assertThat(word(1)).isEqualTo(3);
  }

  @Test
  void isNeverJoined() {
    long low = map(2, 0);
    long high = map(2, 2);
    assertThat(high).isEqualTo(low + 2 * PAGE);
    space.advise(low, 4 * PAGE, Advice.RANDOM);
    assertThat(internal().map().all()).hasSize(2);
  }

  @Nested
  class Fork {
    @Test
    void mapsItTooAndCopiesNothing() {
      long at = map(2, 0);
      view.putLong(at, 5);
      try (AddressSpace child = space.fork();
          View other = child.view()) {
        assertThat(device.live).hasSize(2);
        assertThat(child.internal().pmap().resident()).isZero();
        other.putLong(at, 6);
        assertThat(view.getLong(at)).as("it is the device's").isEqualTo(6);
        view.putLong(at, 7);
        assertThat(other.getLong(at)).isEqualTo(7);
      }
      assertThat(device.live).hasSize(1);
      assertThat(vm.statistics().pagesCopied()).isZero();
    }

    @Test
    void leavesOutWhatIsNotInherited() {
      long at = map(2, 0);
      space.inherit(at, PAGE, Inheritance.NONE);
      try (AddressSpace child = space.fork();
          View other = child.view()) {
        assertThat(device.live).hasSize(3);
        assertThatThrownBy(() -> other.getLong(at)).hasMessageContaining("not mapped");
        assertThat(other.getLong(at + PAGE)).isZero();
      }
    }

    @Test
    void isRefusedWholeIfTheDeviceRefuses() {
      long heap = space.map(PAGE, Protection.READ_WRITE);
      view.putLong(heap, 9);
      map(2, 0);
      device.refusal = new IllegalStateException("not for children");
      assertThatThrownBy(space::fork).hasMessage("not for children");
      device.refusal = null;
      assertThat(device.live).hasSize(1);
      view.putLong(heap, 10);
      assertThat(view.getLong(heap)).isEqualTo(10);
    }
  }

  @Nested
  class Failure {
    @Test
    void ofAFaultIsAViolation() {
      long at = map(1, 0);
      device.refusal = new IllegalStateException("it is unplugged");
      assertThatThrownBy(() -> view.getLong(at))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("it is unplugged")
          .hasCause(device.refusal);
      device.refusal = null;
      assertThat(view.getLong(at)).isZero();
    }

    @Test
    void beyondTheDeviceIsAViolation() {
      long at = map(2, DEVICE_PAGES - 1);
      assertThat(view.getLong(at)).isZero();
      assertThatThrownBy(() -> view.getLong(at + PAGE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("page 16 of the test's device: there is none");
    }

    @Test
    void ofAnAdditionLeavesTheMapAsItWas() {
      long at = map(4, 0);
      view.putLong(at + 3 * PAGE, 4);
      List<MapEntry> before = internal().map().all();
      device.refusal = new IllegalArgumentException("no more parts");
      assertThatThrownBy(() -> map(1, 0)).isSameAs(device.refusal);
      assertThatThrownBy(() -> space.inherit(at + PAGE, PAGE, Inheritance.NONE))
          .isSameAs(device.refusal);
      device.refusal = null;
      assertThat(internal().map().all()).isEqualTo(before);
      assertThat(device.live).hasSize(1);
      assertThat(view.getLong(at + 3 * PAGE)).isEqualTo(4);
    }

    @Test
    void toSupplyAPageOfItsOwnIsAPanic() {
      broken = true;
      long heap = space.map(PAGE, Protection.READ_WRITE);
      view.putLong(heap, 1);
      int foreign = (int) vm.inspector().pageAt(space, heap);
      device.made[0] = foreign;
      long at = map(1, 0);
      assertThatThrownBy(() -> view.getLong(at)).isInstanceOf(VmPanic.class);
    }
  }

  @Test
  void aSnapshotOfItIsRefused() {
    long at = map(1, 0);
    view.putLong(at, 1);
    assertThatThrownBy(() -> view.lease(at, LeaseMode.SNAPSHOT))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("no other version");
    try (PageLease lease = view.lease(at, LeaseMode.WRITE)) {
      assertThat(lease.segments()).hasSize(1);
    }
  }

  @Test
  void isKnownToBeResidentOnceItWasTouched() {
    long at = map(2, 0);
    view.putLong(at, 1);
    Residency seen = space.residency(at, 2 * PAGE);
    assertThat(seen.isResident(0)).isTrue();
    assertThat(seen.isResident(1)).isFalse();
  }

  @Test
  void adviceAndAFreezeLeaveItWhole() {
    long at = map(2, 0);
    view.putLong(at, 11);
    space.advise(at, 2 * PAGE, Advice.FREE);
    space.advise(at, 2 * PAGE, Advice.DONT_NEED);
    space.advise(at, 2 * PAGE, Advice.WILL_NEED);
    space.freeze();
    assertThat(view.getLong(at)).isEqualTo(11);
    space.thaw();
    view.putLong(at, 12);
    assertThat(word(0)).isEqualTo(12);
  }

  @Test
  void theCheckKnowsAPageThatNobodyCanHaveSupplied() {
    long at = map(1, 0);
    long heap = space.map(PAGE, Protection.READ_WRITE);
    view.putLong(heap, 1);
    int ordinary = (int) vm.inspector().pageAt(space, heap);
    assertThat(internal().pmap().charge(self, at)).isTrue();
    assertThat(machine.page().busy().tryHardBusy(ordinary)).isTrue();
    internal().pmap().enter(at, ordinary, false, false);
    machine.page().busy().unbusy(ordinary);
    assertThat(vm.check().summary()).contains("nobody can have supplied");
    internal().pmap().remove(at, at + PAGE);
  }
}
