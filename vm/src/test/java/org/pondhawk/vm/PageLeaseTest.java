package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Helper;

/// What a lease shows, what it keeps in place, and who waits for it.
@Timeout(60)
class PageLeaseTest {
  private static final int PAGE = 4096;

  private final ViewFixture fixture = new ViewFixture(PAGE, 0, Seams.SOUND);
  private final View view = fixture.view;
  private final AddressSpace space = fixture.space;
  private final PageArray pages = fixture.vm.machine().page().pages();
  private final PageBusy busy = fixture.vm.machine().page().busy();
  private final long base = space.map(8 * PAGE, Protection.READ_WRITE);

  @AfterEach
  void nothingIsLeased() {
    assertThat(fixture.vm.machine().leased().reserved()).isZero();
    fixture.close();
  }

  private Space inside() {
    return view.space;
  }

  private int pageAt(long address) {
    return pages.frames().frameOf(Pte.frame(inside().pmap().entry(address)));
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
  class ALease {
    @ParameterizedTest
    @EnumSource
    void showsTheWholePageOfTheAddress(LeaseMode mode) {
      view.putLong(base, 11);
      view.putLong(base + PAGE - 8, 12);
      try (PageLease lease = view.lease(base + 100, mode)) {
        assertThat(lease.address()).isEqualTo(base);
        assertThat(lease.mode()).isEqualTo(mode);
        assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
        assertThat(lease.bytes().get(JAVA_LONG_UNALIGNED, 0)).isEqualTo(11);
        assertThat(lease.bytes().get(JAVA_LONG_UNALIGNED, PAGE - 8)).isEqualTo(12);
        fixture.check();
      }
    }

    @ParameterizedTest
    @EnumSource
    void ofARunShowsExactlyItsBytes(LeaseMode mode) {
      for (long i = 0; i < 4 * PAGE; i += 8) {
        view.putLong(base + i, i);
      }
      try (PageLease lease = view.lease(base + 96, 2 * PAGE + 8, mode)) {
        assertThat(lease.address()).isEqualTo(base + 96);
        assertThat(lease.segments())
            .extracting(MemorySegment::byteSize)
            .containsExactly(PAGE - 96L, (long) PAGE, 104L);
        long expected = 96;
        for (MemorySegment segment : lease.segments()) {
          for (long i = 0; i < segment.byteSize(); i += 8) {
            assertThat(segment.get(JAVA_LONG_UNALIGNED, i)).isEqualTo(expected);
            expected += 8;
          }
        }
        assertThatThrownBy(lease::bytes)
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("of 3 pages");
        fixture.check();
      }
      try (PageLease lease = view.lease(base + PAGE + 3, 5, mode)) {
        assertThat(lease.bytes().byteSize()).isEqualTo(5);
        assertThat(lease.segments()).containsExactly(lease.bytes());
        assertThat(lease.bytes().get(JAVA_BYTE, 5 - 1)).isEqualTo(view.getByte(base + PAGE + 7));
      }
    }

    @Test
    void ofFreshMemoryShowsZeros() {
      try (PageLease lease = view.lease(base, LeaseMode.READ)) {
        assertThat(lease.bytes().mismatch(MemorySegment.ofArray(new byte[PAGE]))).isEqualTo(-1);
      }
    }

    @Test
    void forWritingStoresWhatSurvivesEviction() {
      try (PageLease lease = view.lease(base, 3 * PAGE, LeaseMode.WRITE)) {
        for (MemorySegment segment : lease.segments()) {
          segment.fill((byte) 7);
        }
      }
      press();
      assertThat(view.isResident(base)).isFalse();
      assertThat(view.indexOf(base, 3 * PAGE, (byte) 0)).isEqualTo(-1);
      assertThat(view.getByte(base + 3 * PAGE - 1)).isEqualTo((byte) 7);
    }

    @Test
    void forWritingMakesACleanPageDirtyWithoutAnyStoreOfAView() {
      view.fill(base, PAGE, (byte) 1);
      press();
      assertThat(view.getByte(base)).isEqualTo((byte) 1);
      int page = pageAt(base);
      assertThat(pages.dirty(page)).isZero();
      assertThat(pages.hasFlag(page, PageFlags.SWAPPED)).isTrue();

      PageLease lease = view.lease(base, LeaseMode.WRITE);
      assertThat(pages.dirty(page)).isNotZero();
      lease.bytes().set(JAVA_BYTE, 5, (byte) 2);
      pages.clearDirty(page);
      lease.close();
      assertThat(pages.dirty(page)).as("again at close").isNotZero();

      press();
      assertThat(view.isResident(base)).isFalse();
      assertThat(view.getByte(base + 5)).isEqualTo((byte) 2);
    }

    @Test
    void forWritingCopiesFirstWhatAForkShares() {
      view.fill(base, PAGE, (byte) 1);
      try (AddressSpace child = space.fork();
          View its = child.view();
          PageLease lease = view.lease(base, LeaseMode.WRITE)) {
        lease.bytes().fill((byte) 2);

        assertThat(its.indexOf(base, PAGE, (byte) 2)).isEqualTo(-1);
        assertThat(view.getByte(base)).isEqualTo((byte) 2);
        fixture.check();
      }
    }

    @Test
    void forReadingIsNotWritable() {
      try (PageLease lease = view.lease(base, LeaseMode.READ)) {
        assertThat(lease.bytes().isReadOnly()).isTrue();
        assertThatThrownBy(() -> lease.bytes().set(JAVA_BYTE, 0, (byte) 1))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }

    @ParameterizedTest
    @EnumSource(names = "SNAPSHOT", mode = EnumSource.Mode.EXCLUDE)
    void letsHitsOfViewsGoOn(LeaseMode mode) {
      view.putLong(base, 1);
      try (PageLease lease = view.lease(base, mode);
          View another = space.view()) {
        view.putLong(base + 8, 2);
        another.putLong(base + 16, 3);

        assertThat(lease.bytes().get(JAVA_LONG_UNALIGNED, 8)).isEqualTo(2);
        assertThat(lease.bytes().get(JAVA_LONG_UNALIGNED, 16)).isEqualTo(3);
        if (mode == LeaseMode.WRITE) {
          lease.bytes().set(JAVA_LONG_UNALIGNED, 24, 4);
          assertThat(another.getLong(base + 24)).isEqualTo(4);
        }
      }
    }
  }

  @Nested
  class TwoLeases {
    @Test
    void forReadingShareAPage() throws InterruptedException {
      try (LeaseHolder _ = new LeaseHolder(space, base, LeaseMode.READ);
          PageLease _ = view.lease(base, LeaseMode.READ);
          PageLease _ = view.lease(base, 2 * PAGE, LeaseMode.READ)) {
        assertThat(busy.softHolders(pageAt(base))).isEqualTo(3);
        fixture.check();
      }
      assertThat(busy.isIdle(pageAt(base))).isTrue();
    }

    @ParameterizedTest(name = "{0} waits for WRITE")
    @EnumSource
    void ofWhichTheFirstIsForWritingExcludeEachOther(LeaseMode second) {
      PageLease first = view.lease(base, LeaseMode.WRITE);
      first.bytes().set(JAVA_BYTE, 0, (byte) 1);
      Helper<Byte> other = leasing(second).awaitAsleep();
      first.bytes().set(JAVA_BYTE, 0, (byte) 2);
      assertThat(other.isDone()).isFalse();
      first.close();
      assertThat(other.join()).isEqualTo((byte) 2);
    }

    @Test
    void ofWhichTheSecondIsForWritingExcludeEachOther() {
      PageLease first = view.lease(base, LeaseMode.READ);
      Helper<Byte> other = leasing(LeaseMode.WRITE).awaitAsleep();
      assertThat(other.isDone()).isFalse();
      first.close();
      assertThat(other.join()).isZero();
    }

    private Helper<Byte> leasing(LeaseMode mode) {
      return Helper.start(() -> {
        try (View own = space.view();
            PageLease lease = own.lease(base, mode)) {
          return lease.bytes().get(JAVA_BYTE, 0);
        }
      });
    }

    @Test
    void doNotWaitPastADeadline() throws InterruptedException {
      try (LeaseHolder _ = new LeaseHolder(space, base + PAGE, LeaseMode.WRITE)) {
        view.setDeadline(Duration.ZERO);
        assertThatThrownBy(() -> view.lease(base + PAGE, LeaseMode.READ))
            .isInstanceOf(OutOfPagesException.class)
            .hasMessageContaining("deadline");
        assertThatThrownBy(() -> view.lease(base, 4 * PAGE, LeaseMode.WRITE))
            .isInstanceOf(OutOfPagesException.class);
        assertThat(busy.isIdle(pageAt(base))).as("the first of the run").isTrue();
        fixture.check();
      }
      view.clearDeadline();
    }

    @Test
    void ofThisThreadExcludeEachOtherAtOnce() {
      try (View another = space.view()) {
        for (View second : List.of(view, another)) {
          for (LeaseMode mode : LeaseMode.values()) {
            try (PageLease _ = view.lease(base, LeaseMode.WRITE)) {
              assertThatThrownBy(() -> second.lease(base, 2 * PAGE, mode))
                  .isInstanceOf(LeaseHeldException.class)
                  .hasMessageContaining("has leased the page itself");
            }
          }
          try (PageLease _ = view.lease(base, LeaseMode.READ)) {
            assertThatThrownBy(() -> second.lease(base, LeaseMode.WRITE))
                .isInstanceOf(LeaseHeldException.class);
          }
        }
      }
      assertThat(busy.isIdle(pageAt(base))).isTrue();
    }
  }

  @Nested
  class ARun {
    @Test
    void thatFailsGivesBackWhatItHas() {
      AddressSpace other = fixture.vm.newAddressSpace();
      other.mapAt(base, 2 * PAGE, Protection.READ_WRITE);
      try (other;
          View its = other.view()) {
        for (LeaseMode mode : LeaseMode.values()) {
          assertThatThrownBy(() -> its.lease(base, 3 * PAGE, mode))
              .isInstanceOf(AccessViolationException.class)
              .hasMessageContaining("0x%x: not mapped".formatted(base + 2 * PAGE));
          fixture.check();
        }
        its.lease(base, 2 * PAGE, LeaseMode.WRITE).close();
      }
    }

    @Test
    void takesItsPagesInTheOrderOfAddresses() throws InterruptedException {
      view.fill(base, 8 * PAGE, (byte) 1);
      Helper<Boolean> run;
      try (LeaseHolder _ = new LeaseHolder(space, base + 2 * PAGE, LeaseMode.READ)) {
        run =
            Helper.run(() -> {
              try (View own = space.view()) {
                own.lease(base, 4 * PAGE, LeaseMode.WRITE).close();
              }
            });
        run.awaitAsleep();
        assertThat(busy.isHardBusy(pageAt(base))).isTrue();
        assertThat(busy.isHardBusy(pageAt(base + PAGE))).isTrue();
        assertThat(busy.isIdle(pageAt(base + 3 * PAGE))).isTrue();
      }
      run.join();
    }

    @Test
    void isOfASixteenthOfMemoryAtMostAndAllOfAQuarter() {
      int most = view.mostLeasedPages();
      long bytes = (long) most * PAGE;
      assertThat(most).isEqualTo(pages.frameCount() / 16);
      long much = space.map(6 * bytes, Protection.READ_WRITE);
      assertThatThrownBy(() -> view.lease(much, bytes + 1, LeaseMode.READ))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("more than %d pages".formatted(most));
      assertThatThrownBy(() -> view.lease(much + 8, bytes, LeaseMode.WRITE))
          .isInstanceOf(IllegalArgumentException.class);

      List<PageLease> leases = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        leases.add(view.lease(much + i * bytes, bytes, LeaseMode.WRITE));
      }
      press();
      view.setDeadline(Duration.ZERO);
      assertThatThrownBy(() -> view.lease(much + 4 * bytes, bytes, LeaseMode.READ))
          .isInstanceOf(OutOfPagesException.class);
      view.clearDeadline();
      Helper<Boolean> waits =
          Helper.run(() -> {
            try (View own = space.view()) {
              own.lease(much + 4 * bytes, bytes, LeaseMode.READ).close();
            }
          });
      waits.awaitAsleep();
      leases.removeFirst().close();
      waits.join();
      leases.forEach(PageLease::close);
    }
  }

  @Nested
  class ThePagesOfALease {
    @ParameterizedTest
    @EnumSource
    void areNotEvicted(LeaseMode mode) {
      view.fill(base, 4 * PAGE, (byte) 5);
      try (PageLease lease = view.lease(base, 4 * PAGE, mode)) {
        int page = pageAt(base);
        long before = fixture.vm.statistics().pagesOut();
        press();

        assertThat(fixture.vm.statistics().pagesOut()).isGreaterThan(before);
        assertThat(pageAt(base)).isEqualTo(page);
        assertThat(view.isResident(base + 3 * PAGE)).isTrue();
        assertThat(lease.segments())
            .allSatisfy(s -> assertThat(s.get(JAVA_BYTE, 9)).isEqualTo((byte) 5));
        fixture.check();
      }
      press();
      assertThat(view.isResident(base)).as("without a lease").isFalse();
    }

    @Test
    void areNotMovedByTheCollapser() {
      view.fill(base, 4 * PAGE, (byte) 5);
      AddressSpace child = space.fork();
      try (View its = child.view()) {
        its.fill(base + PAGE, 3 * PAGE, (byte) 6); // the first is of the second object of a chain
        PageLease lease = its.lease(base, LeaseMode.READ);
        space.unmap(base, 8 * PAGE);
        fixture.vm.machine().collapser().collapseNow(its.space);

        assertThat(its.space.depth()).isEqualTo(1);
        assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 5);
        lease.close();
        fixture.vm.machine().collapser().collapseNow(its.space);

        assertThat(its.space.depth()).isZero();
        assertThat(its.getByte(base)).isEqualTo((byte) 5);
      }
      child.close();
    }

    @Test
    void stayWhereTheyAreWhenTheirObjectBecomesTheHead() {
      view.fill(base, 4 * PAGE, (byte) 5);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        its.putByte(base + PAGE, (byte) 6); // little, so the two objects change places
        PageLease lease = its.lease(base, LeaseMode.READ);
        space.unmap(base, 8 * PAGE);
        fixture.vm.machine().collapser().collapseNow(its.space);

        assertThat(its.space.depth()).isZero();
        assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 5);
        its.putByte(base + 2 * PAGE, (byte) 7);
        Helper<Void> store =
            Helper.start(() -> {
              try (View second = child.view()) {
                second.putByte(base, (byte) 8);
              }
              return null;
            });
        store.awaitAsleep();
        assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 5);
        lease.close();
        store.join();
        assertThat(its.getByte(base)).isEqualTo((byte) 8);
        assertThat(its.getByte(base + PAGE)).isEqualTo((byte) 6);
      }
    }

    @Test
    void areNotCopiedForAStoreInAForkBeforeItEnds() {
      view.fill(base, PAGE, (byte) 5);
      try (AddressSpace child = space.fork()) {
        PageLease lease = view.lease(base, LeaseMode.READ);
        int page = pageAt(base);
        Helper<Byte> store =
            Helper.start(() -> {
              try (View its = child.view()) {
                its.putByte(base, (byte) 6);
                return its.getByte(base);
              }
            });
        store.awaitAsleep();
        assertThat(store.isDone()).isFalse();
        assertThat(lease.bytes().get(JAVA_BYTE, 0)).isEqualTo((byte) 5);
        assertThat(pageAt(base)).isEqualTo(page);
        lease.close();

        assertThat(store.join()).isEqualTo((byte) 6);
        assertThat(view.getByte(base)).isEqualTo((byte) 5);
      }
    }
  }

  @Nested
  class AnAccessByTheThreadThatHoldsTheLease {
    @Test
    void failsAtOnceIfItHasToCopyThePage() {
      view.fill(base, PAGE, (byte) 5);
      PageLease lease = view.lease(base, LeaseMode.READ);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        for (View storing : List.of(view, its)) {
          assertThatThrownBy(() -> storing.putByte(base, (byte) 6))
              .isInstanceOf(LeaseHeldException.class)
              .isInstanceOf(IllegalStateException.class)
              .hasMessageContaining("0x%x".formatted(base));
        }
        assertThat(view.getByte(base)).as("a hit").isEqualTo((byte) 5);
        lease.close();
        view.putByte(base, (byte) 6);
        assertThat(its.getByte(base)).isEqualTo((byte) 5);
      }
    }

    @Test
    void failsAtOnceIfAnotherOfItsSpacesHasToMapThePage() {
      view.fill(base, PAGE, (byte) 5);
      space.inherit(base, PAGE, Inheritance.SHARE);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        PageLease lease = view.lease(base, LeaseMode.WRITE);
        assertThatThrownBy(() -> its.getByte(base)).isInstanceOf(LeaseHeldException.class);
        lease.close();
        assertThat(its.getByte(base)).isEqualTo((byte) 5);
      }
    }
  }
}
