package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.LeaseMode;
import org.pondhawk.vm.MemoryObject;
import org.pondhawk.vm.PageLease;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.Sharing;
import org.pondhawk.vm.SyncMode;
import org.pondhawk.vm.View;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.fault.HeldPages;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.VmThread;

/// What every object with a store behind it does, whatever the store is.
@Timeout(120)
abstract class PagedObjectContract {
  static final int PAGE = 4096;
  private static final int PAGES = 64;

  private Rig rig;
  private TestStore store;
  private AddressSpace space;
  private View view;

  /// A store for a test: what it holds can be looked at, and its transfers fail as a test says.
  interface TestStore {
    /// Opens the object of the store.
    MemoryObject open(long bytes, Protection most);

    /// What the store holds now.
    byte[] content();

    /// Says which reads fail, by their number from 1.
    void failReads(LongPredicate fails);

    /// Says which writes fail, by their number from 1.
    void failWrites(LongPredicate fails);

    long reads();

    long writes();
  }

  /// Makes a store.
  abstract TestStore newStore(Rig inMachine, byte[] content);

  @BeforeEach
  void boot() {
    rig = Rig.boot(Machines.tiny(PAGE, 16 * MEBIBYTE).build());
    space = rig.vm().newAddressSpace();
    view = space.view();
    store = newStore(rig, pattern(PAGES * PAGE));
  }

  @AfterEach
  void theMachineIsSound() {
    store.failReads(_ -> false);
    store.failWrites(_ -> false);
    Machines.requireClean(rig.vm(), "at the end");
    view.close();
    space.close();
    Machines.requireClean(rig.vm(), "with the space closed");
    rig.close();
  }

  Rig rig() {
    return rig;
  }

  /// Bytes that tell where they are from.
  static byte[] pattern(int bytes) {
    byte[] content = new byte[bytes];
    for (int i = 0; i < bytes; i += Long.BYTES) {
      putLong(content, i, 0x0123_4567_0000_0000L + i);
    }
    return content;
  }

  static void putLong(byte[] bytes, int at, long value) {
    for (int i = 0; i < Long.BYTES; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }

  static long getLong(byte[] bytes, int at) {
    long value = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      value |= (bytes[at + i] & 0xffL) << (8 * i);
    }
    return value;
  }

  private long mapShared(MemoryObject object) {
    return space.map(object, 0, object.size(), Protection.READ_WRITE, Sharing.SHARED);
  }

  private long mapPrivate(MemoryObject object) {
    return space.map(object, 0, object.size(), Protection.READ_WRITE, Sharing.PRIVATE);
  }

  private MemoryObject open() {
    return store.open((long) PAGES * PAGE, Protection.READ_WRITE);
  }

  @Test
  void showsItsStore() {
    byte[] expected = store.content();
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      for (int at = 0; at < PAGES * PAGE; at += 1000 * Long.BYTES) {
        assertThat(view.getLong(base + at)).as("at %d", at).isEqualTo(getLong(expected, at));
      }
      assertThat(store.reads()).isPositive();
    }
  }

  @Test
  void isOneForAllWhoOpenIt() {
    try (MemoryObject object = open();
        MemoryObject again = open();
        AddressSpace other = rig.vm().newAddressSpace();
        View its = other.view()) {
      long here = mapShared(object);
      long there = other.map(again, 0, PAGE, Protection.READ, Sharing.SHARED);
      assertThat(its.getLong(there + 8)).isEqualTo(view.getLong(here + 8));

      view.putLong(here + 8, 77);

      assertThat(its.getLong(there + 8)).isEqualTo(77);
    }
  }

  @Test
  void hasWhatWasStoredWhenASyncReturns() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      for (int page = 0; page < PAGES; page += 3) {
        view.putLong(base + (long) page * PAGE + 16, page + 1);
      }

      space.sync(base, object.size());

      byte[] content = store.content();
      for (int page = 0; page < PAGES; page += 3) {
        assertThat(getLong(content, page * PAGE + 16)).as("page %d", page).isEqualTo(page + 1);
      }
      long writes = store.writes();
      space.sync(base, object.size());
      object.sync();
      assertThat(store.writes()).as("nothing is left to write").isEqualTo(writes);
    }
  }

  /// Scenario f.
  @Test
  void writesTheOnePageThatASyncIsOf() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      view.putLong(base, 1);
      view.putLong(base + 2 * PAGE, 3);
      view.putLong(base + 40 * PAGE, 41);

      space.sync(base + 2 * PAGE, PAGE);

      assertThat(getLong(store.content(), 2 * PAGE)).isEqualTo(3);
      assertThat(getLong(store.content(), 40 * PAGE)).as("not of the range").isNotEqualTo(41);
      space.sync(base, object.size());
      assertThat(getLong(store.content(), 40 * PAGE)).isEqualTo(41);
    }
  }

  @Test
  void hasWhatWasStoredThroughAnotherMappingWhenASyncReturns() {
    try (MemoryObject object = open();
        AddressSpace other = rig.vm().newAddressSpace();
        View its = other.view()) {
      long base = mapShared(object);
      long there = other.map(object, PAGE, PAGE, Protection.READ_WRITE, Sharing.SHARED);
      its.putLong(there, 123);

      space.sync(base, 2 * PAGE);

      assertThat(getLong(store.content(), PAGE)).isEqualTo(123);
    }
  }

  @Test
  void hasSoonWhatASyncOnlyBegan() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      view.putLong(base, 1);

      space.sync(base, object.size(), SyncMode.START, false);

      assertThat(Machines.await(() -> getLong(store.content(), 0) == 1, 10_000_000_000L)).isTrue();
    }
  }

  @Test
  void hasWhatWasStoredUnderALease() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      view.putLong(base, 1);
      object.sync(); // takes the mark of dirty pages away
      try (PageLease lease = view.lease(base, LeaseMode.WRITE)) {
        lease.bytes().set(ValueLayout.JAVA_LONG, 8, 2);
      }
      try (PageLease sent = view.lease(base + PAGE, LeaseMode.SNAPSHOT)) {
        view.putLong(base + PAGE, 3);
        assertThat(sent.bytes().get(ValueLayout.JAVA_LONG, 0)).isNotEqualTo(3);
        Machines.requireClean(rig.vm(), "under a snapshot");
      }
      object.sync();
      assertThat(getLong(store.content(), 8)).isEqualTo(2);
      assertThat(getLong(store.content(), PAGE)).isEqualTo(3);
    }
  }

  @Test
  void hasWhatATransferBroughtIntoPagesThatWereHeld() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      VmThread self = rig.machine().newThread("transfer");
      try (HeldPages held =
          rig.machine()
              .rangeFaults()
              .hold(self, rig.insideOf(space), base, base + PAGE, Access.WRITE)) {
        object.sync(); // takes the mark of dirty pages away
        RawMemory.putLong(held.frame(0) + 24, 5);
      }
      object.sync();
      assertThat(getLong(store.content(), 24)).isEqualTo(5);
      rig.machine().nodes().unload(self);
    }
  }

  @Test
  void mayBeWired() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      long own = mapPrivate(object);
      space.wire(base, 8 * PAGE);
      space.wire(own, 4 * PAGE);
      view.putLong(base + 2 * PAGE, 1);
      view.putLong(own + PAGE, 2);

      space.sync(base, object.size(), SyncMode.WAIT, true);

      assertThat(getLong(store.content(), 2 * PAGE)).isEqualTo(1);
      assertThat(space.residency(base, 8 * PAGE).residentCount())
          .as("never forgotten")
          .isEqualTo(8);
      Machines.requireClean(rig.vm(), "wired");
      view.putLong(base + 6 * PAGE, 3);
      object.resize(5 * PAGE + 8);
      assertThat(view.getLong(base + 5 * PAGE + 16)).isZero();
      assertThat(view.getLong(base + 6 * PAGE)).as("wired beyond the end").isZero();
      Machines.requireClean(rig.vm(), "wired beyond the end");
      space.unwire(base, 8 * PAGE);
      space.unwire(own, 4 * PAGE);
      assertThat(view.getLong(own + PAGE)).isEqualTo(2);
      object.sync();
      object.resize(5 * PAGE + 8); // what is not wired any more goes now
      requireBeyond(base + 6 * PAGE);
    }
  }

  @Test
  void isReadAnewAfterItWasForgotten() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      view.putLong(base, 5);
      long reads = store.reads();

      space.sync(base, PAGE, SyncMode.WAIT, true);

      assertThat(getLong(store.content(), 0)).isEqualTo(5);
      assertThat(view.getLong(base)).isEqualTo(5);
      assertThat(store.reads()).isEqualTo(reads + 1);
    }
  }

  // ---- its end

  @Test
  void mayNotBeAccessedBeyondItsEnd() {
    try (MemoryObject object = open()) {
      object.resize(2 * PAGE + 100);
      long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      assertThat(view.getLong(base + 2 * PAGE + 104)).as("the rest of the last page").isZero();
      requireBeyond(base + 3 * PAGE);
      assertThatThrownBy(() -> view.putLong(base + 3 * PAGE, 1))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("beyond the end");

      object.resize(4 * PAGE);

      assertThat(view.getLong(base + 3 * PAGE)).isZero();
      view.putLong(base + 3 * PAGE, 9);
      object.sync();
      assertThat(getLong(store.content(), 3 * PAGE)).isEqualTo(9);
    }
  }

  private void requireBeyond(long address) {
    assertThatThrownBy(() -> view.getLong(address))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("beyond the end");
  }

  @Test
  void losesWhatLiesBehindANearerEnd() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      for (int page = 0; page < PAGES; page++) {
        view.putLong(base + (long) page * PAGE + 2000, -1);
      }

      object.resize(10 * PAGE + 1000);

      assertThat(view.getLong(base + 10 * PAGE))
          .isEqualTo(getLong(pattern(PAGES * PAGE), 10 * PAGE));
      assertThat(view.getLong(base + 10 * PAGE + 2000)).as("behind the end").isZero();
      for (int page = 11; page < PAGES; page++) {
        requireBeyond(base + (long) page * PAGE);
      }
      object.resize((long) PAGES * PAGE);
      for (int page = 11; page < PAGES; page++) {
        assertThat(view.getLong(base + (long) page * PAGE + 2000)).as("never again").isZero();
      }
      object.sync();
      assertThat(getLong(store.content(), 9 * PAGE + 2000)).isEqualTo(-1);
      assertThat(getLong(store.content(), 10 * PAGE + 2000)).isZero();
    }
  }

  /// Scenario c.
  @Test
  void leavesPrivateCopiesWhenItGetsShorter() {
    try (MemoryObject object = open()) {
      long base = mapPrivate(object);
      assertThat(view.getLong(base + 20 * PAGE))
          .isEqualTo(getLong(pattern(PAGES * PAGE), 20 * PAGE));
      view.putLong(base + 21 * PAGE, 21);

      object.resize(10 * PAGE);

      requireBeyond(base + 20 * PAGE);
      assertThat(view.getLong(base + 21 * PAGE)).isEqualTo(21);
      assertThat(view.getLong(base + 9 * PAGE)).isEqualTo(getLong(pattern(PAGES * PAGE), 9 * PAGE));
    }
  }

  /// Scenario s.
  @Test
  void neverShowsStaleBytesWhileItGetsShorter() throws Exception {
    AtomicBoolean stopped = new AtomicBoolean();
    AtomicLong seen = new AtomicLong();
    try (MemoryObject object = open();
        ExecutorService executor = Executors.newFixedThreadPool(2)) {
      long base = mapShared(object);
      int end = 8 * PAGE + 512;
      object.resize(end);
      Future<?> reader =
          executor.submit(() -> {
            try (View its = space.view()) {
              while (!stopped.get()) {
                requireZeroOrBeyond(its, base + end, seen);
                requireZeroOrBeyond(its, base + 9 * PAGE, seen);
                requireZeroOrBeyond(its, base + 12 * PAGE + 8, seen);
              }
            }
          });
      for (int round = 0; round < 60 || (seen.get() < 100 && round < 20_000); round++) {
        object.resize(13 * PAGE);
        assertThat(view.getLong(base + 12 * PAGE + 8)).as("round %d", round).isZero();
        object.resize(end);
      }
      stopped.set(true);
      reader.get(60, TimeUnit.SECONDS);
      assertThat(seen.get()).isPositive();
    }
  }

  private static void requireZeroOrBeyond(View its, long address, AtomicLong seen) {
    try {
      long value = its.getLong(address);
      if (value != 0) {
        throw new AssertionError("stale bytes: 0x%x".formatted(value));
      }
      seen.incrementAndGet();
    } catch (AccessViolationException beyond) {
      assertThat(beyond).hasMessageContaining("beyond the end");
    }
  }

  // ---- private mappings and forks

  @Test
  void isNotChangedByStoresIntoAPrivateMapping() {
    byte[] before = store.content();
    try (MemoryObject object = open()) {
      long base = mapPrivate(object);
      long shared = mapShared(object);
      for (int page = 0; page < PAGES; page++) {
        view.putLong(base + (long) page * PAGE, page + 1);
      }
      view.putLong(shared + 8, 99);
      assertThat(view.getLong(base + 8)).as("the page was copied before").isNotEqualTo(99);
      assertThat(view.getLong(shared)).isEqualTo(getLong(before, 0));

      space.sync(base, object.size());
      object.sync();

      putLong(before, 8, 99);
      assertThat(store.content()).isEqualTo(before);
    }
  }

  @Test
  void isNotChangedThroughAPrivateMappingThatIsAllThatIsLeftOfIt() {
    byte[] before = store.content();
    long base;
    try (MemoryObject object = open()) {
      base = mapPrivate(object);
    }
    view.putLong(base, 1);
    view.putLong(base + 2 * PAGE, 3);
    space.fork().close();
    view.putLong(base + 4 * PAGE, 5);
    rig.machine().collapser().collapseNow(rig.insideOf(space));
    assertThat(view.getLong(base)).isEqualTo(1);
    assertThat(view.getLong(base + PAGE)).isEqualTo(getLong(before, PAGE));
    assertThat(view.getLong(base + 4 * PAGE)).isEqualTo(5);
    Machines.requireClean(rig.vm(), "with nothing else left");
    space.unmap(base, (long) PAGES * PAGE);
    assertThat(rig.machine().paged().all()).isEmpty();
    assertThat(store.content()).isEqualTo(before);
  }

  @Test
  void isSharedByAForkAndCopiedWhereItIsPrivate() {
    byte[] before = store.content();
    try (MemoryObject object = open()) {
      long shared = mapShared(object);
      long own = mapPrivate(object);
      view.putLong(own, 1);
      try (AddressSpace child = space.fork();
          View its = child.view()) {
        its.putLong(shared, 2);
        its.putLong(own, 3);
        view.putLong(own + PAGE, 4);

        assertThat(view.getLong(shared)).isEqualTo(2);
        assertThat(view.getLong(own)).isEqualTo(1);
        assertThat(its.getLong(own)).isEqualTo(3);
        assertThat(its.getLong(own + PAGE)).isEqualTo(getLong(before, PAGE));
        try (AddressSpace grandchild = child.fork();
            View theirs = grandchild.view()) {
          theirs.putLong(own + 2 * PAGE, 5);
          assertThat(its.getLong(own + 2 * PAGE)).isEqualTo(getLong(before, 2 * PAGE));
          assertThat(theirs.getLong(own)).isEqualTo(3);
        }
        Machines.requireClean(rig.vm(), "with a fork");
      }
      object.sync();
      assertThat(getLong(store.content(), 0)).isEqualTo(2);
      assertThat(getLong(store.content(), PAGE)).isEqualTo(getLong(before, PAGE));
    }
  }

  @Test
  void keepsItsPagesWhereGenerationsAboveItEnd() {
    byte[] before = store.content();
    try (MemoryObject object = open()) {
      long own = mapPrivate(object);
      AddressSpace last = space;
      for (int n = 0; n < 40; n++) {
        AddressSpace child = last.fork();
        try (View its = child.view()) {
          its.putLong(own + (long) (n % PAGES) * PAGE, n + 1);
        }
        if (last != space) {
          last.close();
        }
        last = child;
      }
      try (View its = last.view()) {
        for (int n = 0; n < PAGES; n++) {
          long expected = n < 40 ? n + 1 : getLong(before, n * PAGE);
          assertThat(its.getLong(own + (long) n * PAGE)).as("page %d", n).isEqualTo(expected);
          assertThat(view.getLong(own + (long) n * PAGE)).isEqualTo(getLong(before, n * PAGE));
        }
      }
      Machines.requireClean(rig.vm(), "generations");
      last.close();
      assertThat(store.content()).isEqualTo(before);
    }
  }

  // ---- failures

  /// Scenario r.
  @Test
  void fromWhichAPageCanNotBeReadCanBeTriedAgainBeneathACopy() {
    try (MemoryObject object = open()) {
      long base = mapPrivate(object);
      view.putLong(base, 1);
      store.failReads(_ -> true);

      assertThatThrownBy(() -> view.getLong(base + PAGE)).isInstanceOf(UncheckedIOException.class);
      assertThatThrownBy(() -> view.putLong(base + PAGE, 2))
          .isInstanceOf(UncheckedIOException.class);
      Machines.requireClean(rig.vm(), "after the errors");

      store.failReads(_ -> false);
      assertThat(view.getLong(base + PAGE)).isEqualTo(getLong(pattern(PAGES * PAGE), PAGE));
      store.failReads(_ -> true);
      assertThatThrownBy(() -> view.getLong(base + 2 * PAGE))
          .isInstanceOf(UncheckedIOException.class);
      space.unmap(base, object.size());
    }
    assertThat(rig.machine().paged().all()).isEmpty();
  }

  @Test
  void saysWhatASyncCouldNotWriteAndWritesItLater() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      for (int page = 0; page < PAGES; page += 2) {
        view.putLong(base + (long) page * PAGE, page + 1);
      }
      long failing = store.writes() + 3;
      store.failWrites(n -> n == failing);

      assertThatThrownBy(() -> space.sync(base, object.size()))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("1 pages are not durable");

      space.sync(base, object.size());
      for (int page = 0; page < PAGES; page += 2) {
        assertThat(getLong(store.content(), page * PAGE)).isEqualTo(page + 1);
      }
    }
  }

  @Test
  void thatCanNotBeWrittenAtItsEndIsFoundByWhoOpensItAgain() {
    MemoryObject object = open();
    long base = mapShared(object);
    view.putLong(base + 3 * PAGE, 33);
    store.failWrites(_ -> true);
    object.close();
    space.unmap(base, (long) PAGES * PAGE);
    assertThat(rig.machine().paged().all()).as("owed").hasSize(1);
    Machines.requireClean(rig.vm(), "owed");

    try (MemoryObject again = open()) {
      assertThatThrownBy(again::sync).isInstanceOf(UncheckedIOException.class);
      store.failWrites(_ -> false);
      long there = mapShared(again);
      assertThat(view.getLong(there + 3 * PAGE)).isEqualTo(33);
      space.unmap(there, (long) PAGES * PAGE);
    }
    assertThat(getLong(store.content(), 3 * PAGE)).isEqualTo(33);
    assertThat(rig.machine().paged().all()).isEmpty();
  }

  @Test
  void ofWhichAnyOneWriteFailsLosesNothing() {
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      int failed = 0;
      for (long number = 1; number <= 12; number++) {
        for (int page = 0; page < PAGES; page += 2) {
          view.putLong(base + (long) page * PAGE, number * 1000 + page);
        }
        long failing = store.writes() + number;
        store.failWrites(n -> n == failing);
        Throwable thrown = catchThrowable(() -> space.sync(base, object.size()));
        failed += thrown == null ? 0 : 1;
        Machines.requireClean(rig.vm(), "write " + number);
        space.sync(base, object.size());
        for (int page = 0; page < PAGES; page += 2) {
          assertThat(getLong(store.content(), page * PAGE)).isEqualTo(number * 1000 + page);
        }
      }
      assertThat(failed).as("syncs that said so").isEqualTo(12);
    }
  }

  @Test
  void ofWhichAnyOneReadFailsCanBeTriedAgain() {
    byte[] expected = store.content();
    try (MemoryObject object = open()) {
      long base = mapShared(object);
      int failed = 0;
      for (long number = 1; number <= 16; number++) {
        space.sync(base, object.size(), SyncMode.WAIT, true);
        long failing = store.reads() + number;
        store.failReads(n -> n == failing);
        for (int page = 0; page < PAGES; page++) {
          long address = base + (long) page * PAGE;
          failed += catchThrowable(() -> view.getLong(address)) == null ? 0 : 1;
          assertThat(view.getLong(address)).isEqualTo(getLong(expected, page * PAGE));
        }
      }
      assertThat(failed).isEqualTo(16);
    }
  }

  // ---- many at once

  @Test
  void hasWhatWasStoredBeforeASyncWhileOthersGoOnStoring() throws Exception {
    AtomicBoolean stopped = new AtomicBoolean();
    AtomicLong[] stored = {new AtomicLong(), new AtomicLong()};
    try (MemoryObject object = open();
        ExecutorService executor = Executors.newFixedThreadPool(2)) {
      long base = mapShared(object);
      Future<?>[] storing = new Future<?>[2];
      for (int t = 0; t < 2; t++) {
        int thread = t;
        storing[t] =
            executor.submit(() -> {
              try (View its = space.view()) {
                for (long n = 1; !stopped.get(); n++) {
                  its.putLong(base + (n % PAGES) * PAGE + 8L * thread, n);
                  stored[thread].set(n);
                }
              }
            });
      }
      for (int round = 0; round < 40 || !haveStored(storing, stored, round); round++) {
        long[] before = {stored[0].get(), stored[1].get()};
        object.sync();
        byte[] content = store.content();
        for (int t = 0; t < 2; t++) {
          requireStored(content, t, before[t], round);
        }
      }
      stopped.set(true);
      for (Future<?> f : storing) {
        f.get(60, TimeUnit.SECONDS);
      }
    }
  }

  /// Whether two threads have both stored into every page some times while others looked.
  private static boolean haveStored(Future<?>[] storing, AtomicLong[] stored, int round) {
    boolean ended = storing[0].isDone() || storing[1].isDone(); // with an error, told by get
    return ended || (stored[0].get() > 20 * PAGES && stored[1].get() > 20 * PAGES && round > 0);
  }

  /// Each of the last rounds' stores, or a later one into the same place.
  private static void requireStored(byte[] content, int thread, long before, int round) {
    for (long n = Math.max(1, before - PAGES + 1); n <= before; n++) {
      long has = getLong(content, (int) (n % PAGES) * PAGE + 8 * thread);
      assertThat(has).as("round %d, store %d", round, n).isGreaterThanOrEqualTo(n);
    }
  }

  @Test
  void isTheSameHoweverOftenItIsOpenedAndClosed() throws Exception {
    int threads = 3;
    int rounds = 150;
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      Future<?>[] users = new Future<?>[threads];
      for (int t = 0; t < threads; t++) {
        long mine = 8L * t;
        users[t] =
            executor.submit(() -> {
              try (View its = space.view()) {
                for (int n = 0; n < rounds; n++) {
                  MemoryObject object = open();
                  long base = mapShared(object);
                  object.close();
                  assertThat(its.getLong(base + 5 * PAGE + mine))
                      .isEqualTo(n == 0 ? getLong(pattern(6 * PAGE), 5 * PAGE + (int) mine) : n);
                  its.putLong(base + 5 * PAGE + mine, n + 1);
                  space.unmap(base, (long) PAGES * PAGE);
                }
              }
            });
      }
      for (Future<?> user : users) {
        user.get(60, TimeUnit.SECONDS);
      }
    }
    assertThat(rig.machine().paged().all()).isEmpty();
    for (int t = 0; t < threads; t++) {
      assertThat(getLong(store.content(), 5 * PAGE + 8 * t)).isEqualTo(rounds);
    }
  }

  @Test
  @SuppressWarnings("try") // closed early, and twice, on purpose
  void refusesSenselessMappings() {
    try (MemoryObject object = open()) {
      for (long offset : new long[] {-PAGE, 1, Long.MIN_VALUE, Long.MAX_VALUE - PAGE + 1}) {
        assertThatThrownBy(() -> space.map(object, offset, PAGE, Protection.READ, Sharing.SHARED))
            .as("offset %d", offset)
            .isInstanceOf(IllegalArgumentException.class);
      }
      for (long length : new long[] {0, -1, Long.MAX_VALUE}) {
        assertThatThrownBy(() -> space.map(object, 0, length, Protection.READ, Sharing.SHARED))
            .isInstanceOf(IllegalArgumentException.class);
      }
      assertThatThrownBy(() -> object.resize(-1)).isInstanceOf(IllegalArgumentException.class);
      long base = mapShared(object);
      assertThatThrownBy(() -> space.mapAt(base, object, 0, PAGE, Protection.READ, Sharing.SHARED))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> space.sync(base, (PAGES + 1L) * PAGE))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("not mapped");
      assertThatThrownBy(() -> space.sync(base, PAGE, SyncMode.START, true))
          .isInstanceOf(IllegalArgumentException.class);
      long beyond = space.map(object, 1L << 40, PAGE, Protection.READ, Sharing.SHARED);
      requireBeyond(beyond);
      object.close();
      object.close();
      assertThatThrownBy(object::sync).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> mapShared(object)).isInstanceOf(IllegalStateException.class);
      assertThat(view.getLong(base)).as("the mapping stays").isEqualTo(getLong(pattern(8), 0));
    }
  }

  @Test
  void underPressureIsWhatAModelSays() {
    long seed = Seeds.fresh();
    Random random = new Random(seed);
    int pageCount = 2500; // in a machine of less than half of that
    TestStore large = newStore(rig, pattern(pageCount * PAGE));
    byte[] model = pattern(pageCount * PAGE);
    try (MemoryObject object = large.open((long) pageCount * PAGE, Protection.READ_WRITE)) {
      long base = mapShared(object);
      long heap = space.map(2 * MEBIBYTE, Protection.READ_WRITE);
      for (int n = 0; n < 20_000; n++) {
        int at = random.nextInt(pageCount) * PAGE + 8 * random.nextInt(PAGE / 8);
        if (random.nextInt(3) == 0) {
          putLong(model, at, n);
          view.putLong(base + at, n);
        } else {
          assertThat(view.getLong(base + at))
              .as("seed %d, step %d", seed, n)
              .isEqualTo(getLong(model, at));
        }
        view.putLong(heap + at % MEBIBYTE, n);
        if (n % 4000 == 3999) {
          Machines.requireClean(rig.vm(), "seed " + seed + ", step " + n);
        }
      }
      assertThat(large.writes()).as("written by the daemon").isPositive();
      object.sync();
      assertThat(Arrays.equals(large.content(), model)).as("seed %d", seed).isTrue();
      space.unmap(base, object.size());
    }
  }
}
