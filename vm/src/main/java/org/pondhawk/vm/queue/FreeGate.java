package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// The free gate: where allocation waits for pages, and the daemon for work.
///
/// Whoever takes the last comfortable page asks the daemon to run; whoever finds none sleeps here,
/// before it holds anything; whoever frees enough opens the gate for all at once.
///
/// **Contract.** Every sleep is a slice and every wait ends: by pages, by a halted machine, or with
/// [OutOfPagesException] when nothing in the machine has moved for the machine's patience, or the
/// caller's own deadline has passed, or when the daemon has declared that swap is full and nothing
/// can be freed.
public final class FreeGate {
  /*
   * The daemon's work is a number: 0 idle, 1 asked to run, 2 runs on by itself; more hints at demand
   * that came meanwhile. Only the change from 0 wakes it: it takes the channel's ticket before it looks.
   *
   * Follows: pagedaemon_wakeup, vm_wait, vm_wait_pfault, vm_page_free_wakeup.
   * Differs from DragonFly: waits end (DESIGN's "Waits"), and where the reference kills a process to
   * get out of a full swap, we refuse the allocation of the thread that asks.
   */
  private static final long SLICE_NANOS = 110_000_000L;

  private final Pressure pressure;
  private final VmStats stats;
  private final Ticker ticker;
  private final HaltSwitch halt;
  private final long patienceNanos;
  private final Tunable hysteresis;
  private final WaitChannel freePages = new WaitChannel("free pages");
  private final WaitChannel daemonWork = new WaitChannel("pageout work");
  private final AtomicInteger pagesNeeded = new AtomicInteger();
  private final AtomicBoolean someoneWaits = new AtomicBoolean();
  private final AtomicLong deficit = new AtomicLong();
  private volatile @Nullable VmThread daemon;
  private volatile UnseenPages unseen = UnseenPages.NONE;

  /// The progress at which the daemon found nothing left to free; -1 while there is something.
  private volatile long exhaustedAt = -1;

  /// Makes the gate of a machine.
  ///
  /// @param patienceNanos how long a wait goes on while nothing moves
  /// @param hysteresis how many pages more than the minimum open the gate
  public FreeGate(
      Pressure pressure,
      VmStats stats,
      Ticker ticker,
      HaltSwitch halt,
      long patienceNanos,
      Tunable hysteresis) {
    this.pressure = pressure;
    this.stats = stats;
    this.ticker = ticker;
    this.halt = halt;
    this.patienceNanos = patienceNanos;
    this.hysteresis = hysteresis;
  }

  /// Names the thread that this gate wakes, and that never waits here.
  public void serveBy(VmThread pageDaemon) {
    daemon = pageDaemon;
  }

  /// Names what takes back memory that nobody sees any more. Who would wait here for memory asks it
  /// first: such memory must never make an access wait, or fail.
  public void reclaimBy(UnseenPages reclaimer) {
    unseen = reclaimer;
  }

  /// Patience for one operation that may wait several times.
  public Patience patience() {
    return new Patience(patienceNanos);
  }

  // ---- for those who take pages

  /// Asks the daemon to run if memory calls for it (`pagedaemon_wakeup`). Does not wait.
  public void requestPaging(VmThread self) {
    if (self != daemon && pressure.start(self.stripe())) {
      kick(pressure.min(self.stripe(), 0));
    }
  }

  private void kick(boolean urgent) {
    if (pagesNeeded.compareAndSet(0, 1)) {
      daemonWork.wakeAll();
      unseen.memoryIsShort();
    } else if (urgent) {
      pagesNeeded.incrementAndGet();
    }
  }

  /// Notes an allocation that failed, and asks the daemon to run.
  void noteShortage(VmThread self) {
    deficit.incrementAndGet();
    requestPaging(self);
  }

  /// Lets a fault wait for memory that it could not get (`vm_wait_pfault`): one slice if memory is
  /// below the thread's minimum, and on while it is severe. The caller holds nothing.
  ///
  /// @throws OutOfPagesException if nothing moves, or nothing can
  public void awaitForFault(VmThread self, Patience patience) {
    stats.rollup();
    if (!pressure.minNice(self.stripe(), self.nice())) {
      return;
    }
    do {
      slice(self, patience);
    } while (pressure.severe(self.stripe()));
  }

  /// Lets any other allocation wait for memory that it could not get (`vm_wait`): one slice.
  ///
  /// @throws OutOfPagesException if nothing moves, or nothing can
  public void await(VmThread self, Patience patience) {
    stats.rollup();
    slice(self, patience);
  }

  private void slice(VmThread self, Patience patience) {
    halt.check();
    if (unseen.reclaim(false)) {
      return;
    }
    int ticket = freePages.ticket();
    if (exhaustedAt >= 0 && exhaustedAt == progress()) {
      if (unseen.reclaim(true)) {
        return;
      }
      throw outOfPages("swap is full and nothing can be freed");
    }
    someoneWaits.set(true);
    kick(false);
    stats.rollup();
    if (pressure.min(self.stripe(), 0)) { // else pages came before anyone knew that we wait
      stats.count(self.stripe(), Event.MEMORY_WAITS, 1);
      self.sleep(freePages, ticket, SLICE_NANOS);
      stats.rollup();
    }
    checkDeadline(self);
    if (!self.hasDeadline() && patience.isOver(progress(), ticker.nanos())) {
      if (unseen.reclaim(true)) {
        return;
      }
      throw outOfPages("nothing was freed for " + patienceNanos / 1_000_000 + " ms");
    }
  }

  /// Fails if the caller's own deadline has passed, for a wait of any kind that goes on.
  ///
  /// @throws OutOfPagesException if so
  public void checkDeadline(VmThread self) {
    if (self.isExpired()) {
      throw outOfPages("the deadline of the access has passed");
    }
  }

  /// Fails if a wait for a page that somebody else has busy has lasted too long: past the caller's
  /// own deadline or, without one, past the machine's patience.
  ///
  /// @param patience of the operation so far, or null if this is its first wait
  /// @return the patience to go on with
  /// @throws OutOfPagesException if so
  public Patience checkBusyWait(VmThread self, @Nullable Patience patience) {
    Patience left = patience == null ? patience() : patience;
    checkWait(self, left, progress(), "a page stayed busy, and nothing moved,");
    return left;
  }

  /// Fails if a wait for something else than memory has gone on for too long: past the caller's own
  /// deadline, or without one for the machine's patience.
  ///
  /// @param patience of this wait
  /// @param progress a number that changes when what is waited for gets on
  /// @param why what is waited for, for the message
  /// @throws OutOfPagesException if so
  public void checkWait(VmThread self, Patience patience, long progress, String why) {
    checkDeadline(self);
    if (!self.hasDeadline() && patience.isOver(progress, ticker.nanos())) {
      throw outOfPages(why + " for more than " + patienceNanos / 1_000_000 + " ms");
    }
  }

  private long progress() {
    return stats.total(Event.FREED)
        + stats.total(Event.SWAP_PAGES_OUT)
        + stats.total(Event.SWAP_PAGES_IN);
  }

  private OutOfPagesException outOfPages(String why) {
    return new OutOfPagesException(
        "out of pages: %s (free %d, cached %d, inactive %d, active %d, wired %d)"
            .formatted(
                why,
                stats.global(PageCount.FREE),
                stats.global(PageCount.CACHE),
                stats.global(PageCount.INACTIVE),
                stats.global(PageCount.ACTIVE),
                stats.global(PageCount.WIRED)));
  }

  // ---- for those who give pages

  /// Opens the gate if enough pages are there (`vm_page_free_wakeup`). Called without spin locks.
  public void pageFreed(int stripe) {
    if (someoneWaits.get()
        && (!pressure.min(stripe, hysteresis.get()) || !pressure.target1(stripe))
        && someoneWaits.compareAndSet(true, false)) {
      stats.count(stripe, Event.WAITER_WAKEUPS, 1);
      freePages.wakeAll();
    }
  }

  /// Wakes all who wait for pages, to look for themselves.
  public void broadcast() {
    freePages.wakeAll();
  }

  // ---- for the daemon

  /// Sleeps until there is work, or a time has passed.
  ///
  /// @return whether there is work
  public boolean awaitWork(VmThread self, long nanos) {
    int ticket = daemonWork.ticket();
    if (pagesNeeded.get() != 0) {
      return true;
    }
    self.sleep(daemonWork, ticket, nanos);
    return pagesNeeded.get() != 0;
  }

  /// Sleeps until somebody asks for paging anew, or a time has passed: for a daemon that got
  /// nowhere.
  public void pause(VmThread self, long nanos) {
    self.sleep(daemonWork, daemonWork.ticket(), nanos);
  }

  /// Wakes the daemon for something else than memory.
  public void wakeDaemon() {
    daemonWork.wakeAll();
  }

  /// What the daemon is asked for: 0 nothing.
  public int pagesNeeded() {
    return pagesNeeded.get();
  }

  /// Sets what the daemon goes on with: 0 idle, 1 asked, 2 runs on.
  public void setPagesNeeded(int needed) {
    pagesNeeded.set(needed);
  }

  /// Ends the daemon's work, unless memory turns out to be short after all.
  ///
  /// @return whether it ended
  public boolean becomeIdle(VmThread self) {
    pagesNeeded.set(0);
    stats.rollup(); // after the 0: who takes a page now either is counted here or finds the 0
    if (pressure.start(self.stripe())) {
      pagesNeeded.set(1);
      return false;
    }
    return true;
  }

  /// Whether a thread has gone to wait for memory since the gate was last opened.
  public boolean isAwaited() {
    return someoneWaits.get();
  }

  /// Takes the number of allocations that failed since the last pass.
  public long takeDeficit() {
    return deficit.getAndSet(0);
  }

  /// Declares that nothing can be freed because swap is full, or takes that back: while it holds,
  /// who would wait is refused. The verdict is void as soon as a page is freed or a transfer ends.
  public void setExhausted(boolean nothingLeft) {
    boolean before = exhaustedAt >= 0;
    exhaustedAt = nothingLeft ? progress() : -1;
    if (nothingLeft && !before) {
      freePages.wakeAll();
    }
  }

  /// The tests of pressure behind the gate.
  public Pressure pressure() {
    return pressure;
  }
}
