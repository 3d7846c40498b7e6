package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.Helper;

/// A lease whose bytes stay what they were, whoever stores meanwhile.
@Timeout(60)
class SnapshotLeaseTest {
  private static final int PAGE = 4096;

  private final ViewFixture fixture = new ViewFixture(PAGE, 0, Seams.SOUND);
  private final View view = fixture.view;
  private final AddressSpace space = fixture.space;
  private final PageArray pages = fixture.vm.machine().page().pages();
  private final long base = space.map(8 * PAGE, Protection.READ_WRITE);

  @AfterEach
  void nothingIsLeased() {
    assertThat(fixture.vm.machine().leased().reserved()).isZero();
    assertThat(fixture.vm.machine().leased().sent()).isZero();
    for (int page = 0; page < pages.frameCount(); page++) {
      assertThat(pages.cowCount(page)).as(pages.describe(page)).isZero();
    }
    fixture.close();
  }

  private int pageAt(long address) {
    return pages.frames().frameOf(Pte.frame(view.space.pmap().entry(address)));
  }

  private PageLease snapshot() {
    return view.lease(base, LeaseMode.SNAPSHOT);
  }

  private static void isAll(MemorySegment bytes, int value) {
    MemorySegment expected = MemorySegment.ofArray(new byte[(int) bytes.byteSize()]);
    assertThat(bytes.mismatch(expected.fill((byte) value))).isEqualTo(-1);
  }

  /// Uses so much other memory that everything that may be evicted is, several times.
  private void press() {
    long much = fixture.mapTwiceTheMemory();
    for (int round = 0; round < 3; round++) {
      view.fill(much, 2 * fixture.frameBytes(), (byte) round);
    }
    space.unmap(much, 2 * fixture.frameBytes());
  }

  @Nested
  class AStore {
    @Test
    void byTheThreadItselfGetsACopy() {
      view.fill(base, PAGE, (byte) 1);
      try (PageLease lease = snapshot()) {
        int sent = pageAt(base);
        view.putByte(base + 7, (byte) 2);

        isAll(lease.bytes(), 1);
        assertThat(view.getByte(base + 7)).isEqualTo((byte) 2);
        assertThat(view.getByte(base + 8)).isEqualTo((byte) 1);
        assertThat(pageAt(base)).isNotEqualTo(sent);
        assertThat(pages.holdCount(sent)).isEqualTo(1);
        fixture.check();
      }
      fixture.check();
    }

    @Test
    void byAnotherThreadDoesNotWait() {
      view.fill(base, 2 * PAGE, (byte) 1);
      try (PageLease lease = view.lease(base + 100, PAGE, LeaseMode.SNAPSHOT)) {
        Helper.run(
                () -> {
                  try (View its = space.view()) {
                    its.setDeadline(Duration.ZERO);
                    its.fill(base, 2 * PAGE, (byte) 2);
                  }
                })
            .join();

        lease.segments().forEach(segment -> isAll(segment, 1));
        assertThat(view.getByte(base)).isEqualTo((byte) 2);
      }
    }

    @Test
    void afterwardsIsInPlaceIfNobodyStoredBefore() {
      view.putByte(base, (byte) 1);
      int page = pageAt(base);
      snapshot().close();
      long before = fixture.vm.statistics().pagesCopied();
      view.putByte(base, (byte) 2);
      assertThat(pageAt(base)).isEqualTo(page);
      assertThat(fixture.vm.statistics().pagesCopied()).isEqualTo(before);
    }

    @Test
    void isCountedAsACopy() {
      view.putByte(base, (byte) 1);
      long before = fixture.vm.statistics().pagesCopied();
      try (PageLease _ = snapshot()) {
        view.putByte(base, (byte) 2);
        view.putByte(base + 1, (byte) 3);
      }
      assertThat(fixture.vm.statistics().pagesCopied()).isEqualTo(before + 1);
    }

    @Test
    void intoALeaseForWritingIsIntoACopyToo() {
      view.fill(base, PAGE, (byte) 1);
      try (PageLease sent = snapshot();
          PageLease written = view.lease(base, LeaseMode.WRITE)) {
        written.bytes().fill((byte) 2);
        isAll(sent.bytes(), 1);
        fixture.check();
      }
      assertThat(view.indexOf(base, PAGE, (byte) 1)).isEqualTo(-1);
    }

    @Test
    void throughAMappingThatSharesTheObjectIsSeenByAllButTheSender() {
      view.fill(base, PAGE, (byte) 1);
      space.inherit(base, PAGE, Inheritance.SHARE);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        assertThat(its.getByte(base)).isEqualTo((byte) 1);
        view.putByte(base, (byte) 1);
        try (PageLease lease = snapshot()) {
          its.putByte(base, (byte) 2);
          assertThat(view.getByte(base)).isEqualTo((byte) 2);
          view.putByte(base + 1, (byte) 3);
          assertThat(its.getByte(base + 1)).isEqualTo((byte) 3);
          isAll(lease.bytes(), 1);
          fixture.check();
        }
      }
    }
  }

  @Nested
  class Several {
    @Test
    void ofOnePageShareItUntilAStore() {
      view.fill(base, PAGE, (byte) 1);
      try (PageLease first = snapshot();
          PageLease second = snapshot()) {
        assertThat(pages.cowCount(pageAt(base))).isEqualTo(2);
        view.fill(base, PAGE, (byte) 2);
        try (PageLease third = snapshot()) {
          view.fill(base, PAGE, (byte) 3);
          isAll(first.bytes(), 1);
          isAll(second.bytes(), 1);
          isAll(third.bytes(), 2);
          fixture.check();
        }
      }
    }

    @Test
    void standBesideALeaseForReadingWhichTheStoreWaitsFor() throws InterruptedException {
      view.fill(base, PAGE, (byte) 1);
      Helper<Boolean> store;
      try (PageLease lease = snapshot()) {
        try (LeaseHolder _ = new LeaseHolder(space, base, LeaseMode.READ)) {
          store = storing();
          store.awaitAsleep();
        }
        store.join();
        isAll(lease.bytes(), 1);
      }
    }

    private Helper<Boolean> storing() {
      return Helper.run(() -> {
        try (View its = space.view()) {
          its.putByte(base, (byte) 2);
        }
      });
    }

    @Test
    void waitForALeaseForWriting() throws InterruptedException {
      Helper<Byte> sender;
      try (LeaseHolder _ = new LeaseHolder(space, base, LeaseMode.WRITE)) {
        sender =
            Helper.start(() -> {
              try (View its = space.view();
                  PageLease lease = its.lease(base, LeaseMode.SNAPSHOT)) {
                return lease.bytes().get(JAVA_BYTE, 0);
              }
            });
        sender.awaitAsleep();
      }
      assertThat(sender.join()).isZero();
    }

    @Test
    void doNotWaitForTheThreadsOwnLeaseForWriting() {
      try (PageLease _ = view.lease(base, LeaseMode.WRITE)) {
        assertThatThrownBy(SnapshotLeaseTest.this::snapshot).isInstanceOf(LeaseHeldException.class);
      }
    }

    @Test
    void areOfAQuarterOfMemoryAtMost() {
      int most = view.mostLeasedPages();
      long much = space.map(5L * most * PAGE, Protection.READ_WRITE);
      PageLease[] leases = new PageLease[4];
      for (int i = 0; i < leases.length; i++) {
        leases[i] =
            view.lease(much + (long) i * most * PAGE, (long) most * PAGE, LeaseMode.SNAPSHOT);
      }
      view.setDeadline(Duration.ZERO);
      assertThatThrownBy(SnapshotLeaseTest.this::snapshot).isInstanceOf(OutOfPagesException.class);
      view.clearDeadline();
      for (PageLease lease : leases) {
        lease.close();
      }
    }

    @Test
    void ofOnePageAreNotMoreThanCanBeCounted() {
      view.putByte(base, (byte) 1);
      int page = pageAt(base);
      for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
        assertThat(pages.tryRaiseCow(page)).isTrue();
      }
      assertThatThrownBy(SnapshotLeaseTest.this::snapshot)
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("too many snapshots of one page");
      for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
        assertThat(pages.tryLowerCow(page)).isTrue();
      }
    }
  }

  @Nested
  class IsNotInTheWayOf {
    private final AddressSpace other = fixture.vm.newAddressSpace();
    private final View its = other.view();
    private final long there = other.map(2 * PAGE, Protection.READ_WRITE);

    @AfterEach
    void closeIt() {
      its.close();
      other.close();
    }

    private PageLease lease() {
      its.fill(there, 2 * PAGE, (byte) 1);
      return its.lease(there, 2 * PAGE, LeaseMode.SNAPSHOT);
    }

    @Test
    void anUnmap() {
      try (PageLease lease = lease()) {
        other.unmap(there, PAGE);
        other.mapAt(there, PAGE, Protection.READ_WRITE);
        its.fill(there, PAGE, (byte) 3);
        press();

        lease.segments().forEach(segment -> isAll(segment, 1));
        fixture.check();
      }
      fixture.check();
    }

    @Test
    void theCloseOfItsSpace() {
      try (PageLease lease = lease()) {
        other.close();
        press();
        lease.segments().forEach(segment -> isAll(segment, 1));
        fixture.check();
      }
      fixture.check();
    }

    @Test
    void aForkOfWhichBothSidesStore() {
      try (PageLease lease = lease();
          AddressSpace child = other.fork();
          View third = child.view()) {
        third.fill(there, PAGE, (byte) 2);
        its.fill(there, 2 * PAGE, (byte) 3);
        assertThat(third.getByte(there + PAGE)).isEqualTo((byte) 1);
        assertThat(third.getByte(there)).isEqualTo((byte) 2);
        lease.segments().forEach(segment -> isAll(segment, 1));
        fixture.check();
      }
    }

    @Test
    void aForkWhoseChildTakesThePageOver() {
      PageLease lease = lease();
      try (AddressSpace child = other.fork();
          View third = child.view()) {
        other.close();
        fixture.vm.machine().collapser().collapseNow(third.space);
        third.fill(there, 2 * PAGE, (byte) 2);
        lease.segments().forEach(segment -> isAll(segment, 1));
        fixture.check();
        lease.close();
        fixture.check();
      }
    }

    @Test
    void aFreeze() {
      try (PageLease lease = lease()) {
        other.freeze();
        other.thaw();
        its.fill(there, PAGE, (byte) 2);
        isAll(lease.segments().getFirst(), 1);
      }
    }
  }

  @Test
  void ofAFrozenSpaceIsOneMoment() {
    view.fill(base, 2 * PAGE, (byte) 1);
    space.freeze();
    PageLease lease = view.lease(base, 2 * PAGE, LeaseMode.SNAPSHOT);
    space.thaw();
    try (lease) {
      view.fill(base, 2 * PAGE, (byte) 2);
      lease.segments().forEach(segment -> isAll(segment, 1));
    }
  }

  @Test
  void isReadOnly() {
    try (PageLease lease = snapshot()) {
      assertThat(lease.bytes().isReadOnly()).isTrue();
      assertThatThrownBy(() -> lease.bytes().set(JAVA_BYTE, 0, (byte) 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void keepsItsPagesInMemoryWhetherTheyWereStoredIntoOrNot() {
    view.fill(base, 2 * PAGE, (byte) 1);
    try (PageLease lease = view.lease(base, 2 * PAGE, LeaseMode.SNAPSHOT)) {
      view.fill(base, PAGE, (byte) 2);
      press();
      lease.segments().forEach(segment -> isAll(segment, 1));
      assertThat(view.isResident(base)).as("the copy may go").isFalse();
      assertThat(view.indexOf(base, PAGE, (byte) 1)).isEqualTo(-1);
      assertThat(view.getByte(base + PAGE)).isEqualTo((byte) 1);
      fixture.check();
    }
  }

  @Test
  void thatFailsGivesBackWhatItHas() {
    AddressSpace other = fixture.vm.newAddressSpace();
    other.mapAt(base, 2 * PAGE, Protection.READ_WRITE);
    try (other;
        View its = other.view()) {
      assertThatThrownBy(() -> its.lease(base, 3 * PAGE, LeaseMode.SNAPSHOT))
          .isInstanceOf(AccessViolationException.class);
      fixture.check();
      assertThat(fixture.vm.machine().leased().sent()).isZero();
    }
  }

  @Test
  void begunWhileAStoreIsUnderWayWaitsForIt() {
    view.putByte(base, (byte) 1);
    Guard other = fixture.vm.machine().grace().register();
    other.enter();
    Helper<Boolean> sender =
        Helper.run(() -> {
          try (View its = space.view()) {
            its.lease(base, LeaseMode.SNAPSHOT).close();
          }
        });
    sender.awaitAsleep();
    assertThat(pages.cowCount(pageAt(base))).isEqualTo(1);
    Helper<Boolean> store =
        Helper.run(() -> {
          try (View its = space.view()) {
            its.putByte(base, (byte) 2);
          }
        });
    store.awaitAsleep();
    assertThat(sender.isDone() || store.isDone()).isFalse();
    other.leave();
    sender.join();
    store.join();
    fixture.vm.machine().grace().unregister(other);
    assertThat(view.getByte(base)).isEqualTo((byte) 2);
  }

  @ParameterizedTest
  @EnumSource(names = {"READ", "SNAPSHOT"})
  void isClosedAfterItsMachineOnlyIfNothingWaitsForIt(LeaseMode mode) {
    ViewFixture own = new ViewFixture(PAGE);
    long there = own.space.map(PAGE, Protection.READ_WRITE);
    own.view.fill(there, PAGE, (byte) 1);
    PageLease lease = own.view.lease(there, mode);
    if (mode == LeaseMode.READ) {
      assertThatThrownBy(own.vm::close).isInstanceOf(LeaseHeldException.class);
    } else {
      own.vm.close();
      isAll(lease.bytes(), 1);
    }
    lease.close();
    own.view.close();
    own.vm.close();
    assertThat(own.vm.machine().retain()).as("its memory is still there").isFalse();
  }

  /// The writer makes every word of a page one larger, lap after lap, one page after the other.
  @Test
  void standsStillWhileAWriterHammers() {
    AtomicBoolean stop = new AtomicBoolean();
    Helper<Long> writer =
        Helper.start(() -> {
          long lap = 0;
          try (View its = space.view()) {
            for (; !stop.get(); lap++) {
              for (long at = base; at < base + 2 * PAGE; at += 8) {
                its.putLong(at, lap + 1);
              }
            }
          }
          return lap;
        });
    int changes = 0;
    long last = 0;
    try {
      for (int round = 0; round < 2_000; round++) {
        try (PageLease lease = view.lease(base, 2 * PAGE, LeaseMode.SNAPSHOT)) {
          long first = sum(lease);
          assertThat(sum(lease)).as("round %d", round).isEqualTo(first);
          assertThat(first).as("never goes back").isGreaterThanOrEqualTo(last);
          changes += first == last ? 0 : 1;
          last = first;
        }
      }
    } finally {
      stop.set(true);
    }
    long laps = writer.join();
    assertThat(changes).as("the writer got on").isPositive();
    for (long at = base; at < base + 2 * PAGE; at += 8) {
      assertThat(view.getLong(at)).as("no store was lost").isEqualTo(laps);
    }
  }

  private static long sum(PageLease lease) {
    long sum = 0;
    for (MemorySegment segment : lease.segments()) {
      for (long at = 0; at < segment.byteSize(); at += 8) {
        sum += segment.get(JAVA_LONG_UNALIGNED, at);
      }
    }
    return sum;
  }

  @Nested
  class WithoutPatience {
    @Test
    void aStoreThatDoesNotEndIsGivenUp() {
      try (VirtualMemory vm =
              VirtualMemory.boot(
                  VmConfig.builder()
                      .physicalMemory(8 << 20)
                      .patience(Duration.ofMillis(50))
                      .build());
          AddressSpace own = vm.newAddressSpace();
          View its = own.view()) {
        long there = own.map(PAGE, Protection.READ_WRITE);
        its.putByte(there, (byte) 1);
        Guard other = vm.machine().grace().register();
        other.enter();
        assertThatThrownBy(() -> its.lease(there, LeaseMode.SNAPSHOT))
            .isInstanceOf(AccessUnderWayException.class)
            .hasMessageContaining("SNAPSHOT lease of 4096 bytes");
        assertThat(vm.machine().leased().sent()).isZero();
        other.leave();
        vm.machine().grace().unregister(other);
        its.lease(there, LeaseMode.SNAPSHOT).close();
        assertThat(vm.check().summary()).isEqualTo("clean");
      }
    }
  }
}
