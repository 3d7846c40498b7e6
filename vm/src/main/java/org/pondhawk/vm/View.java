package org.pondhawk.vm;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
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
public final class View extends BulkAccess implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Cleaner.Cleanable cleanable;

  /// What must be given back when the view is closed, or was forgotten.
  private record Hold(Machine machine, Space space, VmThread self, Guard guard, AtomicBoolean done)
      implements Runnable {
    @Override
    public void run() {
      if (!done.getAndSet(true)) {
        machine.grace().unregister(guard);
        machine.nodes().unload(self);
        space.pmap().unpin();
        machine.release();
      }
    }
  }

  private View(Machine machine, Space space) {
    super(machine, space);
    this.cleanable =
        CLEANER.register(this, new Hold(machine, space, self, guard, new AtomicBoolean()));
  }

  static View open(Machine machine, Space space) {
    if (!machine.retain()) {
      throw new IllegalStateException("the machine is closed");
    }
    if (!space.pmap().pin()) {
      machine.release();
      throw new IllegalStateException("space " + space.id() + " is closed");
    }
    return new View(machine, space);
  }

  /// Closes the view; only its own thread may. Idempotent.
  @Override
  public void close() {
    requireOwner();
    if (endTranslation()) {
      cleanable.clean();
    }
  }
}
