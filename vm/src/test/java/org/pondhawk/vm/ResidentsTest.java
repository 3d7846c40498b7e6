package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.map.ProgramStack;
import org.pondhawk.vm.stats.ResidentProgram;
import org.pondhawk.vm.sync.Helper;

/// Scenario u of the reference's traps, and what can go wrong around it.
@Timeout(60)
class ResidentsTest {
  private static final int PAGE = 4096;
  private static final long ENTRY = 0x400;

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final VirtualMemory vm = fixture.vm;
  private final Residents residents = vm.residents();
  private final AddressSpace program = vm.newAddressSpace();
  private final long text = program.map(4 * PAGE, Protection.READ_WRITE);

  ResidentsTest() {
    store(program, text, 1);
  }

  @AfterEach
  void everyInvariantHolds() {
    fixture.check();
    residents.unregisterAll();
    program.close();
    assertThat(vm.machine().spaces()).as("the fixture's is left").hasSize(1);
    fixture.close();
  }

  private static long load(AddressSpace space, long address) {
    try (View view = space.view()) {
      return view.getLong(address);
    }
  }

  private static void store(AddressSpace space, long address, long value) {
    try (View view = space.view()) {
      view.putLong(address, value);
    }
  }

  @Test
  void aStartedProgramIsKeptAndOthersStartFromIt() {
    long id = residents.register("cc", program, ENTRY);
    store(program, text, 2);

    try (AddressSpace first = residents.use("cc", InitialStack.MAPPED);
        AddressSpace second = residents.use("cc", InitialStack.MAPPED)) {
      assertThat(load(first, text)).as("as it was when it was registered").isEqualTo(1);
      store(first, text, 3);
      assertThat(load(second, text)).isEqualTo(1);
      assertThat(load(program, text)).isEqualTo(2);

      residents.unregister(id);

      assertThat(load(second, text + PAGE)).as("it goes on").isZero();
      store(second, text, 4);
      assertThat(load(first, text)).isEqualTo(3);
      fixture.check();
    }
  }

  @Test
  void idsStrictlyIncrease() {
    long first = residents.register("a", program, ENTRY);
    residents.unregister(first);
    long second = residents.register("a", program, ENTRY);
    long third = residents.register("b", program, ENTRY);
    assertThat(second).isGreaterThan(first);
    assertThat(third).isGreaterThan(second);
    residents.unregister(third);
    assertThat(residents.register("c", program, ENTRY)).isGreaterThan(third);
  }

  @Test
  void eachStartHasAFreshStackOfTheUsualSize() {
    program.replaceBy(program, InitialStack.MAPPED);
    long top = program.range() - 8;
    store(program, top, 5);
    residents.register("cc", program, ENTRY);
    try (AddressSpace started = residents.use("cc", InitialStack.MAPPED);
        AddressSpace without = residents.use("cc", InitialStack.NONE);
        AddressSpace normal = vm.newAddressSpace()) {
      normal.replaceByEmpty(InitialStack.MAPPED);
      assertThat(started.statistics().stackBytes())
          .isEqualTo(normal.statistics().stackBytes())
          .isEqualTo(ProgramStack.MOST_BYTES);
      assertThat(load(started, top)).isZero();
      assertThat(load(started, text)).isEqualTo(1);
      assertThat(without.statistics().stackBytes()).isZero();
      assertThat(without.statistics().mappings()).isEqualTo(1);
      assertThat(load(program, top)).isEqualTo(5);
    }
  }

  @Test
  void aProgramMayBePutInThePlaceOfAnother() {
    residents.register("cc", program, ENTRY);
    try (AddressSpace process = vm.newAddressSpace();
        View old = process.view()) {
      long there = process.mapAt(1 << 20, PAGE, Protection.READ_WRITE);
      old.putLong(there, 1);
      residents.exec(process, "cc", InitialStack.MAPPED);
      residents.exec(process, "cc", InitialStack.MAPPED);
      assertThat(load(process, text)).isEqualTo(1);
      assertThatThrownBy(() -> old.getLong(there)).hasMessageContaining("is closed");
      assertThatThrownBy(() -> residents.exec(process, "ld", InitialStack.NONE))
          .isInstanceOf(NoSuchElementException.class);
      assertThat(load(process, text)).isEqualTo(1);
    }
  }

  @Test
  void keysAndIdsThatAreNoneAreRefused() {
    long id = residents.register(List.of("cc", 1), program, ENTRY);
    assertThatThrownBy(() -> residents.register(List.of("cc", 1), program, ENTRY))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("[cc, 1]");
    assertThatThrownBy(() -> residents.use("cc", InitialStack.NONE))
        .isInstanceOf(NoSuchElementException.class);
    assertThatThrownBy(() -> residents.unregister(id + 1))
        .isInstanceOf(NoSuchElementException.class);
    residents.unregister(id);
    assertThatThrownBy(() -> residents.unregister(id)).isInstanceOf(NoSuchElementException.class);
    assertThatThrownBy(() -> residents.use(List.of("cc", 1), InitialStack.NONE))
        .isInstanceOf(NoSuchElementException.class);
    assertThat(residents.list()).isEmpty();
  }

  @Test
  void aKeyThatThrowsHarmsNothing() {
    Object odd =
        new Object() {
          @Override
          public int hashCode() {
            throw new UnsupportedOperationException("no key");
          }

          @Override
          public boolean equals(Object other) {
            return this == other;
          }
        };
    assertThatThrownBy(() -> residents.register(odd, program, ENTRY))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> residents.use(odd, InitialStack.NONE))
        .isInstanceOf(UnsupportedOperationException.class);
    store(program, text, 9);
  }

  @Test
  void spacesThatWontDoAreRefused() {
    residents.register("cc", program, ENTRY);
    AddressSpace gone = vm.newAddressSpace();
    gone.close();
    assertThatThrownBy(() -> residents.register("x", gone, ENTRY))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> residents.exec(gone, "cc", InitialStack.NONE))
        .isInstanceOf(IllegalStateException.class);
    try (AddressSpace small = vm.newAddressSpace(2L << 20);
        VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build())) {
      assertThatThrownBy(() -> residents.exec(small, "cc", InitialStack.NONE))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> residents.register("x", other.newAddressSpace(), ENTRY))
          .isInstanceOf(IllegalArgumentException.class);
    }
    try (View view = program.view();
        PageLease lease = view.lease(text, PAGE, LeaseMode.WRITE)) {
      assertThatThrownBy(() -> residents.register("x", program, ENTRY))
          .isInstanceOf(LeaseHeldException.class);
      assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
    }
    assertThat(residents.list()).hasSize(1);
  }

  @Test
  void theListSaysWhatASnapshotIsAndTakes() {
    long id = residents.register("cc", program, ENTRY);
    residents.use("cc", InitialStack.NONE).close();
    ResidentProgram only = residents.list().getFirst();
    assertThat(only.id()).isEqualTo(id);
    assertThat(only.key()).isEqualTo("cc");
    assertThat(only.entryAddress()).isEqualTo(ENTRY);
    assertThat(only.starting()).isZero();
    assertThat(only.starts()).isEqualTo(1);
    assertThat(only.statistics().mappedBytes()).isEqualTo(4 * PAGE);
    assertThat(only.statistics().anonymousPages()).isEqualTo(1);
  }

  @Test
  void aSnapshotHasNoSharedSegment() {
    SharedMemory shared = vm.sharedMemory();
    int id = shared.get(SharedMemory.PRIVATE, PAGE, SharedMemory.Creation.NEVER, 0600);
    long here = shared.attach(program, id, Protection.READ_WRITE);
    residents.register("cc", program, ENTRY);
    assertThat(shared.stat(id).attachments()).isEqualTo(1);
    try (AddressSpace started = residents.use("cc", InitialStack.NONE)) {
      assertThatThrownBy(() -> load(started, here)).hasMessageContaining("not mapped");
    }
    shared.remove(id);
  }

  @Test
  void unregisteringWaitsForWhoIsStarting() {
    for (int n = 0; n < 100; n++) {
      long id = residents.register("cc", program, ENTRY);
      CountDownLatch go = new CountDownLatch(2);
      Helper<Boolean> starting =
          Helper.start(() -> {
            meet(go);
            try (AddressSpace started = residents.use("cc", InitialStack.MAPPED)) {
              return load(started, text) == 1;
            } catch (NoSuchElementException late) {
              return true;
            }
          });
      meet(go);
      residents.unregister(id);
      assertThat(starting.join()).isTrue();
    }
  }

  private static void meet(CountDownLatch go) {
    go.countDown();
    while (go.getCount() > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  void programsLargerThanMemoryStartFromSwap() {
    long bytes = 2 * fixture.frameBytes();
    AddressSpace large = vm.newAddressSpace();
    long base = large.map(bytes, Protection.READ_WRITE);
    try (View view = large.view()) {
      for (long at = 0; at < bytes; at += PAGE) {
        view.putLong(base + at, at);
      }
    }
    residents.register("large", large, ENTRY);
    large.close();
    List<AddressSpace> started = new ArrayList<>();
    for (int n = 0; n < 3; n++) {
      started.add(residents.use("large", InitialStack.NONE));
      try (View view = started.getLast().view()) {
        for (long at = 0; at < bytes; at += PAGE) {
          assertThat(view.getLong(base + at)).isEqualTo(at);
          if (at % (8 * PAGE) == 0) {
            view.putLong(base + at, -1);
          }
        }
      }
    }
    started.forEach(AddressSpace::close);
    residents.unregisterAll();
    assertThat(vm.statistics().swapUsedPages()).as("the program's own page").isLessThan(2);
  }

  @Test
  void snapshotsGoWithTheMachine() {
    VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
    AddressSpace theirs = other.newAddressSpace();
    other.residents().register("x", theirs, ENTRY);
    theirs.close();
    assertThat(other.machine().spaces()).hasSize(1);
    other.close();
    assertThat(other.machine().spaces()).isEmpty();
    assertThatThrownBy(() -> other.residents().use("x", InitialStack.NONE))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> other.residents().list()).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> other.residents().unregister(1))
        .isInstanceOf(IllegalStateException.class);
  }
}
