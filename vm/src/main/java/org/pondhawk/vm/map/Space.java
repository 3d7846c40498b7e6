package org.pondhawk.vm.map;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmProcess;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// An address space inside the machine: a map, a page table, and how ranges come and go (`vmspace`,
/// `vm_map_insert`, `vm_map_remove`).
///
/// **Contract.** Addresses and lengths are multiples of the page size and lie in the range; the
/// caller has checked that. Every change waits for faults that are under way in this space.
public final class Space {
  /// How many bytes of a mapping share an object at most (`MAP_ENTRY_PARTITION_SIZE`).
  private static final long PARTITION = 32L << 20;

  private final long id;
  private final AddressMap map;
  private final Clipper clipper;
  private final Pmap pmap;
  private final Parts parts;
  private final SpaceLeases leases;
  private final RangeUse use;
  private final VmProcess process;
  private final ArrayDeque<SpaceLeases.Stop> freezes = new ArrayDeque<>();
  private final WaitChannel thawed = new WaitChannel("thaw");
  private volatile boolean closed;
  private int frozen;
  private final AtomicBoolean mergeAsked = new AtomicBoolean();

  private final AtomicReference<@Nullable ChainCut> cut = new AtomicReference<>();

  /// The merge under way in one of the chains; guarded by the collapser's lock.
  @Nullable Sinking sinking;

  /// The parts of the machine that a space works with.
  ///
  /// @param leases what the leases of all spaces share
  /// @param collapser what is told of chains that nobody else may go through any more
  /// @param pageShift the logarithm of the page size
  public record Parts(
      ObjectTable objects,
      RadixNodes nodes,
      ObjectReaper reaper,
      PageAllocator allocator,
      Grace grace,
      LeaseParts leases,
      ChainCollapser collapser,
      PageOperations operations,
      int pageShift) {}

  /// Makes an empty space.
  ///
  /// @param range the number of addresses
  public Space(long id, long range, Pmap pmap, Parts parts) {
    this.id = id;
    this.map = new AddressMap(range);
    this.clipper = new Clipper(map, parts.pageShift());
    this.pmap = pmap;
    this.parts = parts;
    this.leases = new SpaceLeases("space " + id, parts.leases());
    this.use = new RangeUse(this, clipper, parts);
    this.process = new VmProcess("space " + id);
  }

  /// A number that no other space of the machine ever has.
  public long id() {
    return id;
  }

  /// The map.
  public AddressMap map() {
    return map;
  }

  /// The page table.
  public Pmap pmap() {
    return pmap;
  }

  /// What programs say of their use of ranges, and ask about them.
  public RangeUse use() {
    return use;
  }

  /// Its leases. Every operation that takes rights from a range, or its pages, stops them first.
  public SpaceLeases leases() {
    return leases;
  }

  /// How its threads wait for memory.
  public VmProcess process() {
    return process;
  }

  /// The logarithm of the page size.
  int pageShift() {
    return parts.pageShift();
  }

  /// Whether the space was closed.
  public boolean isClosed() {
    return closed;
  }

  /// Maps anonymous memory at the first place from `hint` on where it fits.
  ///
  /// @return the address, or -1 if it fits nowhere
  public long mapAnywhere(long hint, long bytes, long alignment, int access) {
    long stamp = map.lockExclusive();
    try {
      long start = map.findSpace(bytes, hint, alignment);
      if (start >= 0) {
        insert(start, bytes, access);
      }
      return start;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Maps anonymous memory at an address.
  ///
  /// @return false if something is mapped there already; nothing is changed then
  public boolean mapAt(long start, long bytes, int access) {
    long stamp = map.lockExclusive();
    try {
      if (!map.isFree(start, start + bytes)) {
        return false;
      }
      insert(start, bytes, access);
      return true;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private void insert(long start, long bytes, int access) {
    requireOpen();
    map.insert(MapEntry.untouched(start, start + bytes, access));
    clipper.join(start, start + bytes);
  }

  /// Gives the untouched entry of an address an object, or the part of it that lies in the same
  /// partition: large mappings get many objects, so that threads at work in different parts meet on
  /// different tokens (`vm_map_entry_partition`).
  public void giveObject(long address) {
    long stamp = map.lockExclusive();
    try {
      MapEntry entry = map.find(address);
      if (entry != null && entry.backing() == null) {
        long first = address & -PARTITION;
        clipper.clip(first);
        clipper.clip(first + PARTITION);
        touch(Objects.requireNonNull(map.find(address)));
      }
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Gives an entry an object, if it has none.
  private MapEntry touch(MapEntry entry) {
    if (entry.backing() != null) {
      return entry;
    }
    long pageCount = (entry.end() - entry.start()) >>> parts.pageShift();
    VmObject object = parts.objects().create(pageCount, parts.nodes());
    Backing backing = new Backing(entry.start(), entry.end(), object, 0, this, null);
    object.attach(backing);
    MapEntry touched = entry.with(backing, false);
    map.replace(entry, touched);
    return touched;
  }

  /// Unmaps a range; what is not mapped in it is skipped (`vm_map_remove`). Returns when no thread
  /// can reach the old pages any more. Waits for the leases of the range.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void unmap(VmThread self, long start, long end) {
    if (unmapUntouched(start, end)) {
      return;
    }
    SpaceLeases.Stop stop = leases.stop(self, "unmap", start, end, false);
    try {
      withMapLocked(_ -> {
        removeRange(self, start, end);
        return true;
      });
    } finally {
      leases.resume(stop);
    }
  }

  /// Unmaps a range that nobody has touched: it has no page, no page table and no lease that has
  /// got one, so that there is nothing to wait for.
  ///
  /// @return false if somebody has; nothing is changed then
  private boolean unmapUntouched(long start, long end) {
    long stamp = map.lockExclusive();
    try {
      MapEntry first = map.from(start);
      for (MapEntry e = first; e != null && e.start() < end; e = map.after(e.start())) {
        if (e.backing() != null) {
          return false;
        }
      }
      for (MapEntry e = first; e != null && e.start() < end; e = map.after(e.start())) {
        clipper.split(e, Math.max(start, e.start()), Math.min(end, e.end()));
      }
      map.unmapped(start, end);
      return true;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private void removeRange(VmThread self, long start, long end) {
    List<MapEntry> affected = map.overlapping(start, end);
    if (affected.isEmpty()) {
      return;
    }
    boolean touched = false;
    for (MapEntry entry : affected) {
      if (entry.backing() != null) { // else no page of it was ever mapped
        pmap.remove(Math.max(start, entry.start()), Math.min(end, entry.end()));
        touched = true;
      }
    }
    if (touched) {
      // Once a call: a guarded store may be under way, also into a page that was mapped until an
      // earlier call gave up. If it does not end, nothing has happened yet but that pages are not
      // mapped, and the next access maps them again.
      parts.grace().synchronize("unmap");
    }
    for (MapEntry entry : affected) {
      cut(self, entry, Math.max(start, entry.start()), Math.min(end, entry.end()));
    }
    map.unmapped(start, end);
    pmap.uncharge(self, start, end);
  }

  /// Takes [from, to) out of an entry, keeping what lies before and behind.
  private void cut(VmThread self, MapEntry entry, long from, long to) {
    Backing whole = entry.backing();
    clipper.split(entry, from, to);
    long count = (to - from) >>> parts.pageShift();
    for (Backing element = whole; element != null; element = element.next()) {
      long first = element.pindex(from, parts.pageShift());
      parts.reaper().removeUnshown(self, element.object(), first, count);
      leave(self, element);
    }
  }

  /// Gives back the reference of an element that was detached.
  void leave(VmThread self, Backing element) {
    parts.reaper().release(self, element.object());
    parts.collapser().detached(element.object());
  }

  /// Unmaps everything and gives the page table back; later accesses find nothing mapped. Waits for
  /// all leases. Idempotent.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void close(VmThread self) {
    SpaceLeases.Stop stop = leases.stop(self, "close", 0, map.range(), false);
    try {
      closeWithoutLeases(self);
    } finally {
      leases.resume(stop);
    }
  }

  private void closeWithoutLeases(VmThread self) {
    long stamp = map.lockExclusive();
    try {
      if (closed) {
        return;
      }
      removeRange(self, 0, map.range());
      closed = true;
      freezes.forEach(leases::resume); // who waits to lease is to find nothing mapped
      freezes.clear();
      pmap.close();
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Changes what may be done with a range (`vm_map_protect`); what is not mapped in it is skipped.
  /// Waits for the leases that it takes rights from.
  ///
  /// @param access bits of [Access]
  /// @param forGood whether no more than that is ever to be allowed again
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of it may not have these
  ///   rights; nothing has changed
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void protect(VmThread self, long start, long end, int access, boolean forGood) {
    SpaceLeases.Stop stop =
        Access.allows(access, Access.ALL)
            ? null
            : leases.stop(self, "protect", start, end, Access.allows(access, Access.READ));
    try {
      withMapLocked(m -> {
        requireOpen();
        new RightsChange(m, clipper, pmap, parts.grace()).apply(start, end, access, forGood);
        return true;
      });
    } finally {
      if (stop != null) {
        leases.resume(stop);
      }
    }
  }

  // ---- fork

  /// Makes `child`, which is empty and known to nobody, a copy of this space as of now, or shares
  /// what is to be shared (`vmspace_fork`). Nothing is copied here: what is to be copied loses the
  /// right to be stored into, which costs one word for each region that has pages, and then belongs
  /// to both. Waits for leases for writing, and once for stores under way.
  ///
  /// @throws AccessUnderWayException if one does not end; nothing has changed
  public void forkInto(VmThread self, Space child) {
    SpaceLeases.Stop stop = leases.stop(self, "fork", 0, map.range(), true);
    try {
      forkWithoutLeases(child);
    } finally {
      leases.resume(stop);
    }
  }

  private void forkWithoutLeases(Space child) {
    long stamp = map.lockExclusive();
    try {
      requireOpen();
      child.process.inherit(process);
      // If a store does not end, the regions stay frozen and the entries as they are: as after a
      // fork whose child is gone, the next store into a region thaws it.
      if (pmap.freeze(0, map.range())) {
        parts.grace().synchronize("fork");
      }
      for (MapEntry entry : map.all()) {
        if (entry.inheritance() != Inheritance.NONE) {
          inherit(entry, child);
        }
      }
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private void inherit(MapEntry entry, Space child) {
    boolean copy = entry.inheritance() == Inheritance.COPY;
    if (copy && entry.backing() == null) {
      child.map.insert(entry); // zeros for both
      return;
    }
    MapEntry touched = touch(entry);
    MapEntry ours = copy ? touched.with(touched.head(), true) : shadowed(touched);
    map.replace(touched, ours);
    Backing theirs = ours.head().in(child);
    theirs.attachAll();
    child.map.insert(ours.with(theirs, copy));
  }

  /// Makes the page of an address one that may be stored into without others seeing it: resolves
  /// the entry's need of a copy (`vm_map_entry_shadow`).
  public void shadow(long address) {
    long stamp = map.lockExclusive();
    try {
      MapEntry entry = map.find(address);
      if (entry != null && entry.needsCopy()) {
        map.replace(entry, shadowed(entry));
      }
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private MapEntry shadowed(MapEntry entry) {
    if (!entry.needsCopy()) {
      return entry;
    }
    Backing head = entry.head();
    // Nobody else shows the object any more, but a window of another space may still be on a page
    // of it. To find that out costs a look at every page; where there is any window, a copy is
    // made.
    if (head.object().references() == 1 && !parts.allocator().holdsAny()) {
      return entry.with(head, false);
    }
    long pageCount = (entry.end() - entry.start()) >>> parts.pageShift();
    VmObject object = parts.objects().create(pageCount, parts.nodes());
    Backing above = new Backing(entry.start(), entry.end(), object, 0, this, head);
    object.attach(above);
    return entry.with(above, false);
  }

  /// Sets what a child gets of a range (`vm_map_inherit`); what is not mapped in it is skipped.
  public void setInheritance(long start, long end, Inheritance inheritance) {
    long stamp = map.lockExclusive();
    try {
      requireOpen();
      clipper.clip(start);
      clipper.clip(end);
      for (MapEntry entry : map.overlapping(start, end)) {
        map.replace(entry, entry.with(inheritance));
      }
      clipper.join(start, end);
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Stops stores into this space, and leases for writing, until [#thaw], as often as it was
  /// frozen. Returns when no store is under way and no such lease is left.
  ///
  /// @throws AccessUnderWayException if a store does not end; the space is not frozen then
  public void freeze(VmThread self) {
    SpaceLeases.Stop stop = leases.stop(self, "freeze", 0, map.range(), true);
    boolean done = false;
    long stamp = map.lockExclusive();
    try {
      requireOpen();
      if (pmap.freeze(0, map.range())) {
        parts.grace().synchronize("freeze");
      }
      frozen++;
      freezes.push(stop);
      done = true;
    } finally {
      map.unlockExclusive(stamp);
      if (!done) {
        leases.resume(stop);
      }
    }
  }

  /// Ends one [#freeze].
  public void thaw() {
    SpaceLeases.@Nullable Stop stop;
    long stamp = map.lockExclusive();
    try {
      if (frozen == 0) {
        throw new IllegalStateException("the address space is not frozen");
      }
      frozen--;
      stop = freezes.poll(); // none if the space was closed meanwhile
    } finally {
      map.unlockExclusive(stamp);
    }
    if (stop != null) {
      leases.resume(stop);
    }
    thawed.wakeAll();
  }

  /// Whether stores wait. Asked with the map locked.
  public boolean isFrozen() {
    return frozen > 0;
  }

  /// Where stores wait for a frozen space.
  public WaitChannel thawed() {
    return thawed;
  }

  /// How deep the deepest chain is.
  public int depth() {
    return withMapShared(m -> m.all().stream().mapToInt(MapEntry::depth).max().orElse(0));
  }

  /// The address of the first entry from one on that may be stored into and is too deep, or -1.
  ///
  /// @param depth how deep is too deep
  long deepEntry(long from, int depth) {
    return withMapShared(m ->
        m.overlapping(from, m.range()).stream()
            .filter(e -> e.start() >= from && Access.allows(e.access(), Access.WRITE))
            .filter(e -> e.depth() >= depth)
            .mapToLong(MapEntry::start)
            .findFirst()
            .orElse(-1));
  }

  /// Takes the cutting of a deep chain that is under way, or null: whoever has it goes on with it.
  public @Nullable ChainCut takeCut() {
    return cut.getAndSet(null);
  }

  /// Gives it back, with more to do.
  public void keepCut(ChainCut begun) {
    cut.set(begun);
  }

  /// Notes that the chains may have something to merge.
  ///
  /// @return false if that was noted already
  boolean askForMerge() {
    return mergeAsked.compareAndSet(false, true);
  }

  /// Notes that somebody is about to look.
  void mergeIsTaken() {
    mergeAsked.set(false);
  }

  /// Runs something that needs the chains to stay as they are, beside faults.
  <T> T withMapShared(Function<AddressMap, T> work) {
    long stamp = map.lockShared();
    try {
      return work.apply(map);
    } finally {
      map.unlockShared(stamp);
    }
  }

  /// Runs something that changes chains, with faults kept out.
  <T> T withMapLocked(Function<AddressMap, T> change) {
    long stamp = map.lockExclusive();
    try {
      return change.apply(map);
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Requires that the space is not closed. Asked with the map locked.
  void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the address space is closed");
    }
  }
}
