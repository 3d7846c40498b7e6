package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Keeps one range of a map for one thread at a time (`vm_map_ilock`), for operations that have the
/// map shared but not each other's ranges.
///
/// **Contract.** [#enter] waits while another has a part of the range, with nothing locked; a
/// thread has no second range that overlaps its first. Whoever has a range may lock the map; who
/// has the map locked never waits here.
///
/// **Memory effects.** What was done with a range is visible to who enters an overlapping one next.
///
/// **Failure.** [AccessUnderWayException] when a range is not left for the machine's patience;
/// nothing is entered then.
final class RangeInterlock {
  /*
   * R1  no two of `held` overlap
   * R2  whoever did not get a range has marked those in its way as wanted, under the lock, after it
   *     took the ticket that it sleeps with: so the leave of any of them ends its sleep
   *
   * Follows: vm_map_interlock, vm_map_deinterlock, ILOCK_WAITING. Differs from the reference: the
   * lock is no spin lock, since its holder wakes others.
   */
  private static final long SLICE_NANOS = 1_000_000_000L;

  /// A range that somebody has.
  static final class Held {
    private final long start;
    private final long end;
    private boolean wanted;

    Held(long start, long end) {
      this.start = start;
      this.end = end;
    }

    private boolean overlaps(long otherStart, long otherEnd) {
      return start < otherEnd && otherStart < end;
    }

    @Override
    public String toString() {
      return "0x%x-0x%x%s".formatted(start, end, wanted ? " WAITING" : "");
    }
  }

  private final Ticker ticker;
  private final long patienceNanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Held> held = new ArrayList<>();
  private final WaitChannel left = new WaitChannel("ilock");

  /// Makes the interlock of a map.
  ///
  /// @param patienceNanos how long a wait may take
  RangeInterlock(Ticker ticker, long patienceNanos) {
    this.ticker = ticker;
    this.patienceNanos = patienceNanos;
  }

  /// Takes a range (`vm_map_interlock`). Waits while others have a part of it.
  ///
  /// @return what to [#leave]
  Held enter(VmThread self, long start, long end) {
    long began = ticker.nanos();
    for (; ; ) {
      int ticket = left.ticket();
      Held entered = tryEnter(start, end);
      if (entered != null) {
        return entered;
      }
      if (ticker.nanos() - began > patienceNanos) {
        throw new AccessUnderWayException(
            "0x%x-0x%x: others have a part of it for more than %d ms: %s"
                .formatted(start, end, patienceNanos / 1_000_000, this));
      }
      self.sleep(left, ticket, SLICE_NANOS);
    }
  }

  /// Where who did not get a range sleeps: with a ticket that was taken before it tried.
  WaitChannel left() {
    return left;
  }

  /// Takes a range if nobody has a part of it; else everybody in the way will say when it leaves.
  ///
  /// @return what to [#leave], or null
  @Nullable Held tryEnter(long start, long end) {
    lock.lock();
    try {
      boolean free = true;
      for (Held other : held) {
        if (other.overlaps(start, end)) {
          other.wanted = true;
          free = false;
        }
      }
      if (!free) {
        return null;
      }
      Held entered = new Held(start, end);
      held.add(entered);
      return entered;
    } finally {
      lock.unlock();
    }
  }

  /// Gives a range back (`vm_map_deinterlock`), and wakes who waits for it.
  void leave(Held range) {
    boolean wanted;
    lock.lock();
    try {
      if (!held.remove(range)) {
        throw new IllegalStateException("nobody has " + range);
      }
      wanted = range.wanted;
    } finally {
      lock.unlock();
    }
    if (wanted) {
      left.wakeAll();
    }
  }

  @Override
  public String toString() {
    lock.lock();
    try {
      return held.toString();
    } finally {
      lock.unlock();
    }
  }
}
