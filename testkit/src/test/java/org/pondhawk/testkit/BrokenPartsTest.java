package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.pondhawk.testkit.Machines.MEBIBYTE;
import static org.pondhawk.testkit.Machines.await;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Guard;

/// Runs each scenario twice: on a machine as it should be, where nothing may be found, and on one
/// with a broken part, where something must be.
@Timeout(60)
class BrokenPartsTest {
  private static final int PAGE = 4096;
  private static final long SWAP = 32 * MEBIBYTE;
  private static final long PRESSURE = 12 * MEBIBYTE;
  private static final int ROUNDS = 50;
  private static final long ROUND_NANOS = 500_000_000L;
  private static final long GRACE_FOR_THE_BROKEN_NANOS = 300_000_000L;

  private final ExecutorService executor = Executors.newCachedThreadPool();

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
  }

  @Nested
  class AStoreThatIsUnderWayWhileItsPageIsReclaimed {
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void isNeitherLostNorLandsElsewhere(boolean membarrier) throws Exception {
      assertThat(problems(Seams.SOUND, membarrier)).isEmpty();
    }

    @Test
    void isLostOrLandsElsewhereWithoutGracePeriods() throws Exception {
      assertThat(problems(BrokenParts.noGracePeriod(), true)).isNotEmpty();
    }

    @Test
    void isLostIfItsPageIsWrittenTooEarly() throws Exception {
      assertThat(problems(BrokenParts.writtenTooEarly(), true)).isNotEmpty();
    }

    /// A store in slow motion: it reads an entry, then the page is reclaimed if the machine lets
    /// it, then it stores. Which page that is the daemon decides: the first one that it unmaps.
    private List<String> problems(Seams seams, boolean membarrier) throws Exception {
      List<String> problems = new ArrayList<>();
      AtomicBoolean stop = new AtomicBoolean();
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).membarrier(membarrier).build(), seams)) {
        AddressSpace space = rig.vm().newAddressSpace();
        Space inside = rig.insideOf(space);
        long base = space.map(PRESSURE, Protection.READ_WRITE);
        try (View view = space.view()) {
          // Once through, so that no frame becomes an index node later: a foreign store there could
          // bring down more than this machine.
          store(view, base, 0);
          Guard guard = rig.machine().grace().register();
          long stored = -1;
          Future<List<String>> pressure = executor.submit(() -> press(space, base, stop));

          for (int round = 0; round < ROUNDS && stored < 0; round++) {
            guard.enter();
            Map<Long, Long> entries = storeHits(inside, base);
            if (await(() -> unmapped(inside, entries) >= 0, ROUND_NANOS)) {
              stored = unmapped(inside, entries);
              long frame = Pte.frame(Objects.requireNonNull(entries.get(stored)));
              if (isTakenAway(rig.machine(), inside, stored, frame)) {
                problems.add("the frame was used anew with a store under way");
              }
              RawMemory.putLong(frame + Long.BYTES, 42);
            } // else the daemon waits for this guard with pages that were not looked at
            guard.leave();
          }

          stop.set(true);
          rig.machine().grace().unregister(guard);
          problems.addAll(pressure.get(30, TimeUnit.SECONDS));
          assertThat(stored).as("the page that was reclaimed").isNotNegative();
          for (long at = base; at < base + PRESSURE; at += PAGE) {
            if (view.getLong(at + Long.BYTES) != (at == stored ? 42 : 0)) {
              problems.add("0x%x: %d".formatted(at, view.getLong(at + Long.BYTES)));
            }
          }
        } catch (ExecutionException | MachineHaltedException halted) {
          problems.add(halted.toString());
        }
        problems.addAll(rig.vm().check().problems());
      }
      return problems;
    }

    /// The entries that allow a store at this moment, by address. A thread that read one before the
    /// daemon took its accessed bit may still be about to store.
    private static Map<Long, Long> storeHits(Space inside, long base) {
      Map<Long, Long> hits = new TreeMap<>();
      for (long at = base; at < base + PRESSURE; at += PAGE) {
        long entry = inside.pmap().entry(at);
        if (Pte.isWritable(entry)) {
          hits.put(at, entry);
        }
      }
      return hits;
    }

    /// The first address whose entry is gone, or -1.
    private static long unmapped(Space inside, Map<Long, Long> entries) {
      for (long at : entries.keySet()) {
        if (!Pte.isValid(inside.pmap().entry(at))) {
          return at;
        }
      }
      return -1;
    }

    /// Gives the machine time to use the frame of an address for something else, if it dares.
    private static boolean isTakenAway(Machine machine, Space inside, long address, long frame) {
      PageArray pages = machine.page().pages();
      int page = pages.frames().frameOf(frame);
      MapEntry entry = Objects.requireNonNull(inside.map().find(address));
      int object = entry.head().object().slot();
      long pindex = entry.head().pindex(address, pages.frames().pageShift());
      return await(
          () -> pages.object(page) != object || pages.pindex(page) != pindex,
          GRACE_FOR_THE_BROKEN_NANOS);
    }

    private static void store(View view, long base, long lap) {
      for (long at = base; at < base + PRESSURE; at += PAGE) {
        view.putLong(at, at + lap);
      }
    }

    /// Stores into more pages than there are frames until it is told to stop, and reads them back.
    private static List<String> press(AddressSpace space, long base, AtomicBoolean stop) {
      List<String> problems = new ArrayList<>();
      try (View view = space.view()) {
        long lap = 0;
        do {
          lap++;
          store(view, base, lap);
        } while (!stop.get());
        for (long at = base; at < base + PRESSURE; at += PAGE) {
          long value = view.getLong(at);
          if (value != at + lap) {
            problems.add("0x%x should be 0x%x and is 0x%x".formatted(at, at + lap, value));
          }
        }
      }
      return problems;
    }
  }

  @Nested
  class AStoreThatIsUnderWayAtAFork {
    @Test
    void isInTheSnapshotFromTheStart() throws Exception {
      assertThat(changes(Seams.SOUND)).isFalse();
    }

    @Test
    void changesTheSnapshotIfForkDoesNotWait() throws Exception {
      assertThat(changes(BrokenParts.forkDoesNotWait())).isTrue();
    }

    /// A store in slow motion: it reads an entry, then the space is forked if the machine lets that
    /// happen, then it stores.
    ///
    /// @return whether the child sees another value after the store than before
    private boolean changes(Seams seams) throws Exception {
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), seams);
          AddressSpace space = rig.vm().newAddressSpace();
          View view = space.view()) {
        long address = space.map(PAGE, Protection.READ_WRITE);
        view.putLong(address, 1);
        Guard guard = rig.machine().grace().register();
        guard.enter();
        long entry = rig.insideOf(space).pmap().entry(address);
        Future<AddressSpace> forking = executor.submit(space::fork);
        boolean early = await(forking::isDone, GRACE_FOR_THE_BROKEN_NANOS);
        long before = early ? first(forking.get(), address) : 2;
        RawMemory.putLong(Pte.frame(entry), 2);
        guard.leave();
        rig.machine().grace().unregister(guard);
        try (AddressSpace child = forking.get(30, TimeUnit.SECONDS)) {
          return first(child, address) != before;
        }
      }
    }

    private static long first(AddressSpace space, long address) {
      try (View view = space.view()) {
        return view.getLong(address);
      }
    }
  }

  @Nested
  class AModifiedPage {
    @Test
    void isWrittenBeforeItsFrameIsReused() {
      assertThat(wrongPages(Seams.SOUND)).isEmpty();
    }

    @Test
    void isDroppedWhenItsModifiedBitIsLost() {
      assertThat(wrongPages(BrokenParts.oneModifiedBitLost())).hasSize(1);
    }

    /// Stores, lets the pages go to swap, loads them and stores again through the same mapping.
    private List<Long> wrongPages(Seams seams) {
      List<Long> wrong = new ArrayList<>();
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), seams);
          AddressSpace space = rig.vm().newAddressSpace();
          View view = space.view()) {
        long base = space.map(PRESSURE, Protection.READ_WRITE);
        for (long at = base; at < base + PRESSURE; at += PAGE) {
          view.putLong(at, at);
        }
        for (long at = base; at < base + PRESSURE; at += PAGE) {
          view.putLong(at, view.getLong(at) + 1);
        }
        for (long at = base; at < base + PRESSURE; at += PAGE) {
          if (view.getLong(at) != at + 1) {
            wrong.add(at);
          }
        }
      }
      return wrong;
    }

    @Test
    void isMissedByTheContentOracleOnceItsModifiedBitIsLost() {
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), BrokenParts.oneModifiedBitLost());
          AddressSpace space = rig.vm().newAddressSpace();
          View view = space.view()) {
        long base = space.map(PRESSURE, Protection.READ_WRITE);
        for (long at = base; at < base + PRESSURE; at += PAGE) {
          view.putLong(at, at);
        }
        List<String> found = new ArrayList<>();
        for (long at = base; at < base + PRESSURE && found.isEmpty(); at += PAGE) {
          view.putLong(at, view.getLong(at) + 1);
          if (at % (16 * PAGE) == 0) {
            found.addAll(rig.vm().check().problems());
          }
        }
        assertThat(found).anyMatch(problem -> problem.contains("clean, but not what swap holds"));
      }
    }
  }

  @Nested
  class APageThatSomebodyHasBusy {
    @Test
    void isWaitedForBeforeItIsFreed() throws Exception {
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build())) {
        unmapBeneathATransfer(rig);

        Machines.requireClean(rig.vm(), rig);
      }
    }

    @Test
    void cannotBeFreedUnnoticed() throws Exception {
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), BrokenParts.busyPagesTaken())) {
        Throwable noticed = unmapBeneathATransfer(rig);

        assertThat(noticed)
            .isInstanceOf(VmPanic.class)
            .hasMessageContaining("others have busy")
            .hasMessageContaining("busy L-- n=1");
        assertThat(rig.machine().haltSwitch().isHalted()).isTrue();
        assertThat(rig.vm().check().isClean()).isFalse();
        assertThat(catchThrowable(rig.vm()::newAddressSpace))
            .isInstanceOf(MachineHaltedException.class)
            .hasCause(noticed);
      }
    }

    /// Unmaps a page that is soft-busy, as during a write to swap, and ends the transfer later.
    ///
    /// @return what unmapping threw, or null
    private @Nullable Throwable unmapBeneathATransfer(Rig rig) throws Exception {
      AddressSpace space = rig.vm().newAddressSpace();
      Space inside = rig.insideOf(space);
      long address = space.map(PAGE, Protection.READ_WRITE);
      try (View view = space.view()) {
        view.putLong(address, 1);
      }
      int page =
          rig.machine().page().pages().frames().frameOf(Pte.frame(inside.pmap().entry(address)));
      var busy = rig.machine().page().busy();
      assertThat(busy.trySoftBusy(page)).isTrue();

      Future<?> unmapping = executor.submit(() -> space.unmap(address, PAGE));

      boolean waits =
          await(() -> busy.describe(page).contains("W") || unmapping.isDone(), 10_000_000_000L);
      assertThat(waits).isTrue();
      if (!unmapping.isDone()) {
        busy.dropSoftBusy(page);
      }
      try {
        unmapping.get(30, TimeUnit.SECONDS);
        return null;
      } catch (ExecutionException e) {
        return e.getCause();
      }
    }
  }

  @Nested
  class AThreadThatWaitsForAPage {
    private static final long MUCH_LESS_THAN_A_SLICE_NANOS = 600_000_000L;

    @Test
    void isWokenByTheRelease() throws Exception {
      assertThat(nanosFromReleaseToEnd(Seams.SOUND)).isLessThan(MUCH_LESS_THAN_A_SLICE_NANOS);
    }

    @Test
    void sleepsOnWhenWakeupsAreLost() throws Exception {
      assertThat(nanosFromReleaseToEnd(BrokenParts.noWakeup()))
          .isGreaterThan(MUCH_LESS_THAN_A_SLICE_NANOS);
    }

    /// A fault on a page that is hard-busy, until shortly after it is asleep.
    private long nanosFromReleaseToEnd(Seams seams) throws Exception {
      try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), seams)) {
        AddressSpace space = rig.vm().newAddressSpace();
        Space inside = rig.insideOf(space);
        long address = space.map(PAGE, Protection.READ_WRITE);
        try (View view = space.view()) {
          view.getLong(address); // mapped, not modified
        }
        Machine machine = rig.machine();
        int page = machine.page().pages().frames().frameOf(Pte.frame(inside.pmap().entry(address)));
        var busy = machine.page().busy();
        assertThat(busy.tryHardBusy(page)).isTrue();
        machine.mappings().removeAll(page);
        Future<Long> waiter =
            executor.submit(() -> {
              try (View view = space.view()) {
                return view.getLong(address);
              }
            });
        assertThat(await(() -> busy.describe(page).contains("W"), 10_000_000_000L)).isTrue();

        long from = System.nanoTime();
        busy.unbusy(page);

        assertThat(waiter.get(30, TimeUnit.SECONDS)).isZero();
        return System.nanoTime() - from;
      }
    }
  }
}
