package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Inheritance;
import org.pondhawk.vm.MemoryObject;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.Sharing;
import org.pondhawk.vm.SyncMode;
import org.pondhawk.vm.View;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.object.DevicePager;
import org.pondhawk.vm.object.ObjectKind;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.pager.DeviceMemory;
import org.pondhawk.vm.sync.VmThread;

/// Objects that are never paged: memory that stays, and memory that is not the machine's.
@Timeout(120)
class UnpagedObjectTest {
  private static final int PAGE = 4096;
  private static final int DEVICE_PAGES = 8;

  private final Rig rig =
      Rig.boot(
          Machines.tiny(PAGE, 16 * MEBIBYTE).tunable("vm.fictitious_pages", DEVICE_PAGES).build());
  private final AddressSpace space = rig.vm().newAddressSpace();
  private final View view = space.view();

  @AfterEach
  void theMachineIsSound() {
    Machines.requireClean(rig.vm(), "at the end");
    view.close();
    space.close();
    assertThat(rig.machine().paged().all()).isEmpty();
    assertThat(rig.machine().allocator().fictitious().inUse()).isZero();
    Machines.requireClean(rig.vm(), "with the space closed");
    rig.close();
  }

  @Test
  void memoryThatStaysIsZerosAndSharedAndOutlivesPressure() {
    try (MemoryObject object = rig.vm().openResident(100 * PAGE);
        AddressSpace other = rig.vm().newAddressSpace();
        View its = other.view()) {
      long base = space.map(object, 0, 100 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      long there = other.map(object, 50 * PAGE, 50 * PAGE, Protection.READ, Sharing.SHARED);
      for (int page = 0; page < 100; page++) {
        assertThat(view.getLong(base + (long) page * PAGE)).isZero();
        view.putLong(base + (long) page * PAGE, page + 1);
      }
      long heap = space.map(6 * MEBIBYTE, Protection.READ_WRITE);
      for (long at = heap; at < heap + 6 * MEBIBYTE; at += PAGE) {
        view.putLong(at, at);
      }
      assertThat(space.residency(base, 100 * PAGE).residentCount())
          .as("none was evicted")
          .isEqualTo(100);
      for (int page = 50; page < 100; page++) {
        assertThat(its.getLong(there + (page - 50L) * PAGE)).isEqualTo(page + 1);
      }
      space.sync(base, 100 * PAGE, SyncMode.WAIT, true);
      assertThat(view.getLong(base)).as("never forgotten").isEqualTo(1);
      Machines.requireClean(rig.vm(), "under pressure");
      assertThatThrownBy(() -> space.map(object, 0, PAGE, Protection.READ, Sharing.PRIVATE))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> object.resize(PAGE)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aDeviceIsReadAndWrittenWhereItLies() {
    MemorySegment device = Arena.global().allocate(4L * PAGE, PAGE);
    device.set(ValueLayout.JAVA_LONG, PAGE + 8, 77);
    try (MemoryObject object = rig.vm().openDevice(device)) {
      long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      long again = space.map(object, PAGE, PAGE, Protection.READ_WRITE, Sharing.SHARED);
      assertThat(view.getLong(base + PAGE + 8)).isEqualTo(77);
      view.putLong(again + 16, 88);
      assertThat(device.get(ValueLayout.JAVA_LONG, PAGE + 16)).isEqualTo(88);
      assertThat(view.getLong(base + PAGE + 16)).isEqualTo(88);
      assertThat(rig.machine().allocator().fictitious().inUse()).isEqualTo(1);
      assertThatThrownBy(() -> space.map(object, 0, PAGE, Protection.READ, Sharing.PRIVATE))
          .isInstanceOf(IllegalArgumentException.class);
      space.inherit(base, 4 * PAGE, Inheritance.COPY);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        its.putLong(base + PAGE + 8, 99);
        assertThat(device.get(ValueLayout.JAVA_LONG, PAGE + 8)).as("copied").isEqualTo(77);
        assertThat(its.getLong(base + 2 * PAGE)).as("brought in beneath").isZero();
        Machines.requireClean(rig.vm(), "with a copy");
      }
      Machines.requireClean(rig.vm(), "shown");
    }
    assertThatThrownBy(() -> rig.vm().openDevice(Arena.ofAuto().allocate(PAGE, PAGE)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> rig.vm().openDevice(device.asSlice(8, PAGE)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /// Scenario p.
  @Test
  void aDeviceIsEndedOnceWhenNothingShowsIt() {
    MemorySegment memory = Arena.global().allocate(4L * PAGE, PAGE);
    AtomicInteger ends = new AtomicInteger();
    DeviceMemory driver =
        new DeviceMemory() {
          @Override
          public long addressOf(long offset) {
            return offset == 3 * PAGE ? -1 : memory.address() + offset;
          }

          @Override
          public void end() {
            ends.incrementAndGet();
          }
        };
    VmThread self = rig.machine().newThread("driver");
    VmObject object = open(self, driver);
    assertThat(open(self, driver)).as("one reference for each").isSameAs(object);
    assertThat(object.references()).isEqualTo(2);
    assertThat(rig.machine().paged().find(driver)).isSameAs(object);
    assertThat(rig.machine().paged().close(self, object).isNothing()).isTrue();
    assertThat(rig.machine().paged().close(self, object).isNothing()).isTrue();
    assertThat(ends).hasValue(0);
    assertThat(rig.machine().paged().close(self, object).isNothing()).isTrue();
    assertThat(ends).hasValue(1);
    assertThat(rig.machine().paged().find(driver)).isNull();
  }

  private VmObject open(VmThread self, DeviceMemory driver) {
    return rig.machine()
        .paged()
        .open(
            self,
            driver,
            ObjectKind.DEVICE,
            4 * PAGE,
            () ->
                new DevicePager(
                    rig.machine().page().pages(),
                    rig.machine().allocator().fictitious(),
                    rig.machine().owner(),
                    driver,
                    MemoryAttribute.WRITE_BACK));
  }

  @Test
  void whereADeviceHasNoMemoryThereIsNone() {
    MemorySegment memory = Arena.global().allocate(2L * PAGE, PAGE);
    try (MemoryObject object = rig.vm().openDevice(memory)) {
      long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      assertThat(view.getLong(base + PAGE)).isZero();
      assertThatThrownBy(() -> view.getLong(base + 2 * PAGE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("beyond the end");
    }
  }
}
