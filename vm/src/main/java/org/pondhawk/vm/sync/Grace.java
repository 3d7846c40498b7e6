package org.pondhawk.vm.sync;

import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.mem.Linux;

/// The grace period: when may what was unmapped be written out or used again? (In place of the
/// reference's TLB shootdown.)
///
/// Threads store through addresses that they read from a page table, and nothing on that path is
/// locked. Whoever takes a right away clears the page table entry *and then* needs to know that no
/// thread which still saw the old entry is at work with it. Grace answers that, later: [#begin]
/// gives a ticket, [#isOver] polls it, [#await] waits for it.
///
/// **Contract.** A ticket is over once every [Guard] that was inside at its begin has left. Tickets
/// are over in the order in which they were begun. [#next] names the ticket that the *next* begin
/// will give, so that entries can be cleared one by one and share one begin. Tickets wrap around;
/// one that was over stays over.
///
/// **Waits end.** A guard whose thread does not get on keeps its tickets open: what waits for one
/// gives up once a ticket has been open for the machine's patience, and a halted machine ends every
/// wait. The ticket stays open: whoever gives up may not write or reuse what it protects.
///
/// **Memory effects.** Everything that was done inside a guard before the ticket was over is
/// visible to whoever sees that it is over.
public class Grace {
  /*
   * begin: the entries are cleared already. One membarrier makes every running thread's guard stores
   * visible and orders them before its later loads; so a guard that looks even now belongs to a
   * thread that will see the cleared entries, and only the odd ones are written down, with their
   * counts. isOver: strike off those whose count has moved.
   *
   * I1  last - completed = number of tickets in `open`
   * I2  the guards of an open ticket were inside at its begin; the list only shrinks
   * I3  whoever reads from `next` the ticket of a begin has cleared its entries before that begin's
   *     barrier: `last` moves first, so a begin under way is not the next one
   *
   * A guard registered after a begin need not be looked at: registering takes the same lock.
   * Not proved: that HotSpot keeps opaque accesses in program order; a race test stands behind it.
   */
  private static final int SPINS_BEFORE_PARK = 2_000;
  private static final long PARK_NANOS = 50_000;

  private final boolean asymmetric;
  private final Ticker ticker;
  private final long patienceNanos;
  private final HaltSwitch halt;
  private final ReentrantLock lock = new ReentrantLock();
  private final ArrayDeque<Open> open = new ArrayDeque<>();
  private final List<Guard> guards = new ArrayList<>();
  private volatile int last;
  private volatile int completed;
  private final Latencies latencies = new Latencies();
  private long waits;
  private long waitNanos;
  private long givenUp;

  /// A ticket that is not over, and the guards that it waits for.
  private final class Open {
    final int ticket;
    final Guard[] inside;
    final long[] counts;
    final long began;
    int left;

    Open(int ticket, Guard[] inside, long[] counts, long began) {
      this.ticket = ticket;
      this.began = began;
      this.inside = inside;
      this.counts = counts;
      this.left = inside.length;
    }

    boolean poll() {
      for (int i = left - 1; i >= 0; i--) {
        if (look(inside[i]) != counts[i]) {
          left--;
          inside[i] = inside[left];
          counts[i] = counts[left];
        }
      }
      return left == 0;
    }
  }

  /// Makes the grace period of a machine.
  ///
  /// @param asymmetric whether `membarrier` may be used; if not, every guard pays a fence
  /// @param ticker the clock for the statistics and the patience
  /// @param patienceNanos how long a ticket may be open before waits are given up
  /// @param halt ends every wait
  public Grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
    this(asymmetric, ticker, patienceNanos, halt, 0);
  }

  /// Makes a grace period whose numbers go on from an earlier ticket.
  Grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt, int last) {
    this.asymmetric = asymmetric && Linux.available() && Linux.registerMembarrier();
    this.ticker = ticker;
    this.patienceNanos = patienceNanos;
    this.halt = halt;
    this.last = last;
    this.completed = last;
  }

  /// Makes and registers the guard of a thread.
  ///
  /// @return a guard that every later begin looks at
  public final Guard register() {
    Guard guard = asymmetric ? new Guard() : new FencedGuard();
    lock.lock();
    try {
      guards.add(guard);
    } finally {
      lock.unlock();
    }
    return guard;
  }

  /// Forgets a guard whose owner is outside for good.
  ///
  /// @param guard a registered guard
  public final void unregister(Guard guard) {
    lock.lock();
    try {
      guards.remove(guard);
    } finally {
      lock.unlock();
    }
  }

  /// The ticket that the next [#begin] will give.
  ///
  /// @return a ticket that is not over before that begin
  public final int next() {
    return last + 1;
  }

  /// Begins a grace period for everything cleared before this call.
  ///
  /// @return its ticket
  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock only
  public int begin() {
    lock.lock();
    try {
      int ticket = last + 1;
      last = ticket; // before the barrier: see I3
      barrier();
      open.add(observe(ticket));
      complete();
      return ticket;
    } finally {
      lock.unlock();
    }
  }

  /// Makes the guards' counters visible, and what was cleared before visible to the guards.
  void barrier() {
    if (asymmetric) {
      Linux.membarrier();
    } else {
      VarHandle.fullFence();
    }
  }

  /// A guard's counter; a test puts a mere flag in its place.
  protected long look(Guard guard) {
    return guard.observe();
  }

  private Open observe(int ticket) {
    Guard[] inside = new Guard[guards.size()];
    long[] counts = new long[inside.length];
    int n = 0;
    for (Guard guard : guards) {
      long count = look(guard);
      if ((count & 1) != 0) {
        inside[n] = guard;
        counts[n++] = count;
      }
    }
    return new Open(ticket, Arrays.copyOf(inside, n), counts, ticker.nanos());
  }

  private void complete() {
    for (Open first = open.peek(); first != null && first.poll(); first = open.peek()) {
      open.remove();
      latencies.add(ticker.nanos() - first.began);
      completed = first.ticket;
    }
  }

  /// Whether a grace period is over. Does not wait.
  ///
  /// @param ticket from [#begin] or [#next]
  /// @return true if no guarded access that began before it is still inside
  public boolean isOver(int ticket) {
    if (!isOpen(ticket)) {
      return true;
    }
    if (ticket == last + 1 || !lock.tryLock()) {
      return false;
    }
    try {
      complete();
    } finally {
      lock.unlock();
    }
    return !isOpen(ticket);
  }

  /// Whether a ticket is one of the few that are not over: those begun, and the next one. All
  /// others are over, however long ago they were begun; so a frame may keep a ticket while the
  /// numbers wrap. Looks at no guard and takes no lock: one that has ended counts as open until
  /// somebody asks [#isOver].
  ///
  /// @param ticket from [#begin] or [#next]
  /// @return true if it is not known to be over
  public boolean isOpen(int ticket) {
    int over = completed; // read before `last`: a ticket completed in between counts as open
    return Integer.compareUnsigned(ticket - over - 1, last + 1 - over) < 0;
  }

  /// Waits until a grace period is over. The thread's tokens stay taken: the wait is for running
  /// code of a few instructions, which needs none of them.
  ///
  /// @param ticket from [#begin]
  /// @return false if a ticket has been open for the machine's patience: this one is open still
  public boolean await(int ticket) {
    if (isOver(ticket)) {
      return true;
    }
    assert LockOrder.maySleep() : "waiting for a grace period with a spin lock held";
    long from = ticker.nanos();
    boolean over = awaitPatiently(ticket);
    record(ticker.nanos() - from, over);
    return over;
  }

  private boolean awaitPatiently(int ticket) {
    for (int round = 1; !isOver(ticket); round++) {
      if (round < SPINS_BEFORE_PARK) {
        SpinLock.pause(round);
        continue;
      }
      halt.check();
      if (isStuck()) {
        return isOver(ticket);
      }
      LockSupport.parkNanos(PARK_NANOS); // readers publish nothing, so there is no signal to await
    }
    return true;
  }

  /// Whether the oldest ticket has been open for too long. Not how long the caller has waited: one
  /// guard that is stuck is waited for once, not once by each of many who need it.
  private boolean isStuck() {
    lock.lock();
    try {
      complete();
      Open oldest = open.peek();
      return oldest != null && ticker.nanos() - oldest.began > patienceNanos;
    } finally {
      lock.unlock();
    }
  }

  /// Waits until a ticket is over that perhaps nobody has begun yet. As [#await] otherwise.
  ///
  /// @param ticket from [#begin] or [#next]
  /// @return as [#await]
  public final boolean beginAndAwait(int ticket) {
    if (ticket == next()) {
      begin();
    }
    return await(ticket);
  }

  /// Waits until no guarded access is under way that may have seen what was cleared before this
  /// call (the kernel's `synchronize_rcu`).
  ///
  /// @param what what it is for, for the message
  /// @throws AccessUnderWayException if one is under way for longer than the machine's patience
  public void synchronize(String what) {
    if (!await(begin())) {
      throw new AccessUnderWayException(
          "%s: a thread has been in the middle of an access for more than %d ms"
              .formatted(what, patienceNanos / 1_000_000));
    }
  }

  private void record(long nanos, boolean over) {
    lock.lock();
    try {
      waits++;
      waitNanos += nanos;
      givenUp += over ? 0 : 1;
    } finally {
      lock.unlock();
    }
  }

  /// How often a caller really waited, for how long in all, and how often it gave up.
  ///
  /// @return three numbers: waits, nanoseconds, and waits given up
  public final long[] waited() {
    lock.lock();
    try {
      return new long[] {waits, waitNanos, givenUp};
    } finally {
      lock.unlock();
    }
  }

  /// How many grace periods are over, and the time in nanoseconds that half of them and 99 in 100
  /// did not exceed from their begin until somebody saw that they were over; powers of two.
  ///
  /// @return three numbers
  public final long[] latencies() {
    lock.lock();
    try {
      return new long[] {latencies.total(), latencies.quantile(0.5), latencies.quantile(0.99)};
    } finally {
      lock.unlock();
    }
  }

  /// Whether readers go without a fence because `membarrier` gives it.
  ///
  /// @return false for the fallback
  public final boolean isAsymmetric() {
    return asymmetric;
  }
}
