package org.pondhawk.vm.map;

import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.PagedObjects;
import org.pondhawk.vm.object.RadixNodes;
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
  private final long id;
  private final AddressMap map;
  private final Pmap pmap;
  private final boolean ownsTable;
  private final Parts parts;
  private final SpaceLeases leases;
  private final Mapper mapper;
  private final Unmapper unmapper;
  private final Forker forker;
  private final RangeUse use;
  private final RangeSync sync;
  private final MapLimits limits;
  private final CallMapper calls;
  private final Stacks stacks;
  private final DataBreak dataBreak;
  private final Wiring wiring;
  private final Clipper clipper;
  private final VmProcess process;
  private final ArrayDeque<SpaceLeases.Stop> freezes = new ArrayDeque<>();
  private final WaitChannel thawed = new WaitChannel("thaw");
  private final SpaceLife life = new SpaceLife();
  private int frozen;
  private final AtomicBoolean mergeAsked = new AtomicBoolean();

  private final AtomicReference<@Nullable ChainCut> cut = new AtomicReference<>();

  /// The merge under way in one of the chains; guarded by the collapser's lock.
  @Nullable Sinking sinking;

  /// The parts of the machine that a space works with.
  ///
  /// @param leases what the leases of all spaces share
  /// @param collapser what is told of chains that nobody else may go through any more
  /// @param limits what every space may do
  /// @param wirer brings the pages of wired ranges in
  /// @param pageShift the logarithm of the page size
  public record Parts(
      ObjectTable objects,
      RadixNodes nodes,
      ObjectReaper reaper,
      PagedObjects paged,
      PageAllocator allocator,
      Grace grace,
      LeaseParts leases,
      ChainCollapser collapser,
      PageOperations operations,
      MapLimits.Machine limits,
      RangeWirer wirer,
      int pageShift) {}

  /// Makes an empty space.
  ///
  /// @param range the number of addresses
  public Space(long id, long range, Pmap pmap, Parts parts) {
    this(
        id,
        new AddressMap(range),
        pmap,
        true,
        parts,
        new SpaceLeases("space " + id, parts.leases()));
  }

  private Space(
      long id, AddressMap map, Pmap pmap, boolean ownsTable, Parts parts, SpaceLeases leases) {
    this.id = id;
    this.map = map;
    this.pmap = pmap;
    this.ownsTable = ownsTable;
    this.parts = parts;
    this.leases = leases;
    this.clipper = new Clipper(map, parts.pageShift());
    this.mapper = new Mapper(this, clipper, parts);
    this.unmapper = new Unmapper(this, clipper, parts);
    this.forker = new Forker(this, parts);
    this.use = new RangeUse(this, clipper, parts);
    this.sync = new RangeSync(this, parts.reaper(), parts.paged());
    this.limits = new MapLimits(parts.limits());
    this.calls = new CallMapper(this, limits);
    this.stacks = new Stacks(this, limits);
    this.dataBreak = new DataBreak(this, limits);
    this.wiring = new Wiring(this, clipper, parts);
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

  /// Makes the map of a part of this space, which shares the page table and the leases
  /// (`vm_map_init` with the pmap of another map).
  ///
  /// @param partId a number that no space has
  /// @param start the first address
  /// @param end the address behind the last
  public Space part(long partId, long start, long end) {
    return new Space(partId, new AddressMap(start, end), pmap, false, parts, leases);
  }

  /// The page table.
  public Pmap pmap() {
    return pmap;
  }

  /// What programs say of their use of ranges, and ask about them.
  public RangeUse use() {
    return use;
  }

  /// How what it shows of objects with pagers of their own is written back.
  public RangeSync sync() {
    return sync;
  }

  /// How much it may map.
  public MapLimits limits() {
    return limits;
  }

  /// How programs map memory.
  public CallMapper calls() {
    return calls;
  }

  /// Its stacks, which grow.
  public Stacks stacks() {
    return stacks;
  }

  /// Its data range, which grows too.
  public DataBreak dataBreak() {
    return dataBreak;
  }

  /// What of it stays in memory.
  public Wiring wiring() {
    return wiring;
  }

  /// Its leases. Every operation that takes rights from a range, or its pages, stops them first.
  public SpaceLeases leases() {
    return leases;
  }

  /// How its threads wait for memory.
  public VmProcess process() {
    return process;
  }

  /// The bytes of a page.
  public int pageSize() {
    return 1 << parts.pageShift();
  }

  /// The logarithm of the page size.
  int pageShift() {
    return parts.pageShift();
  }

  /// Who refers to it and who holds it.
  public SpaceLife life() {
    return life;
  }

  /// Whether the space was closed: nobody refers to it any more.
  public boolean isClosed() {
    return life.isDeleted();
  }

  /// Maps anonymous memory at the first place from `hint` on where it fits.
  ///
  /// @return the address, or -1 if it fits nowhere
  public long mapAnywhere(long hint, long bytes, long alignment, int access) {
    return mapper.map(
        new Placement.Anywhere(hint, alignment, map.range()), bytes, EntryTraits.of(access), null);
  }

  /// Maps anonymous memory at an address.
  ///
  /// @return false if something is mapped there already; nothing is changed then
  public boolean mapAt(long start, long bytes, int access) {
    return mapper.map(new Placement.Free(start), bytes, EntryTraits.of(access), null) >= 0;
  }

  /// How ranges come into the map, and get their objects.
  public Mapper mapper() {
    return mapper;
  }

  /// Unmaps a range; what is not mapped in it is skipped (`vm_map_remove`). Returns when no thread
  /// can reach the old pages any more. Waits for the leases of the range.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void unmap(VmThread self, long start, long end) {
    unmapper.unmap(self, start, end);
  }

  /// How ranges leave the map.
  Unmapper unmapper() {
    return unmapper;
  }

  /// Gives back the reference of an element that was detached.
  void leave(VmThread self, Backing element) {
    unmapper.leave(self, element);
  }

  /// Stage 1 of a space's end: gives the last reference back and unmaps everything; later accesses
  /// find nothing mapped. The page table stays for who holds the space, as the caller does from now
  /// on. Waits for all leases.
  ///
  /// @param whoever whether references of others do not count, as at the end of the machine
  /// @param then runs in the same step, with the map locked, if the space ends
  /// @return false if somebody else refers to it by now, or it has ended; nothing has changed
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public boolean end(VmThread self, boolean whoever, Runnable then) {
    SpaceLeases.Stop stop = leases.stop(self, "close", 0, map.range(), false);
    try {
      return endWithoutLeases(self, whoever, then);
    } finally {
      leases.resume(stop);
    }
  }

  private boolean endWithoutLeases(VmThread self, boolean whoever, Runnable then) {
    long stamp = map.lockExclusive();
    try {
      if (life.isDeleted()) {
        return false;
      }
      List<MapEntry> all = unmapper.hide(self, map.first(), map.range());
      // Only now, because a space that is deleted never comes back, and the line above may fail.
      if (!(whoever ? life.deleteAll() : life.tryDelete())) {
        return false;
      }
      then.run();
      unmapper.removeHidden(self, all, map.first(), map.range());
      if (ownsTable) {
        pmap.uncharge(self, 0, map.range()); // what it keeps though nothing is mapped there
      }
      freezes.forEach(leases::resume); // who waits to lease is to find nothing mapped
      freezes.clear();
      life.emptied();
      return true;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Stage 2: gives the page table back. Nobody holds the space any more.
  public void tearDown() {
    if (!life.isTornDown() || map.count() != 0) {
      throw new VmPanic("torn down while it is " + life + ", with " + map.count() + " entries");
    }
    if (ownsTable) {
      pmap.close();
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
        Access.allows(access, Access.READ | Access.WRITE)
            ? null
            : leases.stop(self, "protect", start, end, Access.allows(access, Access.READ));
    try {
      boolean readied =
          withMapLocked(m -> {
            requireOpen();
            return new RightsChange(m, clipper, pmap, parts.grace(), wiring)
                .apply(self, start, end, access, forGood);
          });
      if (readied) {
        wiring.restore(self, start, end);
      }
    } finally {
      if (stop != null) {
        leases.resume(stop);
      }
    }
  }

  /// How this space is copied.
  public Forker forker() {
    return forker;
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
  <T extends @Nullable Object> T withMapLocked(Function<AddressMap, T> change) {
    long stamp = map.lockExclusive();
    try {
      return change.apply(map);
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Requires that the space is not closed. Asked with the map locked.
  void requireOpen() {
    if (life.isDeleted()) {
      throw new IllegalStateException("the address space is closed");
    }
  }
}
