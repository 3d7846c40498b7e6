package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.MemoryObject;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.Sharing;
import org.pondhawk.vm.SyncMode;
import org.pondhawk.vm.View;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.Guard;

/// The contract over a pager of the testkit's, and each answer that a pager may give.
class MemoryPagerTest extends PagedObjectContract {
  private record InMemory(Rig rig, MemoryPager pager) implements TestStore {
    @Override
    public MemoryObject open(long bytes, Protection most) {
      return rig.vm().open(pager, bytes, most);
    }

    @Override
    public byte[] content() {
      byte[] now = pager.content();
      return now;
    }

    @Override
    public void failReads(LongPredicate fails) {
      pager.answerReads(n -> fails.test(n) ? PagerResult.ERROR : null);
    }

    @Override
    public void failWrites(LongPredicate fails) {
      pager.answerWrites(n -> fails.test(n) ? PagerResult.ERROR : null);
    }

    @Override
    public long reads() {
      return pager.reads();
    }

    @Override
    public long writes() {
      return pager.writes();
    }
  }

  @Override
  TestStore newStore(Rig inMachine, byte[] content) {
    MemoryPager pager = new MemoryPager(inMachine.machine().page().pages(), content);
    pager.resized(content.length);
    return new InMemory(inMachine, pager);
  }

  private MemoryPager pager(int pageCount) {
    return new MemoryPager(rig().machine().page().pages(), pattern(pageCount * PAGE));
  }

  @Test
  void answersOfReadsAreWhatTheySay() {
    MemoryPager pager = pager(8);
    try (MemoryObject object = rig().vm().open(pager, 8 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 8 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      pager.answerReads(_ -> PagerResult.FAIL);
      assertThat(view.getLong(base)).as("no data: zeros").isZero();
      pager.answerReads(_ -> PagerResult.BAD);
      assertThatThrownBy(() -> view.getLong(base + PAGE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("beyond the end");
      for (PagerResult failed :
          new PagerResult[] {PagerResult.ERROR, PagerResult.AGAIN, PagerResult.PENDING}) {
        pager.answerReads(_ -> failed);
        assertThatThrownBy(() -> view.getLong(base + PAGE))
            .isInstanceOf(UncheckedIOException.class)
            .hasMessageContaining("page 1 of object");
        Machines.requireClean(rig().vm(), failed);
      }
      pager.answerReads(_ -> null);
      assertThat(view.getLong(base + PAGE)).isEqualTo(getLong(pattern(8 * PAGE), PAGE));
    }
    assertThat(pager.ends()).isEqualTo(1);
  }

  @Test
  void answersOfWritesLeaveWhatIsNotWrittenDirty() {
    MemoryPager pager = pager(8);
    try (MemoryObject object = rig().vm().open(pager, 8 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 8 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      long value = 0;
      for (PagerResult answer :
          new PagerResult[] {
            PagerResult.ERROR, PagerResult.AGAIN, PagerResult.FAIL, PagerResult.BAD
          }) {
        view.putLong(base + 3 * PAGE, ++value);
        pager.answerWrites(_ -> answer);
        assertThatThrownBy(() -> space.sync(base, 8 * PAGE))
            .as("%s", answer)
            .isInstanceOf(UncheckedIOException.class)
            .hasMessageContaining("1 pages are not durable, the first at 3");
        pager.answerWrites(_ -> null);
        space.sync(base, 8 * PAGE);
        assertThat(getLong(pager.content(), 3 * PAGE)).as("%s", answer).isEqualTo(value);
      }
    }
  }

  /// The canary of the contract's tests of what a store has: one write of many is lost.
  @Test
  void aPagerThatLosesAWriteIsNoticed() {
    MemoryPager pager = pager(64);
    pager.answerWrites(n -> n == 3 ? PagerResult.OK : null);
    try (MemoryObject object = rig().vm().open(pager, 64 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 64 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      for (int page = 0; page < 64; page += 2) {
        view.putLong(base + (long) page * PAGE, -1);
      }
      space.sync(base, 64 * PAGE);
      int lost = 0;
      for (int page = 0; page < 64; page += 2) {
        lost += getLong(pager.content(), page * PAGE) == -1 ? 0 : 1;
      }
      assertThat(lost).isEqualTo(1);
      assertThat(count(Event.FILE_OUT)).isEqualTo(pager.writes());
      assertThat(count(Event.FILE_PAGES_OUT)).isEqualTo(pager.pagesWritten() + 1);
      assertThat(count(Event.FILE_PAGES_IN)).isEqualTo(pager.reads()).isEqualTo(32);
    }
  }

  private long count(Event event) {
    return rig().machine().page().stats().total(event);
  }

  /// A store through a page table entry that a sync has taken away may be late; it counts.
  @Test
  void nothingIsWrittenWhileAStoreIsUnderWay() throws Exception {
    MemoryPager pager = pager(2);
    try (ExecutorService executor = Executors.newSingleThreadExecutor();
        MemoryObject object = rig().vm().open(pager, 2 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 2 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      view.putLong(base, 1);
      PageArray pages = rig().machine().page().pages();
      int page = pages.pageAt(Pte.frame(rig().insideOf(space).pmap().entry(base)));
      Guard guard = rig().machine().grace().register();
      guard.enter();
      Future<?> syncing = executor.submit(object::sync);
      boolean begun =
          Machines.await(
              () -> rig().machine().page().busy().softHolders(page) == 1, 20_000_000_000L);
      RawMemory.putLong(pages.address(page) + 8, 2);
      long early = pager.writes();
      guard.leave();
      syncing.get(60, TimeUnit.SECONDS);
      rig().machine().grace().unregister(guard);
      assertThat(begun).as("the page was being written").isTrue();
      assertThat(early).isZero();
      assertThat(getLong(pager.content(), 8)).isEqualTo(2);
    }
  }

  @Test
  void whatIsWrittenIsMadeDurable() {
    MemoryPager pager = pager(2);
    try (MemoryObject object = rig().vm().open(pager, 2 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 2 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      view.putLong(base, 1);
      pager.setForceFails(true);
      assertThatThrownBy(() -> space.sync(base, PAGE))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("not durable")
          .hasRootCauseMessage("injected: nothing is durable");
      space.sync(base, PAGE, SyncMode.START, false);
      pager.setForceFails(false);
      long forces = pager.forces();
      space.sync(base, PAGE);
      assertThat(pager.forces()).isEqualTo(forces + 1);
    }
  }

  @Test
  void writesThatAreCompletedLaterAreWaitedFor() {
    MemoryPager pager = pager(64);
    try (ExecutorService later = Executors.newSingleThreadExecutor();
        MemoryObject object = rig().vm().open(pager, 64 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      pager.completeBy(later);
      long base = space.map(object, 0, 64 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      for (int round = 1; round <= 20; round++) {
        for (int page = 0; page < 64; page++) {
          view.putLong(base + (long) page * PAGE, round * 100 + page);
        }
        space.sync(base, 64 * PAGE);
        for (int page = 0; page < 64; page++) {
          assertThat(getLong(pager.content(), page * PAGE)).isEqualTo(round * 100 + page);
        }
      }
      Machines.requireClean(rig().vm(), "pending");
    }
  }

  @Test
  void writesThatWereOnlyBegunEndWithoutAnybodyWaiting() {
    MemoryPager pager = pager(4);
    Queue<Runnable> held = new ArrayDeque<>();
    try (MemoryObject object = rig().vm().open(pager, 4 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      pager.completeBy(held::add);
      long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      view.putLong(base, 1);

      space.sync(base, 4 * PAGE, SyncMode.START, false);

      assertThat(held).hasSize(1);
      assertThat(view.getLong(base)).as("loads go on meanwhile").isEqualTo(1);
      held.remove().run();
      pager.completeBy(null);
      view.putLong(base + PAGE, 5);
      object.sync(); // takes the mark of dirty pages away
      view.putLong(base + PAGE, 6);
      pager.completeBy(held::add);
      pager.answerWrites(_ -> PagerResult.ERROR);
      space.sync(base, 4 * PAGE, SyncMode.START, false);
      held.remove().run(); // fails after who began it has gone
      pager.answerWrites(_ -> null);
      pager.completeBy(null);
      object.sync();
      assertThat(getLong(pager.content(), PAGE)).as("not forgotten").isEqualTo(6);
      view.putLong(base, 2);
      space.sync(base, PAGE);
      assertThat(getLong(pager.content(), 0)).isEqualTo(2);
    }
  }

  @Test
  void underPressureWritesMayBeCompletedLater() {
    MemoryPager pager = pager(2500);
    try (ExecutorService later = Executors.newSingleThreadExecutor();
        MemoryObject object = rig().vm().open(pager, 2500 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      pager.completeBy(later);
      long base = space.map(object, 0, 2500L * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      for (int lap = 1; lap <= 3; lap++) {
        for (int page = 0; page < 2500; page++) {
          view.putLong(base + (long) page * PAGE, lap * 10_000L + page);
        }
        for (int page = 0; page < 2500; page++) {
          assertThat(view.getLong(base + (long) page * PAGE)).isEqualTo(lap * 10_000L + page);
        }
      }
      Machines.requireClean(rig().vm(), "pending under pressure");
      space.unmap(base, 2500L * PAGE);
    }
    assertThat(pager.ends()).isEqualTo(1);
    assertThat(getLong(pager.content(), 2499 * PAGE)).isEqualTo(30_000L + 2499);
  }

  @Test
  void underPressureWritesMayFail() {
    MemoryPager pager = pager(2500);
    pager.answerWrites(n -> n % 2 == 1 ? PagerResult.ERROR : n % 5 == 0 ? PagerResult.AGAIN : null);
    try (MemoryObject object = rig().vm().open(pager, 2500 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 2500L * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      for (int lap = 1; lap <= 2; lap++) {
        for (int page = 0; page < 2500; page++) {
          view.putLong(base + (long) page * PAGE, lap * 10_000L + page);
        }
        for (int page = 0; page < 2500; page++) {
          assertThat(view.getLong(base + (long) page * PAGE)).isEqualTo(lap * 10_000L + page);
        }
      }
      Machines.requireClean(rig().vm(), "failing under pressure");
      pager.answerWrites(_ -> null);
    }
  }
}
