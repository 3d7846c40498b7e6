package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;

/// How a lease ends, and what is refused.
@Timeout(60)
class PageLeaseEndTest {
  private static final int PAGE = 4096;
  private static final long RANGE = 1L << 40;

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final View view = fixture.view;
  private final AddressSpace space = fixture.space;
  private final long base = space.map(3 * PAGE, Protection.READ_WRITE);

  @AfterEach
  void nothingIsLeased() {
    assertThat(fixture.vm.machine().leased().reserved()).isZero();
    fixture.close();
  }

  private static void assertEnded(MemorySegment page) {
    assertThat(page.scope().isAlive()).isFalse();
    assertThatThrownBy(() -> page.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
  }

  private static void assertWrongThread(Runnable use) {
    assertThatThrownBy(() -> CompletableFuture.runAsync(use).join())
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(WrongThreadException.class);
  }

  @ParameterizedTest
  @EnumSource
  void aClosedLeaseShowsNothingAndIsClosedAgainInVain(LeaseMode mode) {
    PageLease lease = view.lease(base, mode);
    MemorySegment page = lease.bytes();
    lease.close();
    view.lease(base, LeaseMode.WRITE).close();
    try (PageLease next = view.lease(base, LeaseMode.WRITE)) {
      lease.close();
      assertEnded(page);
      assertThatThrownBy(lease::bytes).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(lease::segments).isInstanceOf(IllegalStateException.class);
      assertThat(lease).hasToString("closed " + lease.mode() + heldByMe());
      next.bytes().set(JAVA_BYTE, 0, (byte) 1);
      fixture.check();
    }
  }

  private String heldByMe() {
    return " lease of %d bytes at 0x%x, held by %s".formatted(PAGE, base, Thread.currentThread());
  }

  @ParameterizedTest
  @EnumSource
  void aViewClosesItsLeases(LeaseMode mode) {
    View own = space.view();
    PageLease one = own.lease(base, mode);
    PageLease two = own.lease(base + PAGE, 2 * PAGE, mode);
    MemorySegment page = one.bytes();
    own.close();
    assertEnded(page);
    assertThatThrownBy(two::segments).isInstanceOf(IllegalStateException.class);
    one.close();
    fixture.check();
  }

  @ParameterizedTest
  @EnumSource
  void aViewThatIsForgottenGivesItsLeasesBack(LeaseMode mode) {
    MemorySegment[] page = {forgottenLease(mode)};
    for (int i = 0; i < 3; i++) {
      System.gc();
      assertThat(page[0].get(JAVA_BYTE, 0)).isZero();
      assertThat(fixture.vm.machine().leased().reserved()).as("still leased").isEqualTo(1);
    }
    page[0] = MemorySegment.NULL;

    long giveUp = System.nanoTime() + 20_000_000_000L;
    while (fixture.vm.machine().leased().reserved() != 0) {
      assertThat(System.nanoTime()).as("the lease is given back").isLessThan(giveUp);
      System.gc();
    }
    view.lease(base, LeaseMode.WRITE).close();
    space.unmap(base, PAGE);
  }

  @SuppressWarnings("MustBeClosedChecker")
  private MemorySegment forgottenLease(LeaseMode mode) {
    return space.view().lease(base, mode).bytes();
  }

  @Test
  void aLeaseBelongsToTheThreadOfItsView() {
    try (PageLease lease = view.lease(base, LeaseMode.WRITE)) {
      MemorySegment page = lease.bytes();
      assertWrongThread(() -> page.get(JAVA_BYTE, 0));
      assertWrongThread(lease::bytes);
      assertWrongThread(lease::segments);
      assertWrongThread(lease::close);
      assertWrongThread(() -> view.lease(base + PAGE, LeaseMode.READ));
      assertWrongThread(() -> view.lease(base, 1, LeaseMode.READ));
      assertThat(page.get(JAVA_BYTE, 0)).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE, 1L << 30, RANGE + 1, Long.MAX_VALUE})
  void aLengthThatMakesNoSenseIsRefused(long bytes) {
    for (LeaseMode mode : LeaseMode.values()) {
      assertThatThrownBy(() -> view.lease(base, bytes, mode))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a lease of " + bytes + " bytes");
      assertThatThrownBy(() -> view.lease(base + PAGE - 1, bytes, mode))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, -PAGE, RANGE, Long.MAX_VALUE, Long.MIN_VALUE})
  void anAddressBeyondTheRangeIsRefused(long address) {
    for (LeaseMode mode : LeaseMode.values()) {
      assertThatThrownBy(() -> view.lease(address, mode))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("beyond the range");
      assertThatThrownBy(() -> view.lease(address, 8, mode))
          .isInstanceOf(AccessViolationException.class);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatIsNotMappedForItIsRefused(LeaseMode mode) {
    long none = space.map(PAGE, Protection.NONE);
    long readable = space.map(PAGE, Protection.READ);
    assertThatThrownBy(() -> view.lease(RANGE - 1, mode))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("not mapped");
    assertThatThrownBy(() -> view.lease(none, mode))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("does not allow it");
    if (mode == LeaseMode.WRITE) {
      assertThatThrownBy(() -> view.lease(readable, mode))
          .isInstanceOf(AccessViolationException.class);
    } else {
      view.lease(readable, mode).close();
    }
    fixture.check();
  }

  @ParameterizedTest
  @EnumSource
  void aClosedViewOrSpaceIsRefused(LeaseMode mode) {
    AddressSpace gone = fixture.vm.newAddressSpace();
    long there = gone.map(PAGE, Protection.READ_WRITE);
    View closed = space.view();
    closed.close();
    try (View left = gone.view()) {
      left.putByte(there, (byte) 1);
      gone.close();

      assertThatThrownBy(() -> left.lease(there, mode))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("the address space is closed");
      assertThatThrownBy(() -> closed.lease(base, mode))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("this view is closed");
      assertThatThrownBy(() -> closed.lease(base, 8, mode))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("this view is closed");
    }
  }
}
