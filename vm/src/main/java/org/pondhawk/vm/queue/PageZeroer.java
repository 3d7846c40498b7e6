package org.pondhawk.vm.queue;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.SpinLock;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Zeroes the frames of free pages before they are asked for (the reference's idle zeroing,
/// `vm_page_zero_idle`).
///
/// **Contract.** One thread runs it until [#stop], if it is wanted at all. It never waits for
/// memory and holds one busy page, which no allocation waits for. A zeroer that dies halts the
/// machine.
public final class PageZeroer implements Runnable {
  /*
   * A round goes over the colours once: a free queue of whose used frames less than two thirds are
   * zeroed is worked up to four fifths. The rest stays as it is for who needs no zeros, and frames that
   * were never touched take no memory until they must. While memory is short there is no round, since
   * free pages are used at once then. A round that did nothing ends in a sleep, and a page that is freed
   * ends that; then comes a rest, so that whoever frees many pages is not slowed down over each.
   *
   * The kernel has no way to tell a thread that nobody else wants its processor. After every few
   * pages the processor is given up, and a batch that took far too long says that somebody took it:
   * then the zeroer rests, twice as long each time.
   */
  private static final int PAGES_PER_YIELD = 16;
  private static final long SLOW_BATCH_NANOS = 200_000;
  private static final long SHORTEST_REST_NANOS = 5_000_000;
  private static final long LONGEST_REST_NANOS = 320_000_000;
  private static final long IDLE_NANOS = 10_000_000_000L;
  private static final int COLOR_STEP = 23;

  private final PageArray pages;
  private final PageBusy busy;
  private final PageQueues queues;
  private final VmStats stats;
  private final Pressure pressure;
  private final HaltSwitch halt;
  private final Ticker ticker;
  private final VmThread self;
  private final PageQueues.Visitor claimsOld;
  private final WaitChannel freed = new WaitChannel("pages to zero");
  private final WaitChannel rest = new WaitChannel("rest of the zeroer");
  private final ReentrantLock working = new ReentrantLock();
  private volatile boolean asleep;
  private volatile boolean stopped;
  private long restNanos = SHORTEST_REST_NANOS;
  private int color;

  /// Makes the zeroer of a machine.
  ///
  /// @param self its own record
  public PageZeroer(
      PageArray pages,
      PageBusy busy,
      PageQueues queues,
      VmStats stats,
      Pressure pressure,
      HaltSwitch halt,
      Ticker ticker,
      VmThread self) {
    this.pages = pages;
    this.busy = busy;
    this.queues = queues;
    this.stats = stats;
    this.pressure = pressure;
    this.halt = halt;
    this.ticker = ticker;
    this.self = self;
    this.claimsOld = page -> !pages.hasFlag(page, PageFlags.ZERO) && busy.tryHardBusy(page);
  }

  @Override
  public void run() {
    try {
      while (!stopped && !halt.isHalted()) {
        int ticket = freed.ticket();
        if (round()) {
          continue;
        }
        asleep = true; // a page freed just before this is found when the next one is freed
        self.sleep(freed, ticket, IDLE_NANOS);
        asleep = false;
        rest(SHORTEST_REST_NANOS);
      }
    } catch (Throwable t) {
      halt.halt(t);
      if (t instanceof Error error && !(t instanceof AssertionError)) {
        throw error;
      }
    }
  }

  /// Lets the zeroer end; a batch under way is finished.
  public void stop() {
    stopped = true;
    freed.wakeAll();
    rest.wakeAll();
  }

  /// Keeps the zeroer from working, waiting for a batch under way, until [#resume]: for inspection.
  public void pause() {
    working.lock();
  }

  /// Lets the zeroer work again; called by the thread that paused it.
  public void resume() {
    working.unlock();
  }

  /// Notes that a page was freed. Called without spin locks; costs one load while the zeroer is
  /// awake or not wanted.
  void pageFreed() {
    if (asleep) {
      asleep = false;
      freed.wakeAll();
    }
  }

  /// Goes over all colours once.
  ///
  /// @return whether anything was zeroed
  public boolean round() {
    boolean any = false;
    int batch = 0;
    long from = ticker.nanos();
    for (int i = 0; i < PageQueue.COLORS && !stopped; i++) {
      color = (color + COLOR_STEP) & (PageQueue.COLORS - 1);
      int done = zeroColor(color);
      batch += done;
      any |= done > 0;
      if (batch >= PAGES_PER_YIELD) {
        batch = 0;
        giveWay(from);
        from = ticker.nanos();
      }
    }
    return any;
  }

  private void giveWay(long from) {
    SpinLock.giveWay();
    if (ticker.nanos() - from < SLOW_BATCH_NANOS) {
      restNanos = SHORTEST_REST_NANOS;
    } else {
      rest(restNanos);
      restNanos = Math.min(2 * restNanos, LONGEST_REST_NANOS);
    }
  }

  private void rest(long nanos) {
    int ticket = rest.ticket();
    if (!stopped) {
      self.sleep(rest, ticket, nanos);
    }
  }

  /// Zeroes frames of one colour, if too few are.
  ///
  /// @return how many
  private int zeroColor(int wanted) {
    int queue = PageQueue.FREE.index(wanted);
    // Hints, all of them: a page too many or too few is zeroed.
    if (3 * queues.zeroed(queue) >= 2 * used(queue) || pressure.start(self.stripe())) {
      return 0;
    }
    int done = 0;
    working.lock();
    try {
      while (5 * queues.zeroed(queue) < 4 * used(queue)
          && done < PAGES_PER_YIELD
          && zeroOne(queue)) {
        done++;
      }
    } finally {
      working.unlock();
    }
    stats.count(self.stripe(), Event.ZEROED_AHEAD, done);
    return done;
  }

  private int used(int queue) {
    return queues.length(queue) - queues.untouched(queue);
  }

  private boolean zeroOne(int queue) {
    int page = queues.take(self.stripe(), queue, false, claimsOld);
    if (page == PageArray.NONE) {
      return false;
    }
    pages.frames().zero(page);
    pages.setFlags(page, PageFlags.ZERO);
    queues.add(self.stripe(), page, PageQueue.FREE, false);
    busy.unbusy(page);
    return true;
  }
}
