package org.pondhawk.vm;

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Lease;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.VmThread;

/// A thread's window on an address space: loads and stores, one page table entry away from memory.
///
/// **Contract.** One thread makes it, uses it and closes it; another gets `WrongThreadException`. A
/// load or store of up to 8 bytes at a multiple of its size is untorn; one that crosses a page is
/// several. An access to a page that is not resident faults: it may wait for memory and for I/O.
///
/// **Memory effects.** Those of plain loads and stores of ordinary memory; for the methods that
/// name an access mode, and for read-modify-write, those of the methods of `VarHandle` with the
/// same names.
///
/// **Failure.** `IllegalArgumentException` and `IndexOutOfBoundsException` for arguments that make
/// no sense, before anything is done; [AccessViolationException] where nothing is mapped, or not
/// for this access; [org.pondhawk.vm.error.OutOfPagesException] where no page could be had;
/// `UncheckedIOException` where one could not be read back. A store that failed has stored nothing
/// in the page that failed.
public abstract sealed class View extends LeaseAccess implements AutoCloseable
    permits LinearView, TwoLevelView {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final Duration FAR = Duration.ofDays(10_000);

  private final Cleaner.Cleanable cleanable;
  private final List<PageWindow> windows = new ArrayList<>();
  private final List<HeldPage> heldPages;

  /// A page that a window holds, apart from the window: the view's own end must not depend on it.
  static final class HeldPage {
    int page = PageArray.NONE;
  }

  /// What must be given back when the view is closed, or was forgotten.
  private record Hold(
      Machine machine,
      Space space,
      VmThread self,
      Guard guard,
      List<HeldPage> heldPages,
      List<Lease> leased,
      AtomicBoolean done)
      implements Runnable {
    @Override
    public void run() {
      if (!done.getAndSet(true)) {
        guard.leave(); // it may have missed that, see Guard
        machine.grace().unregister(guard);
        heldPages.forEach(held -> unhold(machine, self, held));
        leased.forEach(lease -> giveBack(machine, space, self, lease));
        machine.nodes().unload(self);
        space.pmap().unpin();
        machine.release();
      }
    }
  }

  View(Machine machine, Space space) {
    super(machine, space);
    this.heldPages = new ArrayList<>();
    Hold hold = new Hold(machine, space, self, guard, heldPages, leased, new AtomicBoolean());
    this.cleanable = CLEANER.register(this, hold);
  }

  static View open(Machine machine, Space space) {
    if (!machine.retain()) {
      throw new IllegalStateException("the machine is closed");
    }
    if (!space.pmap().pin()) {
      machine.release();
      throw new IllegalStateException("space " + space.id() + " is closed");
    }
    // Each by a method of its own, so that the class of the other is not even loaded.
    return space.pmap().form() == TableForm.LINEAR
        ? LinearView.of(machine, space)
        : TwoLevelView.of(machine, space);
  }

  // ---- deadlines

  /// Lets no access of this view wait past a moment: from then on one that would have to wait for
  /// memory, or for a page that somebody else is at work on, throws
  /// [org.pondhawk.vm.error.OutOfPagesException] instead. Until then it waits, however little the
  /// machine gets done; the machine's own patience does not count. A read of the page that has
  /// begun is not broken off.
  ///
  /// @param fromNow how long until then; zero to wait for nothing
  public final void setDeadline(Duration fromNow) {
    requireOwner();
    if (fromNow.isNegative()) {
      throw new IllegalArgumentException("a deadline " + fromNow + " from now");
    }
    long nanos = fromNow.compareTo(FAR) < 0 ? fromNow.toNanos() : FAR.toNanos();
    self.setDeadline(machine.spec().ticker(), machine.spec().ticker().nanos() + nanos);
  }

  /// Takes the deadline back: the machine's patience counts again.
  public final void clearDeadline() {
    requireOwner();
    self.clearDeadline();
  }

  // ---- niceness

  /// How early accesses of this view yield memory to others.
  ///
  /// @return from -20, last, to 20, first
  public final int nice() {
    requireOwner();
    return self.nice();
  }

  /// Gives this view a niceness of its own, in place of that of its space ([AddressSpace#setNice]).
  ///
  /// @param nice from -20, which yields last, to 20, which yields first; 0 for that of the space
  /// @throws IllegalArgumentException if it is not
  public final void setNice(int nice) {
    requireOwner();
    self.setNice(nice);
  }

  // ---- windows

  /// Opens a window for reading a range, page by page, at the speed of plain memory.
  ///
  /// @return a window in front of the first page; see [PageWindow#next]
  public final PageWindow window(long address, long bytes) {
    requireRange(address, bytes, "read");
    HeldPage held = new HeldPage();
    PageWindow window = new PageWindow(this, held, address, bytes);
    heldPages.add(held);
    windows.add(window);
    return window;
  }

  /// Forgets a window that was closed and holds nothing.
  final void forget(PageWindow window, HeldPage held) {
    windows.remove(window);
    heldPages.remove(held);
  }

  /// Holds the page of an address, faulting it in.
  ///
  /// @return where the byte is; its frame is nobody else's until [#unhold]
  final long hold(long address, HeldPage held) {
    for (; ; ) {
      guard.enter();
      try {
        long slot = slot(address);
        long pte = RawMemory.getLongAcquire(slot);
        if (allowsLoad(pte)) {
          int page = machine.page().pages().pageAt(Pte.frame(pte));
          if (page == PageArray.NONE) {
            continue; // a fictitious page was freed, and took the entry with it
          }
          machine.allocator().hold(page);
          if (RawMemory.getLongAcquire(slot) == pte) { // it was mapped when the hold began
            held.page = page;
            return at(pte, address);
          }
          machine.allocator().unhold(self, page);
          continue;
        }
      } catch (VmPanic broken) {
        machine.halt(broken);
        throw broken;
      } finally {
        guard.leave();
      }
      bringIn(address, Access.READ);
    }
  }

  final void unhold(HeldPage held) {
    unhold(machine, self, held);
  }

  private static void unhold(Machine machine, VmThread self, HeldPage held) {
    int page = held.page;
    if (page != PageArray.NONE) {
      held.page = PageArray.NONE;
      try {
        machine.allocator().unhold(self, page);
      } catch (VmPanic broken) {
        machine.halt(broken);
        throw broken;
      }
    }
  }

  /// Closes the view, its leases and its windows; only its own thread may. Idempotent.
  @Override
  public final void close() {
    requireOwner();
    closeLeases();
    while (!windows.isEmpty()) {
      windows.getLast().close();
    }
    if (endTranslation()) {
      cleanable.clean();
    }
  }
}
