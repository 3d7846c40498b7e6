package org.pondhawk.vm.sync;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// A place to sleep until somebody wakes it (the reference's sleep and wakeup on an address).
///
/// **Contract.** The sleeper takes a [#ticket] first, *then* tests what it waits for, and sleeps
/// with that ticket: a wakeup between the two is not lost, because it changes the ticket. A wakeup
/// wakes every sleeper; waking for nothing is allowed, so sleepers test again. Sleeping is
/// uninterruptible; an interrupt stays pending. Every sleep has a bound.
///
/// **Memory effects.** What a waker did before [#wakeAll] is visible to those it wakes.
public final class WaitChannel {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition woken = lock.newCondition();
  private final String reason;
  private volatile int epoch;

  /// Makes a channel.
  ///
  /// @param reason what its sleepers wait for, for diagnostics
  public WaitChannel(String reason) {
    this.reason = reason;
  }

  /// What its sleepers wait for.
  ///
  /// @return the label given when the channel was made
  public String reason() {
    return reason;
  }

  /// The interlock: take it before testing the condition that the sleep is for.
  ///
  /// @return a value that the next wakeup makes stale
  public int ticket() {
    return epoch;
  }

  /// Sleeps until a wakeup later than `ticket`, or until the time is over.
  ///
  /// @param ticket what [#ticket] returned before the condition was tested
  /// @param nanos the bound, in nanoseconds
  /// @return true if woken, false if the time was over
  boolean await(int ticket, long nanos) {
    boolean interrupted = false;
    lock.lock();
    try {
      long end = System.nanoTime() + nanos;
      for (long left = nanos; epoch == ticket && left > 0; left = end - System.nanoTime()) {
        try {
          long _ = woken.awaitNanos(left);
        } catch (InterruptedException _) {
          interrupted = true; // kept pending: an interrupt must not break a wait of the machine
        }
      }
      return epoch != ticket;
    } finally {
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Wakes every sleeper, and everyone who has taken a ticket but does not sleep yet.
  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock only
  public void wakeAll() {
    assert LockOrder.maySleep() : "a wakeup may wait for the channel's lock";
    lock.lock();
    try {
      epoch++;
      woken.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
