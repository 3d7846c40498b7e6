package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// Views on memory that is not the machine's: a "device" of the test's, shown through fictitious
/// pages as a pager would show it.
class FictitiousMemoryTest {
  private static final int PAGE = 4096;
  private static final int DEVICE_PAGES = 16;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder()
              .physicalMemory(2 << 20)
              .swap(8 << 20)
              .poisonFreedFrames(true)
              .prefaultPages(0)
              .tunable("vm.fictitious_pages", DEVICE_PAGES)
              .build());
  private final Machine machine = vm.machine();
  private final PageArray pages = machine.page().pages();
  private final VmThread pager = machine.newThread("device pager");
  private final long device =
      machine.memory().allocate((long) DEVICE_PAGES * PAGE, "the test's device");
  private final AddressSpace space = vm.newAddressSpace();
  private final View view = space.view();

  @AfterEach
  void theMachineIsSound() {
    assertThat(vm.check().summary()).isEqualTo("clean");
    view.close();
    space.close();
    assertThat(machine.allocator().fictitious().inUse()).as("given back with the space").isZero();
    assertThat(vm.check().summary()).isEqualTo("clean");
    machine.nodes().unload(pager);
    vm.close();
  }

  private VmObject objectOf(long address) {
    machine.spaces().getFirst().mapper().giveObject(address);
    return entry(address).head().object();
  }

  private MapEntry entry(long address) {
    MapEntry entry = machine.spaces().getFirst().map().find(address);
    if (entry == null) {
      throw new AssertionError("not mapped");
    }
    return entry;
  }

  /// Shows a page of the device at an address where nothing is resident.
  private int show(int devicePage, long address) {
    VmObject object = objectOf(address);
    machine.nodes().preload(pager);
    object.token().lock(pager, true);
    int page = insert(object, entry(address).head().pindex(address, 12), devicePage);
    object.token().unlock(pager);
    return page;
  }

  private int insert(VmObject object, long pindex, int devicePage) {
    int page =
        machine
            .pageOperations()
            .fictitious()
            .make(device + (long) devicePage * PAGE, MemoryAttribute.UNCACHEABLE);
    assertThat(page).isNotEqualTo(PageArray.NONE);
    machine.owner().insert(pager, object, pindex, page);
    pages.setValid(page);
    machine.page().busy().unbusy(page);
    return page;
  }

  private int shownAt(long address) {
    return pages.pageAt(Pte.frame(machine.spaces().getFirst().pmap().entry(address)));
  }

  @Test
  void aViewReadsAndWritesIt() {
    long heap = space.map(4 * PAGE, Protection.READ_WRITE);
    int page = show(3, heap + PAGE);
    RawMemory.putLong(device + 3 * PAGE + 16, 77);

    assertThat(view.getLong(heap + PAGE + 16)).isEqualTo(77);
    view.putLong(heap + PAGE + 24, 88);

    assertThat(RawMemory.getLong(device + 3 * PAGE + 24)).isEqualTo(88);
    assertThat(shownAt(heap + PAGE)).isEqualTo(page);
    RawMemory.putLong(device + 3 * PAGE + 16, 99);
    assertThat(view.getLong(heap + PAGE + 16)).as("the device itself").isEqualTo(99);
    assertThat(view.getLong(heap)).as("its neighbour is ordinary").isZero();
    assertThat(machine.mappings().testAndClearReferenced(page)).as("never counted").isZero();
    assertThat(machine.mappings().isModified(page)).isTrue();
  }

  @Test
  void aFreedPageIsInNoTableAnyMore() {
    long heap = space.map(PAGE, Protection.READ_WRITE);
    int page = show(0, heap);
    view.putLong(heap, 5);
    assertThat(machine.page().busy().tryHardBusy(page)).isTrue();

    assertThat(machine.pageOperations().fictitious().free(pager, page)).isTrue();

    assertThat(pages.pageAt(device)).isEqualTo(PageArray.NONE);
    assertThat(view.getLong(heap)).as("an ordinary page of zeros").isZero();
    assertThat(RawMemory.getLong(device)).isEqualTo(5);
  }

  @Test
  void anUnmapGivesItBack() {
    long heap = space.map(4 * PAGE, Protection.READ_WRITE);
    show(0, heap);
    show(1, heap + PAGE);
    view.putLong(heap, 5);
    space.unmap(heap, PAGE);
    assertThat(machine.allocator().fictitious().inUse()).isEqualTo(1);
    view.putLong(heap + PAGE, 6);
    assertThat(RawMemory.getLong(device + PAGE)).isEqualTo(6);
  }

  @Test
  void leasesAndWindowsShowIt() {
    long heap = space.map(PAGE, Protection.READ_WRITE);
    int page = show(2, heap);
    view.putLong(heap, 41);
    try (PageLease lease = view.lease(heap, PAGE, LeaseMode.WRITE)) {
      assertThat(machine.page().busy().isHardBusy(page)).isTrue();
      assertThat(vm.check().summary()).as("a lease of it is one like others").isEqualTo("clean");
      lease.bytes().set(ValueLayout.JAVA_LONG, 8, 42);
    }
    assertThat(RawMemory.getLong(device + 2 * PAGE)).isEqualTo(41);
    assertThat(RawMemory.getLong(device + 2 * PAGE + 8)).isEqualTo(42);
    try (PageWindow window = view.window(heap, PAGE)) {
      assertThat(window.next()).isTrue();
      assertThat(pages.holdCount(page)).isEqualTo(1);
      assertThat(window.bytes().get(ValueLayout.JAVA_LONG, 8)).isEqualTo(42);
    }
    assertThat(pages.holdCount(page)).isZero();
  }

  @Test
  void aChildThatStoresGetsACopyOfItsOwn() {
    long heap = space.map(2 * PAGE, Protection.READ_WRITE);
    show(4, heap);
    view.putLong(heap, 1);
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      assertThat(other.getLong(heap)).isEqualTo(1);
      other.putLong(heap, 2);
      assertThat(RawMemory.getLong(device + 4 * PAGE))
          .as("the child's store is its own")
          .isEqualTo(1);
      assertThat(other.getLong(heap)).isEqualTo(2);
      assertThat(view.getLong(heap)).isEqualTo(1);
    }
  }

  @Test
  void pressureLeavesItAlone() {
    long frames = vm.statistics().pageCount();
    long heap = space.map(2 * frames * PAGE, Protection.READ_WRITE);
    int page = show(5, heap + PAGE);
    view.putLong(heap + PAGE, 1234);
    for (long n = 0; n < 2 * frames; n++) {
      if (n != 1) {
        view.putLong(heap + n * PAGE, n);
      }
    }
    assertThat(vm.statistics().pagesOut()).isPositive();
    assertThat(shownAt(heap + PAGE)).isEqualTo(page);
    assertThat(RawMemory.getLong(device + 5 * PAGE)).isEqualTo(1234);
    assertThat(pages.queue(page)).isZero();
  }

  /// While a view stores without pause, the page is freed again and again: what was freed for sure
  /// is stored into no more.
  @Test
  void noStoreComesAfterTheMemoryWasGivenBack() {
    long heap = space.map(PAGE, Protection.READ_WRITE);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong stored = new AtomicLong();
    Helper<Boolean> storing =
        Helper.run(() -> {
          try (View own = space.view()) {
            for (long n = 1; !stop.get(); n++) {
              own.putLong(heap, n);
              stored.setRelease(n);
            }
          }
        });
    try {
      for (int round = 0; round < 200; round++) {
        long page = device + (round % DEVICE_PAGES) * (long) PAGE;
        RawMemory.setLongVolatile(page, -1);
        replace(heap, round % DEVICE_PAGES);
        while (RawMemory.getLongVolatile(page) == -1) {
          assertThat(storing.isDone()).isFalse();
          Thread.onSpinWait();
        }
        replace(heap, -1);
        long last = RawMemory.getLongVolatile(page);
        for (long until = stored.get() + 20; stored.get() < until; ) {
          assertThat(storing.isDone()).isFalse();
          Thread.onSpinWait();
        }
        assertThat(RawMemory.getLongVolatile(page)).as("round %d", round).isEqualTo(last);
      }
    } finally {
      stop.set(true);
    }
    assertThat(storing.join()).isTrue();
  }

  /// Frees the page that is resident at the start of a mapping, whichever it is, and puts one of
  /// the device in its place before anybody else finds none.
  ///
  /// @param devicePage which, or -1 for none
  private void replace(long address, int devicePage) {
    VmObject object = objectOf(address);
    machine.nodes().preload(pager);
    object.token().lock(pager, true);
    try {
      for (int page = object.resident().get(0); page >= 0; page = object.resident().get(0)) {
        if (!machine.page().busy().tryHardBusy(page)) {
          machine.page().busy().sleepWhileBusy(pager, page);
        } else if (pages.foreign().has(page)) {
          assertThat(machine.allocator().fictitious().free(pager, page)).isTrue();
        } else {
          machine.mappings().removeAll(page);
          machine.grace().synchronize("test");
          machine.allocator().free(pager, page);
        }
      }
      if (devicePage >= 0) {
        insert(object, 0, devicePage);
      }
    } finally {
      object.token().unlock(pager);
    }
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 3), LongStream.of(System.nanoTime()));
  }

  /// Device pages come and go among ordinary ones that are paged: each address shows what a model
  /// says, and every word of the device is where it was stored.
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void deviceAndOrdinaryPagesDoNotMix(long seed) {
    Random random = new Random(seed);
    int count = (int) (3 * vm.statistics().pageCount() / 2);
    long heap = space.map((long) count * PAGE, Protection.READ_WRITE);
    long[] ordinary = new long[count];
    boolean[] touched = new boolean[count];
    long[] onDevice = new long[DEVICE_PAGES];
    Map<Integer, Integer> shown = new HashMap<>();
    for (int step = 0; step < 6000; step++) {
      String what = "seed " + seed + ", step " + step;
      int at = random.nextInt(count);
      long address = heap + (long) at * PAGE;
      int dice = random.nextInt(100);
      int devicePage = random.nextInt(DEVICE_PAGES);
      if (dice < 5 && !touched[at] && !shown.containsValue(devicePage)) {
        show(devicePage, address);
        shown.put(at, devicePage);
        touched[at] = true;
      } else if (dice < 8 && !shown.isEmpty()) {
        int old = shown.keySet().iterator().next();
        int page = pages.pageAt(device + (long) Objects.requireNonNull(shown.remove(old)) * PAGE);
        assertThat(machine.page().busy().tryHardBusy(page)).as(what).isTrue();
        assertThat(machine.allocator().fictitious().free(pager, page)).as(what).isTrue();
        ordinary[old] = 0;
      } else {
        touched[at] = true;
        Integer device = shown.get(at);
        long expected = device == null ? ordinary[at] : onDevice[device];
        assertThat(view.getLong(address)).as(what).isEqualTo(expected);
        if (dice < 70) {
          long value = random.nextLong();
          view.putLong(address, value);
          if (device == null) {
            ordinary[at] = value;
          } else {
            onDevice[device] = value;
          }
        }
      }
      if (step % 1000 == 0) {
        assertThat(vm.check().summary()).as(what).isEqualTo("clean");
      }
    }
    for (int n = 0; n < DEVICE_PAGES; n++) {
      assertThat(RawMemory.getLong(device + (long) n * PAGE))
          .as("seed %d", seed)
          .isEqualTo(onDevice[n]);
    }
  }
}
