package org.pondhawk.vm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.pondhawk.vm.map.Lease;
import org.pondhawk.vm.mem.RawMemory;

/// A page or a run of pages that a thread has to itself for a while, as plain segments: for work on
/// bytes that takes longer than one access, and for code that wants a `MemorySegment`.
///
/// ```java
/// try (PageLease page = view.lease(address, LeaseMode.WRITE)) {
///   page.bytes().set(JAVA_INT, 0, 7);
/// }
/// ```
///
/// **Contract.** Belongs to the thread of its view, and is closed with it at the latest. While it
/// is open its pages stay where they are: they are not evicted, moved or copied. Leases for reading
/// share a page; one for writing excludes every other. Loads and stores of views that find the page
/// mapped go on, as plain memory does, whatever is leased; what has to fault for the page waits. A
/// fork, an [AddressSpace#freeze], an unmap and a close wait for a lease in their way, for as long
/// as [VmConfig#leasePatience] says, and then fail with [org.pondhawk.vm.error.LeaseHeldException].
/// So keep a lease for milliseconds, not for minutes.
///
/// A lease of mode [LeaseMode#SNAPSHOT] is different: it is in nobody's way, and waits for nobody
/// but a lease for writing. Its bytes are those of a moment between call and return, for each page
/// one; of one moment for all its pages if the space is frozen while it is taken. Whoever stores
/// into a page of it gets a copy first, once; who reads sees that. Its pages, and so one copy more
/// of what was stored into, stay in memory until it is closed, whatever becomes of their space.
///
/// Each segment ends with the lease: used later it throws `IllegalStateException`, by another
/// thread `WrongThreadException`. Those of a lease for writing alone can be written.
///
/// **Memory effects.** Those of plain loads and stores; what was stored before a lease for writing
/// was closed is visible to later leases of the page, and to who forks or freezes later. A snapshot
/// shows what was stored before it was taken. Without native access the segments are copies, made
/// when the lease is taken and copied back when it is closed: stores of views in between are not
/// seen, and are overwritten in what is leased for writing.
///
/// **Failure.** An access of the same thread to a page that it has leased, in a way that must wait
/// for the lease to end, throws [org.pondhawk.vm.error.LeaseHeldException]: as to store into a page
/// leased for reading that must be copied first, because the space was forked.
public final class PageLease implements AutoCloseable {
  /*
   * A segment may be all that is left of a view that was forgotten. So its arena refers to the view,
   * whose own end gives the pages back.
   */

  /// What an arena calls when it closes, and refers to until then. There is nothing to do.
  private record Reference(LeaseAccess view) implements Consumer<MemorySegment> {
    @Override
    public void accept(MemorySegment closed) {}
  }

  private final LeaseAccess view;
  private final Lease lease;
  private final LeaseMode mode;
  private final Arena arena = Arena.ofConfined();
  private final List<MemorySegment> segments;
  private boolean closed;

  /// Makes the face of a lease that has all its pages.
  PageLease(LeaseAccess view, Lease lease, LeaseMode mode) {
    this.view = view;
    this.lease = lease;
    this.mode = mode;
    Reference reference = new Reference(view);
    List<MemorySegment> pages = new ArrayList<>(lease.pageCount());
    for (int i = 0; i < lease.pageCount(); i++) {
      long bytes = view.leasedBytes(lease, i);
      long from = view.leasedFrom(lease, i);
      pages.add(
          mode == LeaseMode.WRITE
              ? RawMemory.writableWindow(from, bytes, arena, reference)
              : RawMemory.window(from, bytes, arena, reference));
    }
    this.segments = List.copyOf(pages);
  }

  /// The bytes of a lease that lies in one page.
  ///
  /// @throws IllegalStateException if it is of several pages, or closed
  public MemorySegment bytes() {
    requireOpen();
    if (segments.size() != 1) {
      throw new IllegalStateException(
          "the lease is of %d pages: each has a segment".formatted(segments.size()));
    }
    return segments.getFirst();
  }

  /// The bytes, a segment for each page, in the order of addresses: pages that are neighbours in
  /// the space are none in memory.
  ///
  /// @return a list that cannot be changed
  /// @throws IllegalStateException if the lease is closed
  public List<MemorySegment> segments() {
    requireOpen();
    return segments;
  }

  /// The address of the first byte.
  public long address() {
    return lease.address();
  }

  /// What it is for.
  public LeaseMode mode() {
    return mode;
  }

  /// Closes the lease: its segments end, and its pages are anybody's again. Idempotent.
  ///
  /// @throws IllegalStateException if a segment is in use by an operation that has not ended
  @Override
  public void close() {
    view.requireOwner();
    if (!closed) {
      copyBack();
      arena.close();
      closed = true;
      view.giveBack(this, lease);
    }
  }

  private void copyBack() {
    if (mode == LeaseMode.WRITE && RawMemory.windowsAreCopies()) {
      for (int i = 0; i < segments.size(); i++) {
        MemorySegment copy = segments.get(i);
        RawMemory.copyFromSegment(copy, 0, view.leasedFrom(lease, i), copy.byteSize());
      }
    }
  }

  private void requireOpen() {
    view.requireOwner();
    if (closed) {
      throw new IllegalStateException("this lease is closed");
    }
  }

  @Override
  public String toString() {
    return (closed ? "closed " : "") + lease;
  }
}
