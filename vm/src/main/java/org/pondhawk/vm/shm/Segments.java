package org.pondhawk.vm.shm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.SharedMemoryException.Reason;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.Inheritance;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.stats.SharedSegment;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;

/// The shared memory of a machine: segments by id and key, and where they are attached (`shmget`,
/// `shmat`, `shmdt`, `shmctl`).
///
/// **Contract.** Any thread. A segment's pages stay, in memory or in swap, whether or not anybody
/// shows them, until it was removed and its last attachment is gone. A space's attachments are
/// copied by a fork and end with it.
///
/// **Failure.** [SharedMemoryException] with a reason; nothing has changed then.
public final class Segments {
  /*
   * One lock, outside of every map's, for the table and all attachments: attaching maps with it held, as
   * that waits for faults of the space at most. Detaching does not, because unmapping waits for leases:
   * it marks the attachment, so that nobody else detaches it, and unmaps without the lock. Objects are
   * given back without it too.
   *
   * A fork notes the parent's attachments as the child's first, so that no segment of them can go, and
   * copies the map then; what another thread attached in between is found in the child's map.
   */
  private final Parts parts;
  private final ShmLimits limits;
  private final SegmentPlacer placer;
  private final ReentrantLock lock = new ReentrantLock();
  private final SegmentTable table = new SegmentTable();
  private final Map<Space, List<Attached>> attached = new HashMap<>();

  /// The parts of the machine that segments are made of.
  ///
  /// @param pageSize in bytes
  public record Parts(
      ObjectTable objects, RadixNodes nodes, ObjectReaper reaper, int pageSize, Ticker ticker) {}

  /// What [#get] does where there is no segment, or is one.
  public enum Creation {
    /// It must be there.
    NEVER,
    /// It is made if it is not (`IPC_CREAT`).
    IF_MISSING,
    /// It is made, and must not be there (`IPC_EXCL`).
    ALWAYS
  }

  /// Where a segment is to be attached.
  ///
  /// @param address the place, or -1 for any
  /// @param rounds whether the address is rounded down to a whole page (`SHM_RND`)
  public record Place(long address, boolean rounds) {}

  /// Makes an empty table.
  public Segments(Parts parts, ShmLimits limits) {
    this.parts = parts;
    this.limits = limits;
    this.placer = new SegmentPlacer(parts.pageSize());
  }

  private void lock() {
    assert LockOrder.mayWaitFor(LockRank.SEGMENTS);
    lock.lock();
    assert LockOrder.took(LockRank.SEGMENTS);
  }

  private void unlock() {
    assert LockOrder.gave(LockRank.SEGMENTS);
    lock.unlock();
  }

  // ---- making and finding

  /// Finds the segment of a key, or makes one (`shmget`).
  ///
  /// @param key what others find it by; 0 for a new one that nobody finds (`IPC_PRIVATE`)
  /// @param bytes the size of a new one, or the least of an old one
  /// @param mode the rights of a new one, or what is asked for of an old one
  /// @return its id
  public int get(Caller who, long key, long bytes, Creation creation, int mode) {
    if ((mode & ~Permission.MODE) != 0) {
      throw Refusals.of(Reason.INVALID, "a mode of 0%o", mode);
    }
    lock();
    try {
      Segment there = key == 0 ? null : table.findByKey(key);
      if (there != null) {
        return found(who, there, bytes, creation, mode);
      }
      if (key != 0 && creation == Creation.NEVER) {
        throw Refusals.of(Reason.NO_SUCH_KEY, "no segment has the key %d", key);
      }
      return make(who, key, bytes, mode);
    } finally {
      unlock();
    }
  }

  private static int found(Caller who, Segment there, long bytes, Creation creation, int mode) {
    if (creation == Creation.ALWAYS) {
      throw Refusals.of(Reason.KEY_IN_USE, "there is a %s", there);
    }
    if (!there.permission.allows(who, mode)) {
      throw Refusals.notAllowed(who, there);
    }
    if (bytes < 0 || bytes > there.bytes) {
      throw Refusals.of(Reason.INVALID, "%d bytes are wanted of %s", bytes, there);
    }
    return there.id;
  }

  private int make(Caller who, long key, long bytes, int mode) {
    if (bytes < limits.leastBytes().get() || bytes > limits.mostBytes().get()) {
      throw Refusals.of(
          Reason.INVALID,
          "a segment of %d bytes, which is not from %d to %d",
          bytes,
          limits.leastBytes().get(),
          limits.mostBytes().get());
    }
    long pages = (bytes + parts.pageSize() - 1) / parts.pageSize();
    if (pages > limits.mostPages().get() - table.committedPages()) {
      throw Refusals.of(
          Reason.NO_ROOM,
          "%d pages more, %d are shared and %d may be",
          pages,
          table.committedPages(),
          limits.mostPages().get());
    }
    int id = table.nextId(limits.mostSegments().get());
    if (id < 0) {
      throw Refusals.of(
          Reason.TOO_MANY_SEGMENTS, "there are %d segments, and may be no more", table.used());
    }
    VmObject object = parts.objects().create(pages, parts.nodes());
    object.keepUnshown();
    long now = parts.ticker().nanos();
    table.add(new Segment(id, key, bytes, object, Permission.of(who, mode), now));
    return id;
  }

  private Segment find(int id) {
    Segment segment = table.find(id);
    if (segment == null || (segment.removed && !limits.attachesRemoved().isOn())) {
      throw Refusals.of(Reason.INVALID, "there is no segment %d", id);
    }
    return segment;
  }

  // ---- attaching and detaching

  /// Shows a segment in a space, replacing nothing (`shmat`). Waits as long as faults of the space
  /// do.
  ///
  /// @param access bits of [Access], which the mapping never has more of
  /// @return the first address
  /// @throws IllegalStateException if the space is closed
  public long attach(Caller who, int id, Space space, Place place, int access) {
    boolean writes = Access.allows(access, Access.WRITE);
    lock();
    try {
      Segment segment = find(id);
      if (!segment.permission.allows(who, Permission.READ | (writes ? Permission.WRITE : 0))) {
        throw Refusals.notAllowed(who, segment);
      }
      int there = attached.getOrDefault(space, List.of()).size();
      if (there >= limits.mostAttached().get()) {
        throw Refusals.of(
            Reason.TOO_MANY_ATTACHED, "space %d has %d segments attached", space.id(), there);
      }
      long address = placer.map(segment, space, place, access);
      note(segment, space, address);
      return address;
    } finally {
      unlock();
    }
  }

  private void note(Segment segment, Space space, long address) {
    attached.computeIfAbsent(space, _ -> new ArrayList<>()).add(new Attached(segment, address));
    segment.attachments++;
    segment.attachedNanos = parts.ticker().nanos();
    segment.lastSpace = space.id();
  }

  /// Ends an attachment, and unmaps all that lies where it was made (`shmdt`). Waits as
  /// [Space#unmap].
  ///
  /// @param address where it was attached
  public void detach(VmThread self, Space space, long address) {
    Attached going = beginDetach(space, address);
    boolean unmapped = false;
    try {
      long end = address + going.segment.object.size() * parts.pageSize();
      space.unmap(self, address, end);
      unmapped = true;
    } finally {
      endDetach(self, space, going, unmapped);
    }
  }

  private Attached beginDetach(Space space, long address) {
    lock();
    try {
      for (Attached a : attached.getOrDefault(space, List.of())) {
        if (a.address == address && !a.leaving) {
          a.leaving = true;
          return a;
        }
      }
      throw Refusals.of(
          Reason.INVALID, "nothing is attached in space %d at 0x%x", space.id(), address);
    } finally {
      unlock();
    }
  }

  private void endDetach(VmThread self, Space space, Attached going, boolean unmapped) {
    VmObject over = null;
    lock();
    try {
      going.leaving = false;
      List<Attached> ofSpace = attached.getOrDefault(space, List.of());
      if (unmapped && ofSpace.remove(going)) { // or the space has ended meanwhile
        over = forget(space, going);
        if (ofSpace.isEmpty()) {
          attached.remove(space);
        }
      }
    } finally {
      unlock();
    }
    release(self, over);
  }

  /// Counts an attachment out.
  ///
  /// @return the object of a segment that has ended with it
  private @Nullable VmObject forget(Space space, Attached gone) {
    Segment segment = gone.segment;
    segment.attachments--;
    segment.detachedNanos = parts.ticker().nanos();
    segment.lastSpace = space.id();
    return endIfOver(segment);
  }

  private @Nullable VmObject endIfOver(Segment segment) {
    if (!segment.isOver()) {
      return null;
    }
    table.remove(segment);
    return segment.object;
  }

  private void release(VmThread self, @Nullable VmObject over) {
    if (over != null) {
      parts.reaper().release(self, over);
    }
  }

  // ---- control

  /// What is known of a segment (`shmctl` with `IPC_STAT`).
  public SharedSegment stat(Caller who, int id) {
    lock();
    try {
      Segment segment = find(id);
      if (!segment.permission.allows(who, Permission.READ)) {
        throw Refusals.notAllowed(who, segment);
      }
      return describe(segment);
    } finally {
      unlock();
    }
  }

  /// All segments that somebody may know of, by slot.
  public List<SharedSegment> list(Caller who) {
    lock();
    try {
      return table.all().stream()
          .filter(s -> s.permission.allows(who, Permission.READ))
          .map(Segments::describe)
          .toList();
    } finally {
      unlock();
    }
  }

  private static SharedSegment describe(Segment s) {
    Permission p = s.permission;
    return new SharedSegment(
        s.id,
        s.key,
        s.bytes,
        s.attachments,
        s.removed,
        p.user(),
        p.group(),
        p.creatingUser(),
        p.creatingGroup(),
        p.mode(),
        s.object.resident().size(),
        s.changedNanos,
        s.attachedNanos,
        s.detachedNanos,
        s.lastSpace);
  }

  /// Gives a segment another owner and mode (`shmctl` with `IPC_SET`).
  ///
  /// @param mode of which the nine low bits count
  public void set(Caller who, int id, long user, long group, int mode) {
    lock();
    try {
      Segment segment = control(who, id);
      segment.permission = segment.permission.ownedBy(user, group, mode);
      segment.changedNanos = parts.ticker().nanos();
    } finally {
      unlock();
    }
  }

  /// Lets a segment go with its last attachment, at once if there is none; nobody finds it by its
  /// key any more (`shmctl` with `IPC_RMID`).
  public void remove(VmThread self, Caller who, int id) {
    VmObject over;
    lock();
    try {
      Segment segment = control(who, id);
      segment.key = 0;
      segment.removed = true;
      over = endIfOver(segment);
    } finally {
      unlock();
    }
    release(self, over);
  }

  private Segment control(Caller who, int id) {
    Segment segment = find(id);
    if (!segment.permission.isControlledBy(who)) {
      throw Refusals.of(Reason.NOT_OWNER, "user %d is no owner of %s", who.user(), segment);
    }
    return segment;
  }

  // ---- the lives of spaces

  /// Before the map of a space is copied: the child has what the parent has attached (`shmfork`).
  public void forked(Space parent, Space child) {
    lock();
    try {
      for (Attached a : attached.getOrDefault(parent, List.of())) {
        note(a.segment, child, a.address);
      }
    } finally {
      unlock();
    }
  }

  /// After the map of a space was copied: notes what another thread attached to the parent between
  /// the two. What it also detached and removed by now is unmapped.
  public void completeFork(VmThread self, Space child) {
    for (MapEntry entry : child.map().all()) {
      if (isShared(entry) && !isNoted(child, entry)) {
        child.unmap(self, entry.start(), entry.end());
      }
    }
  }

  /// Whether an entry shows a segment's own pages: what was copied from them is its space's.
  private static boolean isShared(MapEntry entry) {
    Backing head = entry.backing();
    return head != null
        && entry.traits().subsystem() == Subsystem.SHMEM
        && entry.inheritance() == Inheritance.SHARE
        && head.object().keepsUnshown();
  }

  private boolean isNoted(Space child, MapEntry entry) {
    long address = entry.start() - entry.head().firstPindex() * parts.pageSize();
    lock();
    try {
      for (Attached a : attached.getOrDefault(child, List.of())) {
        if (a.address == address) {
          return true;
        }
      }
      Segment segment = table.findByObject(entry.head().object());
      if (segment != null) {
        note(segment, child, address);
      }
      return segment != null;
    } finally {
      unlock();
    }
  }

  /// After a space has ended, or is to begin anew: nothing is attached to it any more (`shmexit`).
  public void exited(VmThread self, Space space) {
    List<VmObject> over = new ArrayList<>();
    lock();
    try {
      List<Attached> gone = attached.remove(space);
      for (Attached a : gone == null ? List.<Attached>of() : gone) {
        VmObject object = forget(space, a);
        if (object != null) {
          over.add(object);
        }
      }
    } finally {
      unlock();
    }
    over.forEach(object -> release(self, object));
  }

  /// Unmaps all that a space has attached, as a program that begins anew has nothing.
  public void detachAll(VmThread self, Space space) {
    for (long address : addresses(space)) {
      detach(self, space, address);
    }
  }

  private long[] addresses(Space space) {
    lock();
    try {
      return attached.getOrDefault(space, List.of()).stream().mapToLong(a -> a.address).toArray();
    } finally {
      unlock();
    }
  }

  /// Ends all segments: the machine is closed, and no space is left.
  public void clear(VmThread self) {
    List<VmObject> all = new ArrayList<>();
    lock();
    try {
      for (Segment segment : table.all()) {
        table.remove(segment);
        all.add(segment.object);
      }
    } finally {
      unlock();
    }
    all.forEach(object -> release(self, object));
  }

  // ---- for the checker

  /// How many references to an object are those of segments: 0 or 1.
  public int references(VmObject object) {
    lock();
    try {
      return table.findByObject(object) == null ? 0 : 1;
    } finally {
      unlock();
    }
  }

  /// What does not fit together, in words, while nobody changes anything.
  public List<String> problems() {
    lock();
    try {
      return new SegmentAudit(table, attached).problems();
    } finally {
      unlock();
    }
  }
}
