package org.pondhawk.vm;

import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.VmThread;

/// A thread's window on an address space: loads and stores, one page table entry away from memory.
///
/// **Contract.** One thread makes it, uses it and closes it; another gets `WrongThreadException`. A
/// load or store of up to 8 bytes at a multiple of its size is untorn; one that crosses a page is
/// several. An access to a page that is not resident faults: it may wait for memory and for I/O.
///
/// **Memory effects.** Those of plain loads and stores of ordinary memory.
///
/// **Failure.** [AccessViolationException] where nothing is mapped, or not for this access;
/// [org.pondhawk.vm.error.OutOfPagesException] where no page could be had; `UncheckedIOException`
/// where one could not be read back. A store that failed has stored nothing in the page that
/// failed.
@SuppressWarnings("ReferenceEquality") // threads are compared by identity on every access
public final class View implements AutoCloseable {
  /*
   * A load is *validated*: entry, data, entry again. Frames are always mapped memory, so a stale load is
   * harmless until it is believed; the same entry twice, generation included, says that nothing came
   * between. A store is *guarded*: inside the guard the entry is looked at and used, and whoever
   * takes the entry away waits for guards before the frame is written out or used anew.
   *
   * After close every address has the same entry, which is never valid: so "closed" is found out on the
   * miss path.
   */
  private static final Cleaner CLEANER = Cleaner.create();
  private static final long NEVER_VALID = Arena.global().allocate(Long.BYTES, Long.BYTES).address();
  private static final int ONE_ENTRY_SHIFT = 63;

  private final Thread owner = Thread.currentThread();
  private final Machine machine;
  private final Space space;
  private final VmThread self;
  private final Guard guard;
  private final Cleaner.Cleanable cleanable;
  private final long offsetMask;
  private final long outside;
  private int pageShift;
  private int regionShift;
  private long regions;
  private long table;
  private boolean closed;

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
    this.machine = machine;
    this.space = space;
    this.self = machine.newThread("view of space " + space.id());
    this.guard = machine.grace().register();
    this.pageShift = machine.page().pages().frames().pageShift();
    this.offsetMask = machine.spec().pageSize() - 1L;
    this.outside = -space.map().range();
    this.table = space.pmap().table();
    this.regions = space.pmap().regions();
    this.regionShift = space.pmap().regionShift();
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

  // ---- loads

  /// Loads 8 bytes in the order of the processor.
  public long getLong(long address) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Long.BYTES)) {
      return getAcross(address, Long.BYTES);
    }
    for (; ; ) {
      long slot = slot(address);
      long pte = RawMemory.getLongAcquire(slot);
      if ((pte & Pte.READ_HIT) == Pte.READ_HIT) {
        long value = RawMemory.getLong(Pte.frame(pte) + (address & offsetMask));
        VarHandle.loadLoadFence();
        if (RawMemory.getLongOpaque(slot) == pte) {
          return value;
        }
      } else {
        miss(address, Access.READ);
      }
    }
  }

  /// Loads 4 bytes in the order of the processor.
  public int getInt(long address) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Integer.BYTES)) {
      return (int) getAcross(address, Integer.BYTES);
    }
    for (; ; ) {
      long slot = slot(address);
      long pte = RawMemory.getLongAcquire(slot);
      if ((pte & Pte.READ_HIT) == Pte.READ_HIT) {
        int value = RawMemory.getInt(Pte.frame(pte) + (address & offsetMask));
        VarHandle.loadLoadFence();
        if (RawMemory.getLongOpaque(slot) == pte) {
          return value;
        }
      } else {
        miss(address, Access.READ);
      }
    }
  }

  /// Loads a byte.
  public byte getByte(long address) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Byte.BYTES)) {
      throw beyond(address, "read");
    }
    for (; ; ) {
      long slot = slot(address);
      long pte = RawMemory.getLongAcquire(slot);
      if ((pte & Pte.READ_HIT) == Pte.READ_HIT) {
        byte value = RawMemory.getByte(Pte.frame(pte) + (address & offsetMask));
        VarHandle.loadLoadFence();
        if (RawMemory.getLongOpaque(slot) == pte) {
          return value;
        }
      } else {
        miss(address, Access.READ);
      }
    }
  }

  // ---- stores

  /// Stores 8 bytes in the order of the processor.
  public void putLong(long address, long value) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Long.BYTES)) {
      putAcross(address, value, Long.BYTES);
      return;
    }
    for (; ; ) {
      boolean hit;
      guard.enter();
      try {
        long pte = RawMemory.getLongAcquire(slot(address));
        hit = (pte & Pte.WRITE_HIT) == Pte.WRITE_HIT && region(address) == 0;
        if (hit) {
          RawMemory.putLong(Pte.frame(pte) + (address & offsetMask), value);
        }
      } finally {
        guard.leave();
      }
      if (hit) {
        return;
      }
      miss(address, Access.WRITE);
    }
  }

  /// Stores 4 bytes in the order of the processor.
  public void putInt(long address, int value) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Integer.BYTES)) {
      putAcross(address, value, Integer.BYTES);
      return;
    }
    for (; ; ) {
      boolean hit;
      guard.enter();
      try {
        long pte = RawMemory.getLongAcquire(slot(address));
        hit = (pte & Pte.WRITE_HIT) == Pte.WRITE_HIT && region(address) == 0;
        if (hit) {
          RawMemory.putInt(Pte.frame(pte) + (address & offsetMask), value);
        }
      } finally {
        guard.leave();
      }
      if (hit) {
        return;
      }
      miss(address, Access.WRITE);
    }
  }

  /// Stores a byte.
  public void putByte(long address, byte value) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (reachesOut(address, Byte.BYTES)) {
      throw beyond(address, "write");
    }
    for (; ; ) {
      boolean hit;
      guard.enter();
      try {
        long pte = RawMemory.getLongAcquire(slot(address));
        hit = (pte & Pte.WRITE_HIT) == Pte.WRITE_HIT && region(address) == 0;
        if (hit) {
          RawMemory.putByte(Pte.frame(pte) + (address & offsetMask), value);
        }
      } finally {
        guard.leave();
      }
      if (hit) {
        return;
      }
      miss(address, Access.WRITE);
    }
  }

  // ---- many bytes

  /// Copies bytes out of the space, page by page.
  ///
  /// @param to where they go, from `index` on
  public void copyTo(long address, byte[] to, int index, int length) {
    checkBulk(address, to.length, index, length, "read");
    int done = 0;
    while (done < length) {
      long at = address + done;
      int chunk = (int) Math.min(length - done, offsetMask + 1 - (at & offsetMask));
      copyChunkTo(at, to, index + done, chunk);
      done += chunk;
    }
  }

  private void copyChunkTo(long address, byte[] to, int index, int length) {
    for (; ; ) {
      long slot = slot(address);
      long pte = RawMemory.getLongAcquire(slot);
      if ((pte & Pte.READ_HIT) == Pte.READ_HIT) {
        RawMemory.copyToArray(Pte.frame(pte) + (address & offsetMask), to, index, length);
        VarHandle.loadLoadFence();
        if (RawMemory.getLongOpaque(slot) == pte) {
          return;
        }
      } else {
        miss(address, Access.READ);
      }
    }
  }

  /// Copies bytes into the space, page by page.
  ///
  /// @param from where they come from, from `index` on
  public void copyFrom(byte[] from, int index, int length, long address) {
    checkBulk(address, from.length, index, length, "write");
    int done = 0;
    while (done < length) {
      long at = address + done;
      int chunk = (int) Math.min(length - done, offsetMask + 1 - (at & offsetMask));
      copyChunkFrom(from, index + done, chunk, at);
      done += chunk;
    }
  }

  private void copyChunkFrom(byte[] from, int index, int length, long address) {
    for (; ; ) {
      boolean hit;
      guard.enter();
      try {
        long pte = RawMemory.getLongAcquire(slot(address));
        hit = (pte & Pte.WRITE_HIT) == Pte.WRITE_HIT && region(address) == 0;
        if (hit) {
          RawMemory.copyFromArray(from, index, Pte.frame(pte) + (address & offsetMask), length);
        }
      } finally {
        guard.leave();
      }
      if (hit) {
        return;
      }
      miss(address, Access.WRITE);
    }
  }

  // ---- the paths that are not hot

  /// The word that can take the right to store from a whole region at once.
  private long region(long address) {
    return RawMemory.getLongOpaque(regions + (address >>> regionShift) * Long.BYTES);
  }

  private long slot(long address) {
    return table + (address >>> pageShift) * Long.BYTES;
  }

  private boolean reachesOut(long address, int bytes) {
    return (address & outside) != 0 || (address & offsetMask) > offsetMask + 1 - bytes;
  }

  private long getAcross(long address, int bytes) {
    requireInside(address, bytes, "read");
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = (value << Byte.SIZE) | (getByte(address + i) & 0xff);
    }
    return value;
  }

  private void putAcross(long address, long value, int bytes) {
    requireInside(address, bytes, "write");
    for (int i = 0; i < bytes; i++) {
      putByte(address + i, (byte) (value >>> (i * Byte.SIZE)));
    }
  }

  private void requireInside(long address, long bytes, String access) {
    if (address < 0 || address > space.map().range() - bytes) {
      throw beyond(address, access);
    }
  }

  private void checkBulk(long address, int arrayLength, int index, int length, String access) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    Objects.checkFromIndexSize(index, length, arrayLength);
    requireInside(address, length, access);
  }

  private AccessViolationException beyond(long address, String access) {
    return new AccessViolationException(address, access, "beyond the range of space " + space.id());
  }

  private WrongThreadException wrongThread() {
    return new WrongThreadException(
        "this view belongs to " + owner + ", not to " + Thread.currentThread());
  }

  /// Sets the bits of an entry that allows the access, or resolves the fault.
  private void miss(long address, int access) {
    if (closed) {
      throw new IllegalStateException("this view is closed");
    }
    if (space.pmap().touch(address, access == Access.WRITE)) {
      return;
    }
    try {
      machine.faults().resolve(self, space, address, access);
    } catch (OutOfPagesException
        | AccessViolationException
        | UncheckedIOException
        | MachineHaltedException expected) {
      throw expected;
    } catch (Throwable broken) {
      machine.halt(broken); // it may have left a page busy or a lock taken
      throw broken;
    }
  }

  /// Closes the view; only its own thread may. Idempotent.
  @Override
  public void close() {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if (!closed) {
      closed = true;
      table = NEVER_VALID;
      pageShift = ONE_ENTRY_SHIFT;
      regions = NEVER_VALID;
      regionShift = ONE_ENTRY_SHIFT;
      cleanable.clean();
    }
  }
}
