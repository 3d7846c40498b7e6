package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// The leases of an address space, and the operations that they must not get in the way of.
///
/// **Contract.** A lease enters before it makes its first page busy and leaves when it has given
/// all back. An operation that takes rights away [#stop]s leases first, before it locks the map:
/// from then on none enters, and when that returns there is none. Both sides wait in slices, with a
/// bound; an operation never waits for a lease of its own thread. A snapshot is in nobody's way and
/// waits for no operation: it only counts.
///
/// **Memory effects.** What was stored under a lease is visible to the operation that waited for
/// its end.
///
/// **Failure.** [LeaseHeldException] from an operation, [OutOfPagesException] from a lease; nothing
/// is registered then.
public final class SpaceLeases {
  /*
   * Who holds the map never waits here, because a lease that has entered faults its pages in, with the
   * map shared. A frozen space is one stop that lasts: a lease for writing must not enter and then wait
   * for the thaw, or a fork by who froze the space would wait for that lease.
   *
   * Everyone who waits takes the ticket of the channel, looks under the lock, and sleeps; everyone who
   * changes something does it under the lock and wakes afterwards: so no wakeup is lost.
   */
  private static final long SLICE_NANOS = 1_000_000_000L;

  private final String space;
  private final LeaseParts parts;
  private final WaitChannel changed;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Lease> leases = new ArrayList<>();
  private final List<Stop> stops = new ArrayList<>();

  /// An operation under way that lets no lease of a range enter, until [#resume].
  ///
  /// @param start the first address
  /// @param end the address behind the last
  /// @param writesOnly whether leases for reading are not in its way
  public record Stop(long start, long end, boolean writesOnly) {
    boolean excludes(Lease lease) {
      return lease.start() < end && start < lease.end() && (lease.isWrite() || !writesOnly);
    }
  }

  /// Makes the record of a space without leases.
  ///
  /// @param space its name, for messages
  SpaceLeases(String space, LeaseParts parts) {
    this.space = space;
    this.parts = parts;
    this.changed = parts.leased().changed();
  }

  // ---- for leases

  /// Registers a lease that has no page yet. Waits while an operation on its range is under way,
  /// and while too many pages of the machine are leased.
  ///
  /// @throws OutOfPagesException past the thread's deadline or, without one, the machine's patience
  public void enter(VmThread self, Lease lease) {
    long began = parts.ticker().nanos();
    for (; ; ) {
      int ticket = changed.ticket();
      if (tryEnter(lease)) {
        return;
      }
      self.sleep(changed, ticket, SLICE_NANOS);
      parts.page().gate().checkDeadline(self);
      checkPatience(self, began, "an operation on its range, or for other leases to end", lease);
    }
  }

  /// Fails if a lease without a deadline has waited as long as the machine is patient.
  ///
  /// @param began when the wait began
  /// @param what what it waits for
  public void checkPatience(VmThread self, long began, String what, Lease lease) {
    if (!self.hasDeadline() && parts.ticker().nanos() - began > parts.patienceNanos()) {
      throw new OutOfPagesException(
          "a %s, waited %d ms for %s; %d pages are leased, at most %d may be"
              .formatted(
                  lease,
                  parts.patienceNanos() / 1_000_000,
                  what,
                  parts.leased().reserved(),
                  parts.leased().most()));
    }
  }

  private boolean tryEnter(Lease lease) {
    if (lease.isSnapshot()) {
      return parts.leased().tryReserveSent(lease.pageCount());
    }
    lock.lock();
    try {
      for (Stop stop : stops) {
        if (stop.excludes(lease)) {
          return false;
        }
      }
      return parts.leased().tryReserve(lease.pageCount()) && leases.add(lease);
    } finally {
      lock.unlock();
    }
  }

  /// Completes the taking of a lease's last page: who changes the bytes makes the page dirty first,
  /// as a store does, so that its copy in swap is never read again.
  public void took(Lease lease) {
    if (lease.isSnapshot()) {
      return; // its owner does not wait for itself either: it gets a copy
    }
    int page = lease.page(lease.taken() - 1);
    parts.leased().add(lease.owner(), page);
    if (lease.isWrite()) {
      parts.page().pages().setDirty(page);
    }
  }

  /// Gives back all that a lease has, and forgets it.
  public void leave(VmThread self, Lease lease) {
    if (lease.isSnapshot()) {
      while (lease.taken() > 0) {
        parts.cow().clear(self, lease.untake());
      }
      parts.leased().unreserveSent(lease.pageCount());
      changed.wakeAll();
      return;
    }
    while (lease.taken() > 0) {
      int page = lease.untake();
      if (lease.isWrite()) {
        parts.page().pages().setDirty(page);
      }
      parts.leased().remove(lease.owner(), page);
      parts.page().busy().endLease(page, lease.isWrite());
    }
    lock.lock();
    try {
      leases.remove(lease);
    } finally {
      lock.unlock();
    }
    parts.leased().unreserve(lease.pageCount());
    changed.wakeAll();
  }

  /// The leases at this moment.
  public List<Lease> all() {
    lock.lock();
    try {
      return List.copyOf(leases);
    } finally {
      lock.unlock();
    }
  }

  // ---- for operations

  /// For every operation that takes pages or rights from a range (of today's: unmap, fork, freeze,
  /// close). Lets no lease of a range enter any more, and waits for those there are. The caller
  /// holds nothing, and calls [#resume] when it is done.
  ///
  /// @param operation its name, for the message
  /// @param start the first address
  /// @param end the address behind the last
  /// @param writesOnly whether leases for reading are not in its way
  /// @throws LeaseHeldException if one is not closed in time, or is the calling thread's own;
  ///   leases go on then
  public Stop stop(VmThread self, String operation, long start, long end, boolean writesOnly) {
    Stop stop = new Stop(start, end, writesOnly);
    lock.lock();
    try {
      stops.add(stop);
    } finally {
      lock.unlock();
    }
    try {
      awaitNone(self, operation, stop);
      return stop;
    } catch (Throwable t) {
      resume(stop);
      throw t;
    }
  }

  private void awaitNone(VmThread self, String operation, Stop stop) {
    long began = parts.ticker().nanos();
    for (; ; ) {
      int ticket = changed.ticket();
      Lease lease = inTheWay(stop);
      if (lease == null) {
        return;
      }
      long left = parts.stopNanos() - (parts.ticker().nanos() - began);
      if (isOwn(lease) || left <= 0) {
        throw new LeaseHeldException(
            "%s of %s: in its way is a %s".formatted(operation, space, lease), lease.address());
      }
      self.sleep(changed, ticket, Math.min(left, SLICE_NANOS));
    }
  }

  /// A lease that a stop excludes, the calling thread's own first; null for none.
  private @Nullable Lease inTheWay(Stop stop) {
    Lease found = null;
    for (Lease lease : all()) {
      if (stop.excludes(lease) && (found == null || isOwn(lease))) {
        found = lease;
      }
    }
    return found;
  }

  @SuppressWarnings("ReferenceEquality") // a thread is only itself
  private static boolean isOwn(Lease lease) {
    return lease.owner() == Thread.currentThread();
  }

  /// Lets leases enter again.
  public void resume(Stop stop) {
    lock.lock();
    try {
      stops.remove(stop);
    } finally {
      lock.unlock();
    }
    changed.wakeAll();
  }
}
