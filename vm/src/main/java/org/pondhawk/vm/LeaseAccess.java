package org.pondhawk.vm;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Lease;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.PageCow;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.VmThread;

/// Leases of pages: see [PageLease].
abstract class LeaseAccess extends ResidentAccess {
  /*
   * A page is taken in two steps. A fault maps it with the right that is asked for. Then, inside the
   * guard, where a mapped page does not become free, it is made busy and its entry is looked at again:
   * unchanged means that it was mapped here all the time, and from now on it stays, because every change
   * of a mapping of a busy page needs the page, or stops leases first.
   *
   * What is taken is kept while the next page of the run faults or is waited for. Runs are taken in the
   * order of addresses, so two of them do not wait for each other; leases taken one after the other may,
   * until the deadline or the machine's patience ends it.
   *
   * A snapshot has its pages busy for a moment only, one after the other. Then one grace period ends the
   * stores into all of them.
   *
   * Not fair: leases for reading that overlap for ever keep one for writing out until it gives up.
   */

  /// One lease may be of one in so many of the machine's frames.
  private static final int RUN_SHARE = 16;

  /// What the machine must have back when the view ends: apart from the view, which it outlives.
  final List<Lease> leased = new ArrayList<>();

  private final List<PageLease> open = new ArrayList<>();
  private final PageBusy busy;
  private final PageCow cow;
  private final int pageSize;
  private int busyPage;
  private int openTicket;

  LeaseAccess(Machine machine, Space space) {
    super(machine, space);
    this.busy = machine.page().busy();
    this.cow = machine.pageOperations().cow();
    this.pageSize = machine.spec().pageSize();
  }

  /// Leases the page of an address, the whole of it. Faults it in, with the right to store for
  /// [LeaseMode#WRITE]; may wait for memory, for I/O, for other leases of the page, and for an
  /// operation on the range that waits for leases itself.
  ///
  /// @throws org.pondhawk.vm.error.AccessViolationException if it is not mapped for that
  /// @throws org.pondhawk.vm.error.OutOfPagesException if the wait is too long for the deadline of
  ///   the view or, without one, for the machine's patience
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a lease of this thread is in the way
  /// @throws org.pondhawk.vm.error.AccessUnderWayException for a snapshot, if a store does not end
  public final PageLease lease(long address, LeaseMode mode) {
    requireRange(address, 1, name(mode));
    return lease(address & -pageSize, pageSize, mode);
  }

  /// Leases a range, as [#lease(long, LeaseMode)] does a page: all its pages, in the order of their
  /// addresses, or none.
  ///
  /// @param bytes from 1 to what is in [#mostLeasedPages] pages
  /// @throws IllegalArgumentException for another length
  public final PageLease lease(long address, long bytes, LeaseMode mode) {
    requireLeasable(address, bytes, mode);
    Lease lease = new Lease(address, bytes, mode.kind, pageSize);
    space.leases().enter(self, lease);
    leased.add(lease);
    try {
      for (long at = lease.start(); at < lease.end(); at += pageSize) {
        take(lease, Math.max(at, address), mode);
      }
      if (lease.isSnapshot()) {
        awaitStores(lease);
      }
      PageLease shown = new PageLease(this, lease, mode);
      open.add(shown);
      return shown;
    } catch (Throwable t) {
      giveBack(lease);
      throw t;
    }
  }

  /// How many pages one lease may be of: a sixteenth of the machine's, so that what is leased
  /// leaves enough to work with. All leases together may be of a quarter; more wait for others to
  /// end.
  public final int mostLeasedPages() {
    return machine.physical().frameCount() / RUN_SHARE;
  }

  private static String name(LeaseMode mode) {
    return mode == LeaseMode.WRITE ? "write" : "read";
  }

  private void requireLeasable(long address, long bytes, LeaseMode mode) {
    requireOwner();
    requireOpen();
    if (bytes <= 0) {
      throw new IllegalArgumentException("a lease of " + bytes + " bytes");
    }
    if (Lease.pageCount(address, bytes, pageSize) > mostLeasedPages()) {
      throw new IllegalArgumentException(
          "a lease of %d bytes at 0x%x is of more than %d pages"
              .formatted(bytes, address, mostLeasedPages()));
    }
    requireInside(address, bytes, name(mode));
  }

  private void take(Lease lease, long address, LeaseMode mode) {
    boolean waited = false;
    long began = 0;
    while (!tryTake(lease, address)) {
      if (busyPage == PageArray.NONE) {
        bringIn(address, mode.access);
        continue;
      }
      self.requireNotLeased(busyPage, address);
      if (!waited) {
        waited = true;
        began = machine.spec().ticker().nanos();
      }
      busy.sleepWhileBusy(self, busyPage);
      machine.page().gate().checkDeadline(self);
      space.leases().checkPatience(self, began, "the page at 0x%x".formatted(address), lease);
    }
    space.leases().took(lease);
  }

  /// Takes the page of an address if its entry allows the access.
  ///
  /// @return false if not; [#busyPage] is who else has busy, or none
  private boolean tryTake(Lease lease, long address) {
    long slot = slot(address);
    boolean same;
    int page;
    busyPage = PageArray.NONE;
    guard.enter();
    try {
      long pte = RawMemory.getLongAcquire(slot);
      if (lease.isWrite() ? !allowsStore(pte, address) : !allowsLoad(pte)) {
        return false;
      }
      page = machine.page().pages().pageAt(Pte.frame(pte));
      if (page == PageArray.NONE) {
        return false; // a fictitious page was freed, and took the entry with it
      }
      if (!tryBusy(lease, page)) {
        busyPage = page;
        return false;
      }
      same = RawMemory.getLongAcquire(slot) == pte; // if not, it was unmapped in between
    } finally {
      guard.leave();
    }
    if (same && lease.isSnapshot()) {
      requireSendable(page, address);
      setUp(lease, page);
    } else if (same) {
      lease.take(page);
    } else {
      endBusy(lease, page); // outside the guard, because it may wake others
    }
    return same;
  }

  private boolean tryBusy(Lease lease, int page) {
    return lease.isSnapshot()
        ? busy.tryHardBusyBesideSoft(page)
        : busy.tryLease(page, lease.isWrite());
  }

  private void endBusy(Lease lease, int page) {
    if (lease.isSnapshot()) {
      busy.unbusy(page);
    } else {
      busy.endLease(page, lease.isWrite());
    }
  }

  /// A page can be sent while others store only if its object can get another in its place.
  private void requireSendable(int page, long address) {
    int slot = machine.page().pages().object(page);
    if (slot == PageArray.NO_OBJECT || machine.objects().get(slot).keepsWired()) {
      busy.unbusy(page);
      throw new AccessViolationException(
          address, "snapshot", "the page is the machine's own, and has no other version");
    }
  }

  /// Begins to send a hard-busy page, which is not busy afterwards.
  private void setUp(Lease lease, int page) {
    try {
      if (cow.isFull(page)) {
        throw new OutOfPagesException("there are too many snapshots of one page for a " + lease);
      }
      if (cow.isBound(page)) {
        throw new IllegalStateException("the machine itself has wired the page of a " + lease);
      }
      openTicket = cow.setUp(page);
      lease.take(page);
    } catch (VmPanic broken) {
      machine.halt(broken);
      throw broken;
    } finally {
      busy.unbusy(page);
    }
  }

  private void awaitStores(Lease lease) {
    if (!cow.awaitStores(openTicket)) {
      throw new AccessUnderWayException(
          "a %s: a store into it has been under way for too long".formatted(lease));
    }
  }

  /// Where the bytes of a lease in its page are.
  final long leasedFrom(Lease lease, int i) {
    long frame = machine.page().pages().address(lease.page(i));
    return i == 0 ? frame + (lease.address() - lease.start()) : frame;
  }

  /// How many bytes of a lease lie in its page.
  final long leasedBytes(Lease lease, int i) {
    long page = lease.start() + (long) i * pageSize;
    long end = Math.min(lease.address() + lease.bytes(), page + pageSize);
    return end - Math.max(lease.address(), page);
  }

  /// Gives back what a closed lease had.
  final void giveBack(PageLease shown, Lease lease) {
    open.remove(shown);
    giveBack(lease);
  }

  private void giveBack(Lease lease) {
    leased.remove(lease);
    giveBack(machine, space, self, lease);
  }

  /// Gives back what a lease had, without its view.
  static void giveBack(Machine machine, Space space, VmThread self, Lease lease) {
    try {
      space.leases().leave(self, lease);
    } catch (VmPanic broken) {
      machine.halt(broken);
      throw broken;
    }
  }

  /// Closes all leases of the view.
  final void closeLeases() {
    while (!open.isEmpty()) {
      open.getLast().close();
    }
  }
}
