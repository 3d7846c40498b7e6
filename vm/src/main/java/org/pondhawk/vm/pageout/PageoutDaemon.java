package org.pondhawk.vm.pageout;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.map.LowMemoryKill;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;

/// The pageout daemon: keeps pages free by taking them from who does not use them
/// (`vm_pageout_thread`).
///
/// **Contract.** One thread runs it until [#stop]. It never waits for memory, a map, or a page that
/// somebody else has busy. A daemon that dies halts the machine.
public final class PageoutDaemon implements Runnable {
  /*
   * A pass: inactive scan → active scan → cache scan → decide. The counts are rolled up before each.
   *
   * The state is what it aims at: TARGET1 when asked anew, TARGET2 while it runs on by itself. A pass that
   * did not get enough raises `sweeps`: active pages age faster then, and every ten of them the scans get
   * less patient with dirty pages too. When twenty in a row cleaned nothing and swap is full, whoever waits
   * for memory is refused, or the largest space is condemned first where that is switched on. No pass waits for a grace period: what is in the laundry counts as reclaimed.
   *
   * Differs from DragonFly: see [ActiveScan] and [FreeGate].
   */
  private static final long IDLE_NANOS = 100_000_000L;
  private static final long SWAP_FULL_NANOS = 50_000_000L;
  private static final int SWEEPS_PER_LAP = 10;
  private static final int HOPELESS = 20;
  private static final int MAX_SWEEPS = 1 << 30;
  private static final long CACHE_LEFT = 16;
  private static final int COLORS_PER_POLL = 32;
  private static final long MIN_POLL_NANOS = 25_000;
  private static final long MAX_POLL_NANOS = 1_000_000;
  private static final int BATCH = 256;
  private static final int MAX_HASTE = 4;

  private final PageoutParts parts;
  private final FreeGate gate;
  private final Pressure pressure;
  private final VmStats stats;
  private final HaltSwitch halt;
  private final VmThread self;
  private final LowMemoryKill lowMemory;
  private final Laundry laundry;
  private final InactiveScan inactive;
  private final ActiveScan active;
  private final ReentrantLock working = new ReentrantLock();
  private volatile boolean stopped;
  private volatile Runnable everyTurn = () -> {};
  private boolean aimsAtTarget2;
  private int sweeps;
  private int barrenPasses;
  private int inactiveColor;
  private int activeColor;
  private int cacheColor;
  private int holdColor;

  /// How long the daemon may sleep after the pass, though there is work.
  private long restNanos;

  /// How many markers the daemon needs.
  public static final int MARKERS = 2;

  /// Makes the daemon of a machine.
  ///
  /// @param self the daemon's own record, a system thread
  /// @param lowMemory what is asked before those who wait are refused
  /// @param mostInFlight how many pages may be on their way to swap at once, at least 1
  public PageoutDaemon(
      PageoutParts parts,
      HaltSwitch halt,
      VmThread self,
      LowMemoryKill lowMemory,
      int mostInFlight) {
    this.parts = parts;
    this.gate = parts.page().gate();
    this.pressure = gate.pressure();
    this.stats = parts.page().stats();
    this.halt = halt;
    this.self = self;
    this.lowMemory = lowMemory;
    PageArray pages = parts.page().pages();
    this.laundry = new Laundry(parts, mostInFlight);
    this.inactive = new InactiveScan(parts, laundry, pages.marker(0));
    this.active = new ActiveScan(parts, pages.marker(1));
    gate.serveBy(self);
  }

  @Override
  public void run() {
    try {
      while (!stopped && !halt.isHalted()) {
        if (awaitWork()) {
          turn();
        }
      }
      drain();
    } catch (Throwable t) {
      halt.halt(t);
      gate.broadcast();
      if (t instanceof Error error && !(t instanceof AssertionError)) {
        throw error;
      }
    }
  }

  private void turn() {
    working.lock();
    try {
      pass();
    } finally {
      working.unlock();
    }
    if (restNanos > 0) {
      gate.work().pause(self, restNanos);
    }
  }

  /// Makes one pass in the calling thread and ends what it began, for a test that steps a machine
  /// whose daemon nobody runs.
  public void runPass() {
    working.lock();
    try {
      pass();
      laundry.finish(self);
    } finally {
      working.unlock();
    }
  }

  private void drain() {
    pause();
    resume();
  }

  /// Lets the daemon end; a pass under way is finished.
  public void stop() {
    stopped = true;
    gate.work().wakeDaemon();
  }

  /// Keeps the daemon from working until [#resume], for inspection. Waits for a pass under way and
  /// for all that is being written.
  public void pause() {
    working.lock();
    boolean paused = false;
    try {
      if (!halt.isHalted()) {
        laundry.finish(self); // the lock makes the caller the daemon for a moment
      }
      paused = true;
    } finally {
      if (!paused) {
        working.unlock();
      }
    }
  }

  /// Lets the daemon work again; called by the thread that paused it.
  public void resume() {
    working.unlock();
  }

  /// Has something done at every turn of the daemon's, which idle comes ten times a second: for
  /// what is to be kept up to date without a thread of its own.
  ///
  /// @param task never waits, and holds nothing afterwards
  public void doAtEveryTurn(Runnable task) {
    everyTurn = task;
  }

  private boolean awaitWork() {
    parts.allocator().sweepHeld(self, holdColor++ & (PageQueue.COLORS - 1));
    if (gate.work().pagesNeeded() != 0 || laundry.pageCount() > 0) {
      return !stopped;
    }
    boolean asked = gate.work().await(self, IDLE_NANOS);
    stats.rollup();
    everyTurn.run();
    if (!asked && !pressure.start(self.stripe())) {
      return false;
    }
    gate.work().setPagesNeeded(1);
    aimsAtTarget2 = false;
    return !stopped;
  }

  private void pass() {
    stats.count(self.stripe(), Event.DAEMON_PASSES, 1);
    laundry.poll(self);
    stats.rollup();
    parts.allocator().drainMagazinesIfShort(self);
    long shortage = shortage();
    boolean onlyWaits = shortage <= 0 && restNanos > 0; // then ageing would go by the polls
    if (shortage > 0) {
      shortage -= scanInactive(shortage);
    }
    stats.rollup();
    long inactiveShortage = onlyWaits ? 0 : inactiveShortage(shortage);
    if (inactiveShortage > 0) {
      scanActive(inactiveShortage);
    }
    laundry.poll(self);
    stats.rollup();
    scanCache();
    stats.rollup();
    everyTurn.run();
    decide(shortage);
  }

  /// How many pages to reclaim. Those that are being written are as good as reclaimed; but while
  /// somebody waits and their grace periods last, another batch is begun, so that the yield does
  /// not depend on how long a grace period takes.
  private long shortage() {
    long lacking =
        aimsAtTarget2 ? pressure.target2Count(self.stripe()) : pressure.target1Count(self.stripe());
    lacking += gate.work().takeDeficit() - laundry.reclaimable();
    if (lacking <= 0 && laundry.pageCount() > 0 && gate.isAwaited()) {
      return Math.min(BATCH, laundry.room());
    }
    return lacking;
  }

  /// The share of a goal that one colour should reach, so that half of them suffice (`PQAVERAGE`).
  static long share(long goal) {
    int colors = PageQueue.COLORS;
    return goal >= 0
        ? (goal + colors - 1) / (colors / 2) + 1
        : (goal - colors + 1) / (colors / 2) - 1;
  }

  private int laps() {
    return sweeps / SWEEPS_PER_LAP;
  }

  private long scanInactive(long shortage) {
    long perColor = share(limited(shortage));
    long delta = 0;
    for (int i = 0; i < PageQueue.COLORS && delta < shortage; i++) {
      delta += inactive.visit(self, inactiveColor, perColor, laps());
      inactiveColor = (inactiveColor + 1) & (PageQueue.COLORS - 1);
      if (inactiveColor % COLORS_PER_POLL == 0) {
        laundry.poll(self);
      }
      if (!pressure.target2(self.stripe())) {
        delta = Math.max(delta, shortage);
      }
    }
    inactive.begin();
    laundry.begin();
    int cleaned = inactive.takeCached() + laundry.takeCleaned();
    int notCleaned = laundry.takeNotCleaned();
    if (cleaned > 0) {
      barrenPasses = 0;
    } else if (notCleaned > 0 || laundry.pageCount() == 0) { // else nobody knows yet
      barrenPasses = Math.min(barrenPasses + 1, HOPELESS);
    }
    return delta - notCleaned;
  }

  /// On the way to the last target no more than a tenth of the inactive pages is taken at a time.
  private long limited(long shortage) {
    long tenth = pressure.levels().inactiveTarget() / 10;
    return aimsAtTarget2 && shortage > tenth ? tenth + 1 : shortage;
  }

  private long inactiveShortage(long shortage) {
    FreeLevels levels = pressure.levels();
    long inactivePages = stats.global(PageCount.INACTIVE) - laundry.reclaimable();
    long lacking = levels.inactiveTarget() - inactivePages;
    if (shortage > 0 && (parts.swap().isFull() || barrenPasses > 1)) {
      return Math.max(lacking, shortage); // those may all be dirty, or held: find others
    }
    return shortage > 0 ? lacking + Math.min(2 * shortage, levels.inactiveTarget() / 10) : lacking;
  }

  private void scanActive(long goal) {
    long perColor = share(goal);
    int decline = Activity.DECLINE << Math.min(sweeps, MAX_HASTE);
    long delta = 0;
    for (int i = 0; i < PageQueue.COLORS && delta < goal; i++) {
      delta += active.visit(self, activeColor, perColor, decline, laps());
      activeColor = (activeColor + 1) & (PageQueue.COLORS - 1);
    }
  }

  /// Refills the free queues from the cache queues (`vm_pageout_scan_cache`).
  private void scanCache() {
    FreeLevels levels = pressure.levels();
    for (int i = 0; i < PageQueue.COLORS; i++) {
      do {
        if (stats.view(self.stripe(), PageCount.FREE) >= levels.freeTarget()
            || stats.view(self.stripe(), PageCount.CACHE) <= cacheLeft()) {
          return;
        }
      } while (freeOneCached());
      cacheColor = (cacheColor + 1) & (PageQueue.COLORS - 1);
    }
  }

  private boolean freeOneCached() {
    boolean freed = parts.allocator().freeOneCachedOf(self, cacheColor);
    barrenPasses = freed ? 0 : barrenPasses;
    return freed;
  }

  /// Some cached pages are left to be had back, unless no fault may allocate without them.
  private long cacheLeft() {
    boolean reserveTouched =
        stats.view(self.stripe(), PageCount.FREE) < pressure.levels().reserved();
    return reserveTouched ? 0 : CACHE_LEFT;
  }

  private void decide(long shortage) {
    int stripe = self.stripe();
    boolean inFlight = laundry.room() == 0;
    if (shortage > 0 && !inFlight) {
      fallShort();
      return;
    }
    if (!inFlight) {
      sweeps = 0;
      gate.setExhausted(false);
    }
    // Guards give no signal, so there is none to wait for; but most are soon left.
    boolean graceOpen = laundry.pageCount() > 0 || inactive.isGraceOpen();
    restNanos = graceOpen ? Math.clamp(2 * restNanos, MIN_POLL_NANOS, MAX_POLL_NANOS) : 0;
    if (pressure.start(stripe)) {
      goOn(false);
      if (!pressure.nearMin(stripe)) {
        gate.broadcast();
      }
    } else if (pressure.target1(stripe)) {
      goOn(false);
      gate.broadcast();
    } else if (pressure.target2(stripe)) {
      goOn(true);
      gate.broadcast();
    } else {
      gate.work().becomeIdle(self);
      gate.broadcast();
    }
  }

  /// Notes that a pass did not get enough, though nothing kept it from taking more.
  private void fallShort() {
    sweeps = Math.min(sweeps + 1, MAX_SWEEPS);
    boolean swapFull = parts.swap().isFull();
    boolean hopeless = swapFull && barrenPasses >= HOPELESS && pressure.target1(self.stripe());
    gate.setExhausted(hopeless && !lowMemory.relieve(self));
    restNanos = swapFull && barrenPasses > 0 ? SWAP_FULL_NANOS : 0;
  }

  private void goOn(boolean toTarget2) {
    gate.work().setPagesNeeded(2);
    aimsAtTarget2 = toTarget2;
  }
}
