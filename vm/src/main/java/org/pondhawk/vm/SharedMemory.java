package org.pondhawk.vm;

import java.util.List;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.shm.Caller;
import org.pondhawk.vm.shm.Segments;
import org.pondhawk.vm.shm.Segments.Place;
import org.pondhawk.vm.stats.SharedSegment;

/// Memory that address spaces share by a number or a key (System V shared memory), as somebody sees
/// it: a *segment* is made once and attached wherever it is wanted.
///
/// A segment's bytes stay, in memory or in swap, until it was [removed][#remove] and its last
/// attachment is gone; zeros at first. A fork has attached what its parent has; closing a space, or
/// putting another program in its place, detaches all. `kern.ipc.shm…` are the limits, among
/// [VirtualMemory#tunables].
///
/// All methods may be called from any thread; they wait for each other for a moment. Only [#detach]
/// and [#remove] wait for transfers of the segment, and [#attach] and [#detach] for faults in the
/// space.
///
/// **Failure.** [org.pondhawk.vm.error.SharedMemoryException] with a reason, each of which has the
/// reference's name beside it; `IllegalStateException` for a closed space or machine. Nothing has
/// changed then.
public final class SharedMemory {
  /// A key that finds nothing: whoever asks for it gets a new segment (`IPC_PRIVATE`).
  public static final long PRIVATE = 0;

  private static final Place ANYWHERE = new Place(-1, false);

  private final Machine machine;
  private final EdgeThreads edge;
  private final Caller who;

  /// What [#get] does where there is no segment of a key, or is one.
  public enum Creation {
    /// It must be there.
    NEVER(Segments.Creation.NEVER),
    /// It is made if it is not (`IPC_CREAT`).
    IF_MISSING(Segments.Creation.IF_MISSING),
    /// It is made, and must not be there yet (`IPC_CREAT` with `IPC_EXCL`).
    ALWAYS(Segments.Creation.ALWAYS);

    private final Segments.Creation internal;

    Creation(Segments.Creation internal) {
      this.internal = internal;
    }
  }

  /// How exactly an address is meant.
  public enum Rounding {
    /// It is a multiple of the page size.
    NONE,
    /// The page that it lies in (`SHM_RND`).
    DOWN
  }

  SharedMemory(Machine machine, EdgeThreads edge, Credentials who) {
    this.machine = machine;
    this.edge = edge;
    this.who = who.internal();
  }

  /// The same memory, as somebody else sees it.
  public SharedMemory as(Credentials other) {
    return new SharedMemory(machine, edge, other);
  }

  /// Finds the segment of a key, or makes one (`shmget`).
  ///
  /// @param key what others find it by, or [#PRIVATE]
  /// @param bytes the size of a new one, from `kern.ipc.shmmin` to `kern.ipc.shmmax`; the least of
  ///   one that is there
  /// @param mode nine bits, three each for owners, groups and others, of which those for loads and
  ///   stores count: the rights of a new one; those that are asked for of one that is there
  /// @return its id, which is not given to another segment for a long time
  /// @throws org.pondhawk.vm.error.SharedMemoryException `NO_SUCH_KEY`, `KEY_IN_USE`,
  ///   `NOT_ALLOWED`, `INVALID` for a size or mode, `NO_ROOM` beyond `kern.ipc.shmall`,
  ///   `TOO_MANY_SEGMENTS` beyond `kern.ipc.shmmni`
  public int get(long key, long bytes, Creation creation, int mode) {
    machine.haltSwitch().check();
    return edge.call(_ -> machine.segments().get(who, key, bytes, creation.internal, mode));
  }

  /// Attaches a segment where it fits (`shmat`), behind the first 64 GiB if they are no more than
  /// half of the range. What is a multiple of 2 MiB long lies at one.
  ///
  /// @param protection what the mapping may ever be used for: to read, or both
  /// @return the first address
  /// @throws org.pondhawk.vm.error.SharedMemoryException `INVALID` for an id that there is not,
  ///   `NOT_ALLOWED`, `TOO_MANY_ATTACHED` beyond `kern.ipc.shmseg`, `NO_ROOM`
  public long attach(AddressSpace space, int id, Protection protection) {
    return attach(space, id, ANYWHERE, protection);
  }

  /// Attaches a segment at an address, replacing nothing (`shmat` with an address).
  ///
  /// @param address the first address
  /// @return the first address, rounded
  /// @throws org.pondhawk.vm.error.SharedMemoryException as for the other, and `INVALID` for an
  ///   address that should be a multiple of the page size, `NO_ROOM` where something is mapped or
  ///   the range ends
  public long attachAt(
      AddressSpace space, int id, long address, Protection protection, Rounding rounding) {
    if (address < 0) {
      throw new IllegalArgumentException("address " + address + " is negative");
    }
    return attach(space, id, new Place(address, rounding == Rounding.DOWN), protection);
  }

  private long attach(AddressSpace space, int id, Place place, Protection protection) {
    if (protection == Protection.NONE) {
      throw new IllegalArgumentException("a segment is attached to read, or to read and write");
    }
    machine.haltSwitch().check();
    Space into = inside(space);
    return edge.call(_ -> machine.segments().attach(who, id, into, place, protection.access));
  }

  /// Ends an attachment (`shmdt`): unmaps as much as the segment is long, whatever was mapped over
  /// it since.
  ///
  /// @param address what attaching returned
  /// @throws org.pondhawk.vm.error.SharedMemoryException `INVALID` if nothing is attached there
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] on it is not closed in time,
  ///   or is the calling thread's; it stays attached then
  public void detach(AddressSpace space, long address) {
    machine.haltSwitch().check();
    Space from = inside(space);
    edge.run(self -> machine.segments().detach(self, from, address));
  }

  private Space inside(AddressSpace space) {
    if (!space.isOf(machine)) {
      throw new IllegalArgumentException(space + " is of another machine");
    }
    return space.handle.open();
  }

  /// What is known of a segment (`shmctl` with `IPC_STAT`).
  ///
  /// @throws org.pondhawk.vm.error.SharedMemoryException `INVALID`, or `NOT_ALLOWED` to who may not
  ///   read it
  public SharedSegment stat(int id) {
    machine.haltSwitch().check();
    return edge.call(_ -> machine.segments().stat(who, id));
  }

  /// All segments that may be read.
  public List<SharedSegment> list() {
    machine.haltSwitch().check();
    return edge.call(_ -> machine.segments().list(who));
  }

  /// Gives a segment another owner and other rights (`shmctl` with `IPC_SET`). What is attached
  /// stays as it is.
  ///
  /// @param mode as for [#get]; more bits do not count
  /// @throws org.pondhawk.vm.error.SharedMemoryException `INVALID`, or `NOT_OWNER` to who is
  ///   neither the owner nor the creator
  public void set(int id, long user, long group, int mode) {
    machine.haltSwitch().check();
    edge.run(_ -> machine.segments().set(who, id, user, group, mode));
  }

  /// Lets a segment go with its last attachment, at once if there is none (`shmctl` with
  /// `IPC_RMID`): from now on nobody finds it by its key. While it is attached somewhere it can be
  /// attached by its id if `kern.ipc.shm_allow_removed` is on.
  ///
  /// @throws org.pondhawk.vm.error.SharedMemoryException as for [#set]
  public void remove(int id) {
    machine.haltSwitch().check();
    edge.run(self -> machine.segments().remove(self, who, id));
  }
}
