package org.pondhawk.vm;

import java.io.UncheckedIOException;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.VmThread;

/// The way from an address to its bytes, for the one thread that owns a view: the checks, the load
/// of the page table entry, and what is done about a miss.
///
/// Every access of a view is a *load* or a *store* in the sense of this class, and every one has
/// the same form:
///
/// ```
///   load:   for (;;) {                              store:   pte = beginStore(slot(address), address)
///             slot = slot(address)                           try {
///             pte = beginLoad(slot, address)                   raw store at(pte, address)
///             value = raw load at(pte, address)              } finally { endStore() }
///             if (endLoad(slot, pte)) return value
///           }
/// ```
///
/// The place of an entry is asked for anew in each round of a load: in a table of two levels it
/// moves when the memory of the entry comes or goes. A place from before is never another
/// address's.
@SuppressWarnings("ReferenceEquality") // threads are compared by identity on every access
abstract class ViewTranslation {
  /*
   * A load is *validated*: entry, data, entry again. Frames are always mapped memory, so a stale load is
   * harmless until it is believed; the same entry twice, generation included, says that nothing came
   * between. What was loaded before that second look must not be shown to anybody. (LoadMode has the
   * other way to load, for comparison.)
   *
   * A store is *guarded*: inside the guard the entry is looked at and used, and whoever takes the entry
   * away waits for guards before the frame is written out or used anew. So whatever else must be sure of
   * a frame for longer than one look is a store in this sense, though it may only read.
   *
   * After close every address has the same entry, which is never valid: so "closed" is found out on the
   * miss path.
   */
  /// In place of an entry: the access takes a fault.
  static final long ABSENT = 0;

  private static final int ONE_ENTRY_SHIFT = 63;

  /// No memory of ours lies behind it.
  static final long END_OF_MEMORY = 1L << 60;

  private static final class Closed {
    /// The one entry of a closed view's table, in memory that lives as long as the process.
    static final long TABLE = new OwnMemory().allocate(Long.BYTES, "the table of closed views");
  }

  final Machine machine;
  final Space space;
  final VmThread self;
  final Guard guard;
  private final Thread owner = Thread.currentThread();
  private final Fault fault;
  private final char offsetMask; // a page has 64 KiB at most, and a char is never negative
  private final long outside;
  private final long stray2;
  private final long stray4;
  private final long stray8;
  int pageShift;
  int regionShift;
  long table;
  private long regions;
  private boolean closed;

  ViewTranslation(Machine machine, Space space) {
    this.machine = machine;
    this.space = space;
    this.self = machine.newThread("view of space " + space.id()).in(space.process());
    this.fault = new Fault(self, space);
    this.guard = machine.grace().register();
    this.pageShift = machine.page().pages().frames().pageShift();
    this.offsetMask = (char) (machine.spec().pageSize() - 1);
    this.outside = -space.map().range();
    this.stray2 = outside | (Short.BYTES - 1);
    this.stray4 = outside | (Integer.BYTES - 1);
    this.stray8 = outside | (Long.BYTES - 1);
    this.regionShift = space.pmap().regionShift();
    this.table = space.pmap().table();
    this.regions = space.pmap().regions();
  }

  // ---- the hit path

  /// Whether an access is more than one access to one page: it crosses a page's end, or lies
  /// outside the space.
  ///
  /// @param bytes 1, 2, 4 or 8, a constant at each call
  /// @throws WrongThreadException if the caller is not the owner
  final boolean isSplit(long address, int bytes) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    return (address & stray(bytes)) != 0 && isReallySplit(address, bytes);
  }

  /// The bits that an address does not have at which an access is one access to one page for sure:
  /// inside the space, and a multiple of its size. One look at one word for what nearly all are.
  private long stray(int bytes) {
    return switch (bytes) {
      case Byte.BYTES -> outside;
      case Short.BYTES -> stray2;
      case Integer.BYTES -> stray4;
      default -> stray8;
    };
  }

  private boolean isReallySplit(long address, int bytes) {
    return (address & outside) != 0 || (address & offsetMask) > offsetMask + 1 - bytes;
  }

  /// Requires that an access lies inside the space, at a multiple of its size.
  ///
  /// @throws WrongThreadException if the caller is not the owner
  final void requireAligned(long address, int bytes, String access) {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
    if ((address & stray(bytes)) != 0) {
      throw misplaced(address, bytes, access);
    }
  }

  static boolean allowsLoad(long pte) {
    return (pte & Pte.READ_HIT) != 0;
  }

  /// Whether an entry and the word of its region allow a store; only inside the guard.
  final boolean allowsStore(long pte, long address) {
    return (pte & Pte.WRITE_HIT) != 0 && region(address) == 0;
  }

  /// The word that can take the right to store from a whole region at once.
  private long region(long address) {
    // Plain is enough: it comes after the guard's mark, and whoever sets the word waits for the
    // guards that may not have seen it.
    return RawMemory.getLong(regions + (address >>> regionShift) * Long.BYTES);
  }

  /// Where the entry of an address is, for now.
  abstract long slot(long address);

  /// Where the byte of an address is, in the frame of its entry.
  final long at(long pte, long address) {
    return Pte.frame(pte) + (address & offsetMask);
  }

  /// How many bytes lie before an address in the page that ends there or goes on, at least 1.
  final int leftBefore(long end) {
    return (int) ((end - 1) & offsetMask) + 1;
  }

  /// How many bytes follow in the page of an address, its own included.
  final int leftInPage(long address) {
    return (int) (offsetMask + 1 - (address & offsetMask));
  }

  /// Begins a load, faulting the page in.
  ///
  /// @return the entry, which allows it; not the one in the slot if that has moved
  final long beginLoad(long slot, long address) {
    long pte = enterLoad(slot);
    return allowsLoad(pte) ? pte : MissPath.bringInToLoad(this, address);
  }

  /// Goes on with a load that missed; called through [MissPath] only.
  final long beginLoadAgain(long address) {
    for (; ; ) {
      leaveLoad();
      bringIn(address, Access.READ);
      long pte = enterLoad(slot(address));
      if (allowsLoad(pte)) {
        return pte;
      }
    }
  }

  /// Begins a load if that takes no fault.
  ///
  /// @return the entry, or [#ABSENT]; then no load has begun
  final long tryBeginLoad(long slot, long address) {
    long pte = enterLoad(slot);
    while (!allowsLoad(pte)) {
      leaveLoad();
      if (!touch(address, Access.READ)) {
        return ABSENT;
      }
      pte = enterLoad(slot(address));
    }
    return pte;
  }

  /// Starts a load, whatever the entry says.
  ///
  /// @return the entry
  final long enterLoad(long slot) {
    if (LoadMode.GUARDED) {
      guard.enter();
    }
    // Plain is enough: what is loaded through the entry has its address from it.
    return RawMemory.getLong(slot);
  }

  /// Gives up a load that did not get past [#enterLoad].
  final void leaveLoad() {
    if (LoadMode.GUARDED) {
      guard.leave();
    }
  }

  /// Ends a load.
  ///
  /// @param pte what [#beginLoad] returned
  /// @return whether what was loaded is good; if not, it must be loaded again
  @SuppressWarnings("ReachabilityFenceUsage") // nothing throws between the load and the fence
  final boolean endLoad(long slot, long pte) {
    if (LoadMode.GUARDED) {
      guard.leave();
      return true;
    }
    if (BrokenAccess.LOADS_ONCE) {
      return true;
    }
    VarHandle.loadLoadFence();
    // Plain is enough: the fence keeps it behind the data and apart from the first look.
    boolean good = RawMemory.getLong(slot) == pte;
    Reference.reachabilityFence(this); // a view that is collected gives its table back
    return good;
  }

  /// Begins a store, faulting the page in. From here to [#endStore] the caller does nothing but its
  /// store.
  ///
  /// @return the entry, which allows it
  final long beginStore(long slot, long address) {
    long pte = enterStore(slot);
    return allowsStore(pte, address) ? pte : MissPath.bringInToStore(this, address);
  }

  /// Starts a store, whatever the entry says.
  ///
  /// @return the entry
  final long enterStore(long slot) {
    if (BrokenAccess.GUARDS_LATE) {
      return BrokenAccess.lookAndEnter(guard, slot);
    }
    guard.enter();
    return RawMemory.getLong(slot); // as in a load
  }

  /// Goes on with a store that missed; called through [MissPath] only.
  final long beginStoreAgain(long address) {
    for (; ; ) {
      guard.leave();
      bringIn(address, Access.WRITE);
      long pte = enterStore(slot(address));
      if (allowsStore(pte, address)) {
        return pte;
      }
    }
  }

  /// Begins a store if that takes no fault.
  ///
  /// @return the entry, or [#ABSENT]; then no store has begun
  final long tryBeginStore(long address) {
    for (; ; ) {
      long pte = enterStore(slot(address));
      if (allowsStore(pte, address)) {
        return pte;
      }
      guard.leave();
      if (!touch(address, Access.WRITE)) {
        return ABSENT;
      }
    }
  }

  /// Ends a store.
  final void endStore() {
    guard.leave();
  }

  // ---- the paths that are not hot

  /// Sets the bits of an entry that allows the access, as hardware would.
  ///
  /// @return false if it does not allow it: that is a fault
  final boolean touch(long address, int access) {
    requireOpen();
    return space.pmap().touch(address, access == Access.WRITE);
  }

  /// Makes the entry of an address allow an access, by a fault if it must be.
  final void bringIn(long address, int access) {
    if (touch(address, access)) {
      return;
    }
    try {
      machine.faults().resolve(fault, address, access);
    } catch (OutOfPagesException
        | AccessViolationException
        | LeaseHeldException
        | UncheckedIOException
        | MachineHaltedException expected) {
      throw expected;
    } catch (Throwable broken) {
      machine.halt(broken); // it may have left a page busy or a lock taken
      throw broken;
    }
  }

  final void requireOwner() {
    if (Thread.currentThread() != owner) {
      throw wrongThread();
    }
  }

  final void requireOpen() {
    if (closed) {
      throw new IllegalStateException("this view is closed");
    }
  }

  /// Requires an open view, its owner, and a range inside the space.
  final void requireRange(long address, long bytes, String access) {
    requireOwner();
    requireOpen();
    if (bytes < 0) {
      throw new IllegalArgumentException("a length of " + bytes + " bytes");
    }
    requireInside(address, bytes, access);
  }

  /// Requires that a range lies inside the space.
  final void requireInside(long address, long bytes, String access) {
    if (address < 0 || address > space.map().range() - bytes) {
      throw new AccessViolationException(
          address, access, "beyond the range of space " + space.id());
    }
  }

  /// Ends all translation: from now on every access misses.
  ///
  /// @return false if that was so already
  final boolean endTranslation() {
    if (closed) {
      return false;
    }
    closed = true;
    endTables(Closed.TABLE);
    pageShift = ONE_ENTRY_SHIFT;
    regionShift = ONE_ENTRY_SHIFT;
    return true;
  }

  /// Puts a word that is always 0 in the place of every word of a table.
  void endTables(long zeros) {
    table = zeros;
    regions = zeros;
  }

  private RuntimeException misplaced(long address, int bytes, String access) {
    requireInside(address, bytes, access);
    return new IllegalArgumentException(
        "%s at 0x%x: not a multiple of %d".formatted(access, address, bytes));
  }

  private WrongThreadException wrongThread() {
    return new WrongThreadException(
        "this view belongs to " + owner + ", not to " + Thread.currentThread());
  }
}
