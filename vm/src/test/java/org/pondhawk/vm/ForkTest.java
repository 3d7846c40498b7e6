package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;

@Timeout(60)
@ParameterizedClass(name = "{0}")
@EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class ForkTest {
  private static final int PAGE = 4096;

  private final VirtualMemory vm;

  ForkTest(PageTables tables) {
    vm =
        VirtualMemory.boot(
            VmConfig.builder()
                .physicalMemory(8L << 20)
                .swap(64L << 20)
                .pageTables(tables)
                .poisonFreedFrames(true)
                .build());
  }

  @AfterEach
  void everyInvariantHolds() {
    try (vm) {
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  /// A process: an address space with one mapping and one view.
  private static final class Forked implements AutoCloseable {
    final AddressSpace space;
    final View view;
    final long base;

    Forked(AddressSpace space, long base) {
      this.space = space;
      this.view = space.view();
      this.base = base;
    }

    long get(int page) {
      return view.getLong(base + (long) page * PAGE);
    }

    void put(int page, long value) {
      view.putLong(base + (long) page * PAGE, value);
    }

    Forked fork() {
      return new Forked(space.fork(), base);
    }

    @Override
    public void close() {
      view.close();
      space.close();
    }
  }

  private Forked newProcess(int pages) {
    AddressSpace space = vm.newAddressSpace();
    return new Forked(space, space.map((long) pages * PAGE, Protection.READ_WRITE));
  }

  @Nested
  class AChild {
    @Test
    void readsWhatTheParentHadAtTheFork() {
      try (Forked parent = newProcess(4)) {
        parent.put(0, 11);
        try (Forked child = parent.fork()) {
          parent.put(0, 12);
          parent.put(1, 13);

          assertThat(child.get(0)).isEqualTo(11);
          assertThat(child.get(1)).isZero();
          assertThat(parent.get(0)).isEqualTo(12);
        }
      }
    }

    @Test
    void storesWithoutTheParentSeeingIt() {
      try (Forked parent = newProcess(4)) {
        parent.put(0, 11);
        try (Forked child = parent.fork()) {
          child.put(0, 21);
          child.put(3, 22);

          assertThat(parent.get(0)).isEqualTo(11);
          assertThat(parent.get(3)).isZero();
          assertThat(child.get(0)).isEqualTo(21);
        }
      }
    }

    @Test
    void outlivesItsParent() {
      Forked parent = newProcess(4);
      parent.put(2, 7);
      try (Forked child = parent.fork()) {
        parent.close();

        assertThat(child.get(2)).isEqualTo(7);
        child.put(2, 8);
        assertThat(child.get(2)).isEqualTo(8);
      }
    }

    @Test
    void readsBackFromSwapWhatItSharesWithTheParent() {
      int pages = 3000; // more than there is memory for
      try (Forked parent = newProcess(pages)) {
        for (int p = 0; p < pages; p++) {
          parent.put(p, p + 1L);
        }
        try (Forked child = parent.fork()) {
          for (int p = 0; p < pages; p += 2) {
            parent.put(p, -p);
          }
          for (int p = 0; p < pages; p++) {
            assertThat(child.get(p)).as("page %d of the child", p).isEqualTo(p + 1L);
            assertThat(parent.get(p)).as("page %d", p).isEqualTo(p % 2 == 0 ? -p : p + 1L);
          }
        }
      }
    }

    @Test
    void keepsAMappingThatTheParentUnmapsInPart() {
      try (Forked parent = newProcess(6)) {
        for (int p = 0; p < 6; p++) {
          parent.put(p, p + 1L);
        }
        try (Forked child = parent.fork()) {
          parent.space.unmap(parent.base + 2 * PAGE, 2 * PAGE);

          assertThat(child.get(2)).isEqualTo(3);
          assertThat(parent.get(1)).isEqualTo(2);
          assertThat(parent.get(4)).isEqualTo(5);
          assertThatThrownBy(() -> parent.get(2)).isInstanceOf(AccessViolationException.class);
          child.put(4, 50);
          assertThat(parent.get(4)).isEqualTo(5);
        }
      }
    }
  }

  @Nested
  class Inherited {
    @Test
    void asSharedMemoryBothSeeEachOthersStores() {
      try (Forked parent = newProcess(4)) {
        parent.put(0, 1);
        parent.space.inherit(parent.base, 4 * PAGE, Inheritance.SHARE);
        try (Forked child = parent.fork()) {
          child.put(0, 2);
          parent.put(1, 3);

          assertThat(parent.get(0)).isEqualTo(2);
          assertThat(child.get(1)).isEqualTo(3);
        }
      }
    }

    @Test
    void asNothingTheRangeIsNotMappedInTheChild() {
      try (Forked parent = newProcess(4)) {
        parent.put(0, 1);
        parent.put(1, 2);
        parent.space.inherit(parent.base, PAGE, Inheritance.NONE);
        try (Forked child = parent.fork()) {
          assertThatThrownBy(() -> child.get(0)).isInstanceOf(AccessViolationException.class);
          assertThat(child.get(1)).isEqualTo(2);
          assertThat(parent.get(0)).isEqualTo(1);
        }
      }
    }

    @Test
    void asSharedAfterACopyTheCopyIsShared() {
      try (Forked parent = newProcess(2)) {
        parent.put(0, 1);
        try (Forked first = parent.fork()) {
          parent.space.inherit(parent.base, 2 * PAGE, Inheritance.SHARE);
          try (Forked second = parent.fork()) {
            second.put(0, 5);

            assertThat(parent.get(0)).isEqualTo(5);
            assertThat(first.get(0)).isEqualTo(1);
          }
        }
      }
    }
  }

  @Nested
  class Generations {
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void thatExitInAnyOrderLeaveNothingBehind(long seed) {
      int pages = 32;
      Random random = new Random(seed);
      long[] model = new long[pages];
      Forked last = newProcess(pages);
      ArrayDeque<Forked> older = new ArrayDeque<>();
      for (int generation = 0; generation < 700; generation++) {
        for (int i = 0; i < 6; i++) {
          int p = random.nextInt(pages);
          model[p] = random.nextLong();
          last.put(p, model[p]);
        }
        older.add(last);
        last = last.fork();
        while (older.size() > random.nextInt(5)) {
          (random.nextBoolean() ? older.removeFirst() : older.removeLast()).close();
        }
        int p = random.nextInt(pages);
        assertThat(last.get(p)).as("seed %d, generation %d", seed, generation).isEqualTo(model[p]);
      }
      older.forEach(Forked::close);
      for (int p = 0; p < pages; p++) {
        assertThat(last.get(p)).as("seed %d, page %d", seed, p).isEqualTo(model[p]);
      }
      last.close();
      assertThat(vm.statistics().swapUsedPages()).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 5, 6})
    void keepTheirBytesApartUnderMemoryPressure(long seed) {
      int pages = 500;
      Random random = new Random(seed);
      List<Forked> live = new ArrayList<>(List.of(newProcess(pages)));
      List<long[]> models = new ArrayList<>(List.of(new long[pages]));
      for (int op = 0; op < 60_000; op++) {
        int i = random.nextInt(live.size());
        int kind = random.nextInt(1000);
        if (kind < 5 && live.size() < 10) {
          live.add(live.get(i).fork());
          models.add(models.get(i).clone());
        } else if (kind < 9 && live.size() > 1) {
          live.remove(i).close();
          models.remove(i);
        } else {
          int p = random.nextInt(pages);
          if (random.nextBoolean()) {
            models.get(i)[p] = random.nextLong();
            live.get(i).put(p, models.get(i)[p]);
          }
          assertThat(live.get(i).get(p)).as("seed %d, op %d", seed, op).isEqualTo(models.get(i)[p]);
        }
      }
      live.forEach(Forked::close);
    }
  }

  @Nested
  class AFrozenSpace {
    @Test
    void letsStoresWaitUntilItIsThawed() throws InterruptedException {
      try (Forked process = newProcess(2)) {
        process.put(0, 1);
        process.space.freeze();
        CountDownLatch stored = new CountDownLatch(1);
        Thread writer =
            Thread.ofPlatform()
                .start(() -> {
                  try (View view = process.space.view()) {
                    view.putLong(process.base, 2);
                    stored.countDown();
                  }
                });

        assertThat(stored.await(50, TimeUnit.MILLISECONDS)).isFalse();
        assertThat(process.get(0)).isEqualTo(1);
        process.space.thaw();
        writer.join();
        assertThat(process.get(0)).isEqualTo(2);
      }
    }

    @Test
    void isThawedOnlyAsOftenAsItWasFrozen() {
      try (Forked process = newProcess(1)) {
        assertThatThrownBy(process.space::thaw).isInstanceOf(IllegalStateException.class);
      }
    }

    @Test
    void letsAGroupOfStoresBeInASnapshotAsAWhole() throws InterruptedException {
      assertThat(snapshotsWithAWrongTotal(true)).isEmpty();
    }

    @Test
    void isNeededForThat() throws InterruptedException {
      assertThat(snapshotsWithAWrongTotal(false)).isNotEmpty();
    }

    /// Moves money between accounts while snapshots are taken; returns the totals that are wrong.
    private List<Long> snapshotsWithAWrongTotal(boolean freeze) throws InterruptedException {
      int accounts = 64;
      List<Long> wrong = new ArrayList<>();
      try (Forked bank = newProcess(accounts)) {
        for (int i = 0; i < accounts; i++) {
          bank.put(i, 1000);
        }
        AtomicBoolean stop = new AtomicBoolean();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Object group = new Object();
        Thread[] tellers = new Thread[3];
        Arrays.setAll(
            tellers,
            n ->
                Thread.ofPlatform().start(() -> transfer(bank, accounts, n, stop, group, failure)));
        for (int i = 0; i < (freeze ? 50 : 1000) && wrong.isEmpty(); i++) {
          AddressSpace snapshot;
          if (freeze) {
            synchronized (group) { // no transfer is half done
              bank.space.freeze();
            }
            snapshot = bank.space.fork();
            bank.space.thaw();
          } else {
            snapshot = bank.space.fork();
          }
          long total = 0;
          try (snapshot;
              View view = snapshot.view()) {
            for (int a = 0; a < accounts; a++) {
              total += view.getLong(bank.base + (long) a * PAGE);
            }
          }
          if (total != accounts * 1000L) {
            wrong.add(total);
          }
        }
        stop.set(true);
        for (Thread teller : tellers) {
          teller.join();
        }
        assertThat(failure.get()).isNull();
      }
      return wrong;
    }

    private static void transfer(
        Forked bank,
        int accounts,
        int seed,
        AtomicBoolean stop,
        Object group,
        AtomicReference<@Nullable Throwable> failure) {
      Random random = new Random(seed);
      try (View view = bank.space.view()) {
        while (!stop.get()) {
          long from = bank.base + (long) random.nextInt(accounts) * PAGE;
          long to = bank.base + (long) random.nextInt(accounts) * PAGE;
          synchronized (group) {
            view.putLong(from, view.getLong(from) - 1);
            view.putLong(to, view.getLong(to) + 1);
          }
        }
      } catch (Throwable t) {
        failure.set(t);
      }
    }
  }
}
