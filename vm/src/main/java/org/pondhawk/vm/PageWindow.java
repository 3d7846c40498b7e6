package org.pondhawk.vm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.mem.RawMemory;

/// A window for reading a range of a space page by page, each as a plain segment: so a loop over
/// the values of a page costs what a loop over memory costs.
///
/// ```java
/// try (PageWindow window = view.window(address, bytes)) {
///   while (window.next()) {
///     MemorySegment page = window.bytes();
///     for (long i = 0; i < page.byteSize(); i += 8) sum += page.get(JAVA_LONG_UNALIGNED, i);
///   }
/// }
/// ```
///
/// **Contract.** Belongs to the thread of its view, and is closed with it at the latest. Each
/// segment is read-only, belongs to the same thread and ends at the next [#next] or [#close]: used
/// later it throws, and never shows anything else. A value that lies across two pages is not in any
/// of the segments; read it through the view.
///
/// While the window is on a page, the page stays in memory: it is neither evicted nor is its frame
/// used for anything else. So keep a window on a page for as long as a loop over it takes, not
/// longer.
///
/// **Memory effects.** Those of plain loads; stores through views are seen while the page stays
/// mapped. If it is unmapped, or replaced by a copy because it was about to change after a fork or
/// under a snapshot, the segment goes on showing the old page: what it last held or a pattern,
/// never bytes of a page that is somebody else's. Without native access each segment is a copy,
/// made by [#next].
///
/// **Failure.** As any load of a view; a [#next] that threw may be tried again.
public final class PageWindow implements AutoCloseable {
  /*
   * The hold count of the page is what keeps the frame: taken inside the guard, where the page can't
   * become free, and given back after the segment's arena is closed. A page with holders is not taken
   * from its object by eviction; if unmapping frees it, it stays on the HOLD queue. Whoever lets another
   * space store into a page in place must look at the hold count and copy if it is not 0.
   *
   * A window is for reading only: stores would have to be noted in the page's dirty bits, which are
   * collected from page table entries, and a segment has no place to do that. A lease can.
   *
   * A segment may be all that is left of a view that was forgotten. So its arena refers to the view,
   * which keeps the frames' memory from being given back.
   */

  /// What an arena calls when it closes, and refers to until then. There is nothing to do.
  private record Reference(View view) implements Consumer<MemorySegment> {
    @Override
    public void accept(MemorySegment closed) {}
  }

  private final View view;
  private final View.HeldPage held;
  private final Reference reference;
  private final long end;
  private long next;
  private long address;
  private @Nullable Arena arena;
  private @Nullable MemorySegment bytes;
  private boolean closed;

  PageWindow(View view, View.HeldPage held, long address, long bytes) {
    this.view = view;
    this.held = held;
    this.reference = new Reference(view);
    this.next = address;
    this.end = address + bytes;
  }

  /// Moves on to the next page of the range, faulting it in if need be. The last page's segment
  /// ends.
  ///
  /// @return false if there is none
  public boolean next() {
    requireOpen();
    release();
    if (next == end) {
      return false;
    }
    Arena fresh = Arena.ofConfined();
    arena = fresh;
    long length = Math.min(end - next, view.leftInPage(next));
    bytes = RawMemory.window(view.hold(next, held), length, fresh, reference);
    address = next;
    next += length;
    return true;
  }

  /// The part of the range that lies in this page.
  ///
  /// @throws IllegalStateException before the first and behind the last page
  public MemorySegment bytes() {
    requireOpen();
    MemorySegment current = bytes;
    if (current == null) {
      throw new IllegalStateException("the window is on no page");
    }
    return current;
  }

  /// The address of the first byte of [#bytes].
  ///
  /// @throws IllegalStateException before the first and behind the last page
  public long address() {
    bytes();
    return address;
  }

  /// Closes the window; its segment ends. Idempotent.
  ///
  /// @throws IllegalStateException if the segment is in use by an operation that has not ended
  @Override
  public void close() {
    view.requireOwner();
    if (!closed) {
      release();
      closed = true;
      view.forget(this, held);
    }
  }

  private void release() {
    Arena last = arena;
    if (last != null) {
      last.close();
      arena = null;
      bytes = null;
    }
    view.unhold(held);
  }

  private void requireOpen() {
    view.requireOwner();
    if (closed) {
      throw new IllegalStateException("this window is closed");
    }
  }
}
