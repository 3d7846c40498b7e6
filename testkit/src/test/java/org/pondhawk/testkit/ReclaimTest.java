package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;

/// Pages are reclaimed at a rate that does not depend on how long a grace period takes.
@Timeout(120)
class ReclaimTest {
  private static final int PAGE = 4096;
  private static final long SWAP = 128 * MEBIBYTE;
  private static final long SWEPT = 32 * MEBIBYTE;

  /// Every other page, so that no page has a neighbour to be written with.
  private static final long STRIDE = 2 * PAGE;

  private static final int PAGES = 200;
  private static final long SLOW_NANOS = 60_000_000L;
  private static final int STORING_THREADS = 4 * Runtime.getRuntime().availableProcessors();
  private static final long HOT_BYTES = MEBIBYTE;

  private final ExecutorService executor = Executors.newCachedThreadPool();
  private volatile boolean stopped;

  @AfterEach
  void endThreads() {
    stopped = true;
    executor.shutdownNow();
  }

  /// Grace periods as they are where more threads store than there are processors, and how many
  /// pages may wait for them.
  private static Seams slowGrace(int pagesInFlight) {
    return new Seams() {
      @Override
      public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
        return new SlowGrace(asymmetric, ticker, patienceNanos, halt);
      }

      @Override
      public int pagesInFlight(int frameCount) {
        return pagesInFlight > 0 ? pagesInFlight : Seams.super.pagesInFlight(frameCount);
      }
    };
  }

  private static final class SlowGrace extends Grace {
    private final Map<Integer, Long> began = new ConcurrentHashMap<>();

    SlowGrace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
      super(asymmetric, ticker, patienceNanos, halt);
    }

    @Override
    public int begin() {
      int ticket = super.begin();
      began.put(ticket, System.nanoTime());
      return ticket;
    }

    @Override
    public boolean isOver(int ticket) {
      Long from = began.get(ticket);
      return super.isOver(ticket) && (from == null || System.nanoTime() - from >= SLOW_NANOS);
    }
  }

  @Test
  void goesOnWhileGracePeriodsLast() {
    long nanos = nanosFor(slowGrace(0), PAGES, Long.MAX_VALUE);

    assertThat(nanos)
        .as("for %d pages, one after the other they take %d", PAGES, PAGES * SLOW_NANOS)
        .isLessThan(PAGES * SLOW_NANOS / 2);
  }

  @Test
  void waitsForEachPageWhenOnlyOneMayBeOnItsWay() {
    assertThat(nanosFor(slowGrace(1), PAGES, PAGES * SLOW_NANOS / 2)).isEqualTo(Long.MAX_VALUE);
  }

  /// Needs pages faster than they are there, and says how long that took once memory was full.
  ///
  /// @return [Long#MAX_VALUE] if it was given up
  private static long nanosFor(Seams seams, int pageCount, long giveUpNanos) {
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build(), seams);
        AddressSpace space = rig.vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(SWEPT, Protection.READ_WRITE);
      long at = 0;
      while (rig.vm().statistics().daemonFreed() == 0) {
        view.putLong(base + at, at);
        at += STRIDE;
      }
      long from = System.nanoTime();
      int done = 0;
      for (; done < pageCount && System.nanoTime() - from < giveUpNanos; done++) {
        view.putLong(base + at, at);
        at += STRIDE;
      }
      long taken = System.nanoTime() - from;
      Machines.requireClean(rig.vm(), rig);
      if (done < pageCount) {
        return Long.MAX_VALUE;
      }
      for (long seen = 0; seen < at; seen += STRIDE) {
        assertThat(view.getLong(base + seen)).isEqualTo(seen);
      }
      return taken;
    }
  }

  @Test
  void servesAThreadThatNeedsPagesWhileManyStoreInLoops() throws Exception {
    try (Rig rig = Rig.boot(Machines.tiny(PAGE, SWAP).build());
        AddressSpace space = rig.vm().newAddressSpace()) {
      List<Future<?>> storing = storeInLoops(space);
      Future<Long> needing = executor.submit(() -> need(space, 4 * PAGES));

      assertThat(needing.get(60, TimeUnit.SECONDS)).isEqualTo(4L * PAGES);

      stopped = true;
      for (Future<?> one : storing) {
        one.get(30, TimeUnit.SECONDS);
      }
      Machines.requireClean(rig.vm(), rig);
    }
  }

  private List<Future<?>> storeInLoops(AddressSpace space) throws InterruptedException {
    long hot = space.map(HOT_BYTES, Protection.READ_WRITE);
    List<Future<?>> storing = new ArrayList<>();
    CountDownLatch started = new CountDownLatch(STORING_THREADS);
    for (int n = 0; n < STORING_THREADS; n++) {
      long first = n;
      storing.add(
          executor.submit(() -> {
            try (View view = space.view()) {
              started.countDown();
              for (long i = first; !stopped; i += 4097) {
                view.putLong(hot + ((i * Long.BYTES) & (HOT_BYTES - 1)), i);
              }
            }
          }));
    }
    started.await();
    return storing;
  }

  private static long need(AddressSpace space, long pageCount) {
    long base = space.map(SWEPT, Protection.READ_WRITE);
    long right = 0;
    try (View view = space.view()) {
      for (long n = 0; n < pageCount; n++) {
        view.putLong(base + n * PAGE, n);
      }
      for (long n = 0; n < pageCount; n++) {
        right += view.getLong(base + n * PAGE) == n ? 1 : 0;
      }
    }
    return right;
  }
}
