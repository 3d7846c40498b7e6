package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// The free gate: where allocation waits for pages.
///
/// Whoever takes the last comfortable page asks the daemon to run; whoever finds none sleeps here,
/// before it holds anything; whoever frees enough opens the gate for all at once.
///
/// **Contract.** Every sleep is a slice and every wait ends: by pages, by a halted machine, or with
/// [OutOfPagesException] when nothing in the machine has moved for the machine's patience, or the
/// caller's own deadline has passed, or its process was condemned, or when the daemon has declared
/// that swap is full and nothing can be freed.
public final class FreeGate {
  /*
   * Who waits takes the channel's ticket, says that it waits, asks the daemon, and looks once more; who
   * frees counts the page and then looks whether anybody waits. So one of the two sees the other, but
   * for what other stripes have not told yet: that, and threads nicer than others, the slice bounds.
   *
   * Follows: pagedaemon_wakeup, vm_wait, vm_wait_pfault, vm_wait_nominal, vm_page_free_wakeup.
   * Differs from DragonFly: waits end (DESIGN's "Waits"), and where the reference kills a process to
   * get out of a full swap, we refuse the allocation of the thread that asks, unless vm.lowmem_kill
   * says otherwise.
   */
  private static final long SLICE_NANOS = 110_000_000L;

  /// Bits of `waiting`: a thread waits for pages; the daemon does.
  private static final int ANYONE = 1;

  private static final int DAEMON = 2;

  private final Pressure pressure;
  private final VmStats stats;
  private final Ticker ticker;
  private final HaltSwitch halt;
  private final long patienceNanos;
  private final Tunable hysteresis;
  private final PageoutWork work;
  private final WaitChannel freePages = new WaitChannel("free pages");
  private final WaitChannel daemonPages = new WaitChannel("pages for the daemon");
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile @Nullable VmThread daemon;
  private volatile UnseenPages unseen = UnseenPages.NONE;

  /// The progress at which the daemon found nothing left to free; -1 while there is something.
  private volatile long exhaustedAt = -1;

  /// Makes the gate of a machine.
  ///
  /// @param patienceNanos how long a wait goes on while nothing moves
  /// @param hysteresis how many pages more than the minimum open the gate; beyond the first target
  ///   it is as good as that
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
    this.work = new PageoutWork(pressure, stats);
  }

  /// Names the thread that this gate wakes, and that never waits among the others.
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

  /// What the daemon is asked for.
  public PageoutWork work() {
    return work;
  }

  /// The tests of pressure behind the gate.
  public Pressure pressure() {
    return pressure;
  }

  // ---- for those who take pages

  /// Asks the daemon to run if memory calls for it (`pagedaemon_wakeup`). Does not wait.
  public void requestPaging(VmThread self) {
    if (self != daemon && pressure.start(self.stripe())) {
      kick(pressure.min(self.stripe(), 0));
    }
  }

  private void kick(boolean urgent) {
    if (work.ask(urgent)) {
      unseen.memoryIsShort();
    }
  }

  /// Notes an allocation that failed, and asks the daemon to run.
  void noteShortage(VmThread self) {
    work.noteShortage();
    requestPaging(self);
  }

  /// Lets a fault wait for memory that it could not get (`vm_wait_pfault`): one slice if memory is
  /// below the thread's minimum, and on while it is severe. The caller holds nothing.
  ///
  /// @throws OutOfPagesException if nothing moves, or nothing can, or the process is condemned
  public void awaitForFault(VmThread self, Patience patience) {
    stats.rollup();
    int nice = self.nice();
    if (!pressure.minNice(self.stripe(), nice)) {
      return;
    }
    do {
      slice(self, patience, nice, SLICE_NANOS);
    } while (pressure.severe(self.stripe()));
  }

  /// Lets any other allocation wait for memory that it could not get (`vm_wait`): one slice.
  ///
  /// @throws OutOfPagesException as [#awaitForFault]
  public void await(VmThread self, Patience patience) {
    await(self, patience, SLICE_NANOS);
  }

  /// The same with a bound of the caller's. Who waits outside a fault is sent to wait a little
  /// earlier than a fault of the same niceness. The daemon waits apart from the others, and only
  /// below the minimum.
  ///
  /// @param nanos how long the one sleep may last; 0 for a slice
  /// @throws OutOfPagesException as [#awaitForFault]
  public void await(VmThread self, Patience patience, long nanos) {
    stats.rollup();
    long bound = nanos == 0 ? SLICE_NANOS : nanos;
    if (self == daemon) {
      awaitAsDaemon(self, bound);
    } else {
      slice(self, patience, self.nice() + 1, bound);
    }
  }

  /// Lets something heavy wait before it begins, until memory is above the minimum
  /// (`vm_wait_nominal`). The caller holds nothing.
  ///
  /// @throws OutOfPagesException as [#awaitForFault]
  /// @throws VmPanic if a thread of the machine's own asks: it would wait for itself
  public void awaitNominal(VmThread self, Patience patience) {
    if (self.isSystem() || !self.holdsNothing()) {
      throw new VmPanic(
          "%s waits for memory to be nominal, which it has to bring about (%s)"
              .formatted(self, counts()));
    }
    while (wouldWait(self)) {
      slice(self, patience, self.nice() + 1, SLICE_NANOS);
    }
  }

  /// Whether [#awaitNominal] would wait (`vm_test_nominal`).
  public boolean wouldWait(VmThread self) {
    stats.rollup();
    return pressure.min(self.stripe(), 0);
  }

  private void slice(VmThread self, Patience patience, int nice, long nanos) {
    halt.check();
    if (unseen.reclaim(false)) {
      return;
    }
    int ticket = freePages.ticket();
    checkCondemned(self); // after the ticket: who condemns wakes who took one before
    if (exhaustedAt >= 0 && exhaustedAt == progress()) {
      if (unseen.reclaim(true)) {
        return;
      }
      throw outOfPages("swap is full and nothing can be freed");
    }
    waiting.getAndUpdate(w -> w | ANYONE);
    kick(false);
    stats.rollup();
    if (pressure.minNice(self.stripe(), nice)) { // else pages came before anyone knew that we wait
      stats.count(self.stripe(), Event.MEMORY_WAITS, 1);
      self.sleep(freePages, ticket, nanos);
      stats.rollup();
      checkCondemned(self);
    }
    checkDeadline(self);
    if (!self.hasDeadline() && patience.isOver(progress(), ticker.nanos())) {
      if (unseen.reclaim(true)) {
        return;
      }
      throw outOfPages("nothing was freed for " + patienceNanos / 1_000_000 + " ms");
    }
  }

  private void checkCondemned(VmThread self) {
    if (self.isCondemned()) {
      throw outOfPages(self + " was condemned so that others get memory");
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
        + stats.total(Event.SWAP_PAGES_IN)
        + stats.total(Event.FILE_PAGES_IN)
        + stats.total(Event.FILE_PAGES_OUT);
  }

  private OutOfPagesException outOfPages(String why) {
    return new OutOfPagesException("out of pages: %s (%s)".formatted(why, counts()));
  }

  private String counts() {
    return "free %d, cached %d, inactive %d, active %d, wired %d"
        .formatted(
            stats.global(PageCount.FREE),
            stats.global(PageCount.CACHE),
            stats.global(PageCount.INACTIVE),
            stats.global(PageCount.ACTIVE),
            stats.global(PageCount.WIRED));
  }

  // ---- for those who give pages

  /// Opens the gate if enough pages are there (`vm_page_free_wakeup`). Called without spin locks.
  public void pageFreed(int stripe) {
    int sleepers = waiting.get();
    if (sleepers != 0) {
      wake(stripe, sleepers);
    }
  }

  private void wake(int stripe, int sleepers) {
    if ((sleepers & DAEMON) != 0 && !pressure.starvesDaemon(stripe) && clear(DAEMON)) {
      daemonPages.wakeAll();
    }
    if ((sleepers & ANYONE) != 0
        && (!pressure.min(stripe, hysteresis.get()) || !pressure.target1(stripe))
        && clear(ANYONE)) {
      stats.count(stripe, Event.WAITER_WAKEUPS, 1);
      freePages.wakeAll();
    }
  }

  /// Takes a bit away; true for the one thread that did.
  private boolean clear(int bit) {
    return (waiting.getAndUpdate(w -> w & ~bit) & bit) != 0;
  }

  /// Wakes all who wait for pages, to look for themselves.
  public void broadcast() {
    freePages.wakeAll();
  }

  // ---- for the daemon

  /// Lets the daemon wait for pages to work with, below the minimum, until there are as many as it
  /// needs (`vm_pageout_pages_needed`, `v_pageout_free_min`) or a time has passed. Ours has a
  /// reserve of its own and never comes here; a pager that needs memory may.
  private void awaitAsDaemon(VmThread self, long nanos) {
    int ticket = daemonPages.ticket();
    waiting.getAndUpdate(w -> w | DAEMON);
    stats.rollup();
    if (pressure.min(self.stripe(), 0)) {
      stats.count(self.stripe(), Event.DAEMON_WAITS, 1);
      self.sleep(daemonPages, ticket, nanos);
    }
  }

  /// Whether a thread has gone to wait for memory since the gate was last opened.
  public boolean isAwaited() {
    return (waiting.get() & ANYONE) != 0;
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
}
