package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.Helper;

/// The operations that leases are in the way of.
@Timeout(60)
class PageLeaseStopTest {
  private static final int PAGE = 4096;
  private static final Duration SHORT = Duration.ofMillis(100);
  private static final Duration LONG = Duration.ofSeconds(40);

  /// A machine, a space with four pages and a view of the test's thread.
  static final class Rig implements AutoCloseable {
    final VirtualMemory vm;
    final AddressSpace space;
    final View view;
    final long base;

    Rig(Duration leasePatience) {
      vm =
          VirtualMemory.boot(
              VmConfig.builder()
                  .physicalMemory(8L << 20)
                  .poisonFreedFrames(true)
                  .patience(LONG)
                  .leasePatience(leasePatience)
                  .build());
      space = vm.newAddressSpace();
      view = space.view();
      base = space.map(4 * PAGE, Protection.READ_WRITE);
      view.fill(base, 4 * PAGE, (byte) 1);
    }

    void check() {
      assertThat(vm.check().summary()).isEqualTo("clean");
    }

    @Override
    public void close() {
      view.close();
      assertThat(vm.machine().leased().reserved()).isZero();
      if (vm.machine().retain()) { // it is open
        vm.machine().release();
        check();
      }
      vm.close();
    }
  }

  /// What waits for leases.
  enum Operation {
    UNMAP,
    FORK,
    FREEZE,
    CLOSE,
    CLOSE_MACHINE;

    void run(Rig rig) {
      switch (this) {
        case UNMAP -> rig.space.unmap(rig.base, 2 * PAGE);
        case FORK -> rig.space.fork().close();
        case FREEZE -> {
          rig.space.freeze();
          rig.space.thaw();
        }
        case CLOSE -> rig.space.close();
        case CLOSE_MACHINE -> rig.vm.close();
      }
    }

    boolean waitsFor(LeaseMode mode) {
      return switch (mode) {
        case WRITE -> true;
        case READ -> this != FORK && this != FREEZE;
        case SNAPSHOT -> false;
      };
    }
  }

  private final Rig patient = new Rig(LONG);
  private final Rig impatient = new Rig(SHORT);

  @AfterEach
  void closeBoth() {
    patient.close();
    impatient.close();
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource
  void waitsForALeaseForWritingAndGoesOn(Operation operation) {
    waitsForALeaseAndGoesOn(operation, LeaseMode.WRITE);
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(
      value = Operation.class,
      names = {"UNMAP", "CLOSE", "CLOSE_MACHINE"})
  void waitsForALeaseForReadingAndGoesOn(Operation operation) {
    waitsForALeaseAndGoesOn(operation, LeaseMode.READ);
  }

  private void waitsForALeaseAndGoesOn(Operation operation, LeaseMode mode) {
    PageLease lease = patient.view.lease(patient.base + PAGE, mode);
    Helper<Boolean> other = Helper.run(() -> operation.run(patient)).awaitAsleep();
    assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 1);
    assertThat(patient.view.getByte(patient.base)).isEqualTo((byte) 1);
    assertThat(other.isDone()).isFalse();
    lease.close();
    other.join();
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(
      value = Operation.class,
      names = {"FORK", "FREEZE"})
  void doesNotWaitForALeaseForReading(Operation operation) throws InterruptedException {
    try (LeaseHolder _ = new LeaseHolder(patient.space, patient.base, LeaseMode.READ);
        PageLease _ = patient.view.lease(patient.base, LeaseMode.READ)) {
      operation.run(patient);
      patient.check();
    }
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource
  void failsWithNothingChangedIfTheLeaseIsNotClosedInTime(Operation operation) {
    for (LeaseMode mode : LeaseMode.values()) {
      if (!operation.waitsFor(mode)) {
        continue;
      }
      try (PageLease lease = impatient.view.lease(impatient.base + PAGE, 8, mode)) {
        Helper<Throwable> other =
            Helper.start(() -> {
              try {
                operation.run(impatient);
                return new AssertionError("not in its way");
              } catch (LeaseHeldException e) {
                return e;
              }
            });

        assertThat(other.join())
            .isInstanceOf(LeaseHeldException.class)
            .hasMessageContaining(mode + " lease of 8 bytes at 0x%x".formatted(lease.address()))
            .hasMessageContaining(Thread.currentThread().toString());
        assertThat(impatient.view.getByte(impatient.base)).isEqualTo((byte) 1);
        assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 1);
        impatient.view.putByte(impatient.base + PAGE + 9, (byte) 9);
        impatient.view.lease(impatient.base, LeaseMode.WRITE).close();
        impatient.vm.newAddressSpace().close();
        impatient.check();
      }
    }
    operation.run(impatient);
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource
  void failsAtOnceIfTheLeaseIsItsOwnThreads(Operation operation) throws InterruptedException {
    for (LeaseMode mode : LeaseMode.values()) {
      if (operation.waitsFor(mode)) {
        try (LeaseHolder _ = new LeaseHolder(patient.space, patient.base + PAGE, LeaseMode.READ);
            PageLease lease = patient.view.lease(patient.base, mode)) {
          assertThatThrownBy(() -> operation.run(patient))
              .isInstanceOf(LeaseHeldException.class)
              .extracting(e -> ((LeaseHeldException) e).address())
              .isEqualTo(lease.address());
          patient.check();
        }
      }
    }
    operation.run(patient);
  }

  @Test
  void elsewhereDoesNotWait() throws InterruptedException {
    try (LeaseHolder _ = new LeaseHolder(patient.space, patient.base + PAGE, LeaseMode.WRITE);
        AddressSpace another = patient.vm.newAddressSpace()) {
      patient.space.unmap(patient.base, PAGE);
      patient.space.unmap(patient.base + 2 * PAGE, 2 * PAGE);
      another.fork().close();
    }
  }

  @Nested
  class WhileAnOperationWaits {
    @Test
    void aNewLeaseWaitsToo() {
      PageLease lease = patient.view.lease(patient.base, LeaseMode.WRITE);
      Helper<Boolean> fork = Helper.run(() -> patient.space.fork().close()).awaitAsleep();
      Helper<Byte> another =
          Helper.start(
                  () -> {
                    try (View own = patient.space.view();
                        PageLease next = own.lease(patient.base + PAGE, LeaseMode.WRITE)) {
                      return next.bytes().get(JAVA_BYTE, 0);
                    }
                  })
              .awaitAsleep();
      assertThat(fork.isDone() || another.isDone()).isFalse();
      try (View own = patient.space.view()) {
        own.lease(patient.base + PAGE, LeaseMode.READ).close(); // not in the way of a fork
        own.setDeadline(Duration.ZERO);
        assertThatThrownBy(() -> own.lease(patient.base + PAGE, LeaseMode.WRITE))
            .isInstanceOf(OutOfPagesException.class)
            .hasMessageContaining("deadline");
      }
      lease.close();

      fork.join();
      assertThat(another.join()).isEqualTo((byte) 1);
      patient.check();
    }

    @Test
    void aNewLeaseFindsTheRangeUnmapped() {
      PageLease lease = patient.view.lease(patient.base, LeaseMode.READ);
      Helper<Boolean> unmap =
          Helper.run(() -> patient.space.unmap(patient.base, 2 * PAGE)).awaitAsleep();
      Helper<Boolean> another =
          Helper.start(
                  () -> {
                    try (View own = patient.space.view()) {
                      own.lease(patient.base + PAGE, LeaseMode.READ).close();
                      return false;
                    } catch (AccessViolationException _) {
                      return true;
                    }
                  })
              .awaitAsleep();
      patient.view.lease(patient.base + 2 * PAGE, LeaseMode.WRITE).close(); // not of the range
      lease.close();

      unmap.join();
      assertThat(another.join()).isTrue();
    }

    @Test
    void aNewLeaseGoesOnWhenTheOperationGivesUp() throws InterruptedException {
      try (LeaseHolder _ = new LeaseHolder(impatient.space, impatient.base, LeaseMode.WRITE)) {
        Helper<Boolean> fork =
            Helper.run(() ->
                assertThatThrownBy(impatient.space::fork).isInstanceOf(LeaseHeldException.class));
        fork.join();
        impatient.view.lease(impatient.base + PAGE, LeaseMode.WRITE).close();
      }
    }
  }

  @Nested
  class AFork {
    @Test
    void hasNothingThatIsStoredUnderALeaseLater() {
      PageLease lease = patient.view.lease(patient.base, LeaseMode.WRITE);
      lease.bytes().fill((byte) 2);
      Helper<AddressSpace> forking = Helper.start(patient.space::fork).awaitAsleep();
      lease.bytes().fill((byte) 3);
      lease.close();

      try (AddressSpace child = forking.join();
          View its = child.view()) {
        try (PageLease next = patient.view.lease(patient.base, LeaseMode.WRITE)) {
          next.bytes().fill((byte) 4);
          assertThat(its.getByte(patient.base)).isEqualTo((byte) 3);
          assertThat(its.indexOf(patient.base, PAGE, (byte) 4)).isEqualTo(-1);
          patient.check();
        }
        assertThat(patient.view.getByte(patient.base + PAGE - 1)).isEqualTo((byte) 4);
      }
    }
  }

  @Nested
  class AFrozenSpace {
    @Test
    void letsLeasesForWritingWaitAndNoForkWaitsForThem() {
      patient.space.freeze();
      Helper<Boolean> writer =
          Helper.run(
                  () -> {
                    try (View own = patient.space.view();
                        PageLease lease = own.lease(patient.base, LeaseMode.WRITE)) {
                      lease.bytes().fill((byte) 2);
                    }
                  })
              .awaitAsleep();
      patient.view.lease(patient.base, LeaseMode.READ).close();
      try (AddressSpace child = patient.space.fork();
          View its = child.view()) {
        assertThat(writer.isDone()).isFalse();
        patient.space.thaw();
        writer.join();
        assertThat(its.getByte(patient.base)).isEqualTo((byte) 1);
        assertThat(patient.view.getByte(patient.base)).isEqualTo((byte) 2);
      }
    }

    @Test
    void thatIsClosedLetsNobodyWait() {
      patient.space.freeze();
      Helper<Boolean> writer =
          Helper.start(
                  () -> {
                    try (View own = patient.space.view()) {
                      own.lease(patient.base, LeaseMode.WRITE).close();
                      return false;
                    } catch (AccessViolationException _) {
                      return true;
                    }
                  })
              .awaitAsleep();
      patient.space.close();
      assertThat(writer.join()).isTrue();
      patient.space.thaw();
    }

    @Test
    void isThawedAsOftenAsItWasFrozen() {
      patient.space.freeze();
      patient.space.freeze();
      patient.space.thaw();
      patient.view.setDeadline(Duration.ZERO);
      assertThatThrownBy(() -> patient.view.lease(patient.base, LeaseMode.WRITE))
          .isInstanceOf(OutOfPagesException.class);
      patient.space.thaw();
      patient.view.clearDeadline();
      patient.view.lease(patient.base, LeaseMode.WRITE).close();
    }
  }

  @Nested
  class AWait {
    private static final int ROUNDS = 20;
    private static final long SLICE_NANOS = 1_000_000_000L;

    /// Without the wakeup each round takes what is left of a slice.
    @Test
    void forALeaseEndsWhenTheLeaseDoes() {
      long nanos = 0;
      for (int i = 0; i < ROUNDS; i++) {
        PageLease lease = patient.view.lease(patient.base, LeaseMode.WRITE);
        Helper<Boolean> fork = Helper.run(() -> patient.space.fork().close()).awaitAsleep();
        long from = System.nanoTime();
        lease.close();
        fork.join();
        nanos += System.nanoTime() - from;
      }
      assertThat(nanos).isLessThan(ROUNDS * SLICE_NANOS / 2);
    }

    @Test
    void forAnOperationEndsWhenTheOperationDoes() {
      long nanos = 0;
      for (int i = 0; i < ROUNDS; i++) {
        patient.space.freeze();
        Helper<Boolean> writer =
            Helper.run(
                    () -> {
                      try (View own = patient.space.view()) {
                        own.lease(patient.base, LeaseMode.WRITE).close();
                      }
                    })
                .awaitAsleep();
        long from = System.nanoTime();
        patient.space.thaw();
        writer.join();
        nanos += System.nanoTime() - from;
      }
      assertThat(nanos).isLessThan(ROUNDS * SLICE_NANOS / 2);
    }

    @Test
    void withoutADeadlineEndsWithTheMachinesPatience() throws InterruptedException {
      try (VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().patience(SHORT).build());
          AddressSpace space = vm.newAddressSpace()) {
        long base = space.map(2 * PAGE, Protection.READ_WRITE);
        space.inherit(base, PAGE, Inheritance.SHARE);
        try (View view = space.view();
            AddressSpace child = space.fork();
            View its = child.view();
            LeaseHolder _ = new LeaseHolder(space, base, LeaseMode.WRITE)) {
          assertThatThrownBy(() -> view.lease(base, 2 * PAGE, LeaseMode.READ))
              .isInstanceOf(OutOfPagesException.class)
              .hasMessageContaining("waited 100 ms for the page at 0x%x".formatted(base));
          assertThatThrownBy(() -> its.getByte(base))
              .isInstanceOf(OutOfPagesException.class)
              .hasMessageContaining("a page stayed busy");
        }
        space.freeze();
        try (View view = space.view()) {
          assertThatThrownBy(() -> view.lease(base, LeaseMode.WRITE))
              .isInstanceOf(OutOfPagesException.class)
              .hasMessageContaining("for an operation on its range");
        }
        space.thaw();
        assertThat(vm.check().summary()).isEqualTo("clean");
      }
    }
  }

  @Nested
  class AMachine {
    @Test
    void withALeaseInOneOfItsSpacesClosesNone() throws InterruptedException {
      AddressSpace before = impatient.vm.newAddressSpace();
      AddressSpace behind = impatient.vm.newAddressSpace();
      long there = before.map(PAGE, Protection.READ_WRITE);
      behind.mapAt(there, PAGE, Protection.READ_WRITE);
      List<View> views = List.of(before.view(), behind.view());
      try (LeaseHolder _ = new LeaseHolder(behind, there, LeaseMode.READ)) {
        assertThatThrownBy(impatient.vm::close).isInstanceOf(LeaseHeldException.class);
        assertThatThrownBy(impatient.vm::close).isInstanceOf(LeaseHeldException.class);
        for (View view : views) {
          view.putByte(there, (byte) 5);
        }
        impatient.space.fork().close();
        impatient.check();
      }
      impatient.vm.close();
      assertThatThrownBy(impatient.vm::newAddressSpace).isInstanceOf(IllegalStateException.class);
      for (View view : views) {
        assertThatThrownBy(() -> view.getByte(there)).isInstanceOf(AccessViolationException.class);
        view.close();
      }
    }

    @Test
    void thatIsHaltedIsClosedAndTheLeaseKeepsItsMemory() {
      PageLease lease = impatient.view.lease(impatient.base, LeaseMode.WRITE);
      impatient.vm.machine().halt(new VmPanic("on purpose"));
      impatient.vm.close();
      lease.bytes().fill((byte) 3);
      assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 3);
      lease.close();
      impatient.view.close();
      assertThat(impatient.vm.machine().retain()).as("the memory is there").isFalse();
    }
  }
}
