package org.pondhawk.testkit;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.LeaseMode;
import org.pondhawk.vm.PageLease;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Seams;

/// Leases of a few pages by many threads, with memory short and forks going on. Every word of a
/// page is the same number, how often the page was leased for writing; while it is leased for that,
/// the words differ.
@Timeout(120)
class LeaseStressTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 6;
  private static final int LONGEST_RUN = 3;
  private static final int THREADS = 4;
  private static final int SPINS = 2_000;
  private static final List<LeaseMode> MODES =
      List.of(LeaseMode.WRITE, LeaseMode.READ, LeaseMode.SNAPSHOT);
  private static final long PRESSURE = 12 * MEBIBYTE;
  private static final long SECONDS = 4;
  private static final long BOUND_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final ExecutorService executor = Executors.newCachedThreadPool();
  private final AtomicBoolean stop = new AtomicBoolean();
  private final Queue<String> problems = new ConcurrentLinkedQueue<>();
  private final AtomicLongArray writes = new AtomicLongArray(PAGES);
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong snapshots = new AtomicLong();
  private final AtomicLong forks = new AtomicLong();

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
  }

  @Test
  void nobodySeesAPageThatIsBeingChanged() throws Exception {
    long seed = Seeds.fresh();
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, 32 * MEBIBYTE).build());
        AddressSpace space = rig.vm().newAddressSpace()) {
      long base = space.map(PAGES * PAGE, Protection.READ_WRITE);
      long other = space.map(PRESSURE, Protection.READ_WRITE);
      List<Future<?>> threads = startLeasing(space, base, seed);
      threads.add(executor.submit(() -> press(space, other)));
      threads.add(executor.submit(() -> fork(space, base)));

      boolean broken = Machines.await(() -> !problems.isEmpty(), TimeUnit.SECONDS.toNanos(SECONDS));
      stop.set(true);
      for (Future<?> thread : threads) {
        thread.get(60, TimeUnit.SECONDS);
      }

      assertThat(broken).as("seed %d: %s", seed, problems).isFalse();
      assertThat(problems).as("seed %d", seed).isEmpty();
      assertThat(reads.get()).isPositive();
      assertThat(snapshots.get()).isPositive();
      assertThat(forks.get()).isPositive();
      assertThat(rig.vm().statistics().pagesOut()).isPositive();
      try (View view = space.view()) {
        for (int page = 0; page < PAGES; page++) {
          assertThat(writes.get(page)).isPositive();
          assertThat(view.getLong(base + (long) page * PAGE)).isEqualTo(writes.get(page));
        }
      }
      Machines.requireClean(rig.vm(), "seed " + seed);
    }
  }

  /// Without memory pressure: what such a machine would do to a frame that is used for something
  /// else could bring down more than the machine.
  @Test
  void somebodyDoesIfLeasesForWritingDoNotTakeThePage() throws Exception {
    requireNoticed(BrokenParts.writersNotBusy());
  }

  @Test
  void somebodyDoesIfStoresGoOnIntoWhatIsSent() throws Exception {
    requireNoticed(BrokenParts.rightsKept());
  }

  private void requireNoticed(Seams broken) throws Exception {
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, 32 * MEBIBYTE).build(), broken);
        AddressSpace space = rig.vm().newAddressSpace()) {
      long base = space.map(PAGES * PAGE, Protection.READ_WRITE);
      List<Future<?>> threads = startLeasing(space, base, 1);

      boolean found = Machines.await(() -> !problems.isEmpty(), BOUND_NANOS);
      stop.set(true);
      for (Future<?> thread : threads) {
        thread.get(60, TimeUnit.SECONDS);
      }

      assertThat(found).isTrue();
    }
  }

  private List<Future<?>> startLeasing(AddressSpace space, long base, long seed) {
    List<Future<?>> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Random random = new Random(seed + i);
      threads.add(
          executor.submit(() -> {
            try (View view = space.view()) {
              while (!stop.get()) {
                lease(view, base, random);
              }
            }
          }));
    }
    return threads;
  }

  private void lease(View view, long base, Random random) {
    int first = random.nextInt(PAGES);
    int count = 1 + random.nextInt(Math.min(LONGEST_RUN, PAGES - first));
    LeaseMode mode = MODES.get(random.nextInt(MODES.size()));
    try (PageLease lease = view.lease(base + (long) first * PAGE, (long) count * PAGE, mode)) {
      for (int i = 0; i < count; i++) {
        MemorySegment page = lease.segments().get(i);
        if (mode == LeaseMode.WRITE) {
          writes.incrementAndGet(first + i);
          change(page, first + i);
        } else {
          compare("leased", page, first + i);
        }
      }
      if (mode == LeaseMode.SNAPSHOT) {
        compareAgain(lease, first, count);
      }
    }
    reads.addAndGet(mode == LeaseMode.READ ? 1 : 0);
    snapshots.addAndGet(mode == LeaseMode.SNAPSHOT ? 1 : 0);
  }

  /// A snapshot is still what it was, after others had time to lease its pages for writing.
  private void compareAgain(PageLease lease, int first, int count) {
    long[] before = new long[count];
    for (int i = 0; i < count; i++) {
      before[i] = lease.segments().get(i).get(JAVA_LONG_UNALIGNED, 0);
    }
    for (int spins = 0; spins < SPINS; spins++) {
      Thread.onSpinWait();
    }
    for (int i = 0; i < count; i++) {
      MemorySegment page = lease.segments().get(i);
      compare("of a snapshot", page, first + i);
      if (page.get(JAVA_LONG_UNALIGNED, 0) != before[i]) {
        problems.add("page %d of a snapshot was %d".formatted(first + i, before[i]));
      }
    }
  }

  private void change(MemorySegment page, int number) {
    long value = page.get(JAVA_LONG_UNALIGNED, PAGE - 8) + 1;
    compare("leased for writing", page, number);
    for (long at = 0; at < PAGE; at += 8) {
      page.set(JAVA_LONG_UNALIGNED, at, value);
    }
  }

  private void compare(String how, MemorySegment page, int number) {
    long value = page.get(JAVA_LONG_UNALIGNED, 0);
    for (long at = 8; at < PAGE; at += 8) {
      if (page.get(JAVA_LONG_UNALIGNED, at) != value) {
        problems.add(
            "page %d, %s: %d, but at %d it is %d"
                .formatted(number, how, value, at, page.get(JAVA_LONG_UNALIGNED, at)));
        return;
      }
    }
  }

  private void press(AddressSpace space, long base) {
    try (View view = space.view()) {
      for (long lap = 1; !stop.get(); lap++) {
        for (long at = base; at < base + PRESSURE && !stop.get(); at += PAGE) {
          view.putLong(at, lap);
        }
      }
    }
  }

  private void fork(AddressSpace space, long base) {
    byte[] bytes = new byte[PAGE];
    while (!stop.get()) {
      try (AddressSpace child = space.fork();
          View view = child.view()) {
        for (int page = 0; page < PAGES; page++) {
          view.copyTo(base + (long) page * PAGE, bytes, 0, PAGE);
          MemorySegment copy = MemorySegment.ofArray(bytes);
          compare("of a fork", copy, page);
        }
      }
      forks.incrementAndGet();
    }
  }
}
