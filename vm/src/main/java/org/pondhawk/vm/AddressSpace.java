package org.pondhawk.vm;

import java.util.function.Function;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.MachineSpec;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Behavior;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.stats.SpaceStatistics;

/// A range of addresses with memory mapped into it, as a process has one (`vmspace`).
///
/// Addresses are numbers from 0 to below [#range] and mean something in this space only. Memory is
/// looked at through a [View], one for each thread. All methods may be called from any thread.
///
/// **Failure.** Unmap, fork, freeze and close wait for stores under way. If one does not end for
/// the machine's patience, they throw [org.pondhawk.vm.error.AccessUnderWayException], nothing has
/// changed, and they may be called again. `IllegalStateException` after the machine was closed.
public final class AddressSpace extends MappedSpace implements AutoCloseable {
  /// The range of a space that asks for no other: 1 TiB.
  public static final long DEFAULT_RANGE = 1L << 40;

  /// The largest range of a space: 128 TiB.
  public static final long MAX_RANGE = MachineSpec.MAX_RANGE;

  AddressSpace(Machine machine, EdgeThreads edge, Space space) {
    super(machine, edge, space);
  }

  /// How many addresses the space has, mapped or not; a fork has as many.
  public long range() {
    return handle.any().map().range();
  }

  /// The form of this space's page table: never [PageTables#AUTO].
  public PageTables pageTables() {
    return PageTables.of(handle.any().pmap().form());
  }

  /// Maps the page of a [Device] where it fits, shared with whoever else maps it (`mmap` of
  /// `/dev/kpmap`, `/dev/upmap`). A fork maps it too, unless [#inherit] says otherwise; it is never
  /// copied, paged out or wired.
  ///
  /// @return the address
  /// @throws IllegalArgumentException if the device does not allow the access, or there is no room
  public long mapDevice(Device device, Protection protection) {
    machine.haltSwitch().check();
    if (!Access.allows(device.most, protection.access)) {
      throw new IllegalArgumentException(device + " does not allow " + protection);
    }
    int pageSize = machine.spec().pageSize();
    var place = new Placement.Anywhere(pageSize, pageSize, range());
    EntryTraits traits =
        EntryTraits.of(protection.access)
            .withAccess(protection.access, device.most)
            .withSubsystem(Subsystem.MAPDEV);
    PageSupplier supplier = device.supplier(machine);
    long address =
        edge.call(_ -> space().mapper().mapSupplied(place, pageSize, traits, supplier, 0));
    if (address < 0) {
      throw new IllegalArgumentException(name() + " has no room for " + device);
    }
    return address;
  }

  /// Writes back what a range shows of memory objects, and waits until it is durable (`msync`): on
  /// return every byte that was stored before the call, through this or any other mapping, is in
  /// its store. Anonymous memory has none, and neither have private copies.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of the range is not mapped;
  ///   nothing is written then
  /// @throws java.io.UncheckedIOException if something is not durable: it stays in memory and is
  ///   tried again
  public void sync(long address, long bytes) {
    sync(address, bytes, SyncMode.WAIT, false);
  }

  /// As [#sync(long, long)], waiting or not.
  ///
  /// @param forget whether what is in memory of the range is to be forgotten once it is written, so
  ///   that the next access reads the store anew (`MS_INVALIDATE`); pages that somebody is at work
  ///   on are left
  /// @throws IllegalArgumentException if something is to be forgotten without waiting
  public void sync(long address, long bytes, SyncMode mode, boolean forget) {
    if (forget && mode == SyncMode.START) {
      throw new IllegalArgumentException("only what is written may be forgotten: wait for that");
    }
    machine.haltSwitch().check();
    long end = address + checkRange(address, bytes);
    edge.run(self -> space().sync().sync(self, address, end, mode == SyncMode.WAIT, forget));
  }

  /// Changes what may be done with a range (`mprotect`). What is not mapped in the range is
  /// skipped. A right that is taken is gone for every thread when this returns, but for a
  /// [PageWindow] that is open; it waits for faults in this space and for leases that use the
  /// right.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of the range was
  ///   [restricted][#restrict] to less; nothing is changed then
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] on the range is not closed
  ///   in time, or is the calling thread's; nothing is changed then
  public void protect(long address, long bytes, Protection protection) {
    changeRights(address, bytes, protection, false);
  }

  /// Takes rights of a range for good (`vm_map_protect` with `set_max`): what is allowed now and
  /// was more, and what [#protect] may ever allow, is no more than this from now on. Forks inherit
  /// it.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of the range was restricted
  ///   to less already; nothing is changed then
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [#protect]
  public void restrict(long address, long bytes, Protection most) {
    changeRights(address, bytes, most, true);
  }

  private void changeRights(long address, long bytes, Protection protection, boolean forGood) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    edge.run(self -> space().protect(self, address, address + length, protection.access, forGood));
  }

  /// Says how a range is used (`madvise`). What is not mapped in the range is skipped. Only
  /// [Advice#FREE] changes what can be read, and waits: for faults in this space, for transfers of
  /// the range and for its leases.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws org.pondhawk.vm.error.LeaseHeldException if [Advice#FREE] meets a [PageLease] that is
  ///   not closed in time, or is the calling thread's; nothing is given up then
  public void advise(long address, long bytes, Advice advice) {
    machine.haltSwitch().check();
    long end = address + checkRange(address, bytes);
    edge.run(self -> {
      switch (advice) {
        case NORMAL -> space().use().setBehavior(address, end, Behavior.NORMAL);
        case SEQUENTIAL -> space().use().setBehavior(address, end, Behavior.SEQUENTIAL);
        case RANDOM -> space().use().setBehavior(address, end, Behavior.RANDOM);
        case WILL_NEED -> space().use().advise(self, address, end, true);
        case DONT_NEED -> space().use().advise(self, address, end, false);
        case FREE -> space().use().discard(self, address, end);
        case NO_SYNC -> space().use().setFlags(address, end, EntryFlags.NO_SYNC, 0);
        case AUTO_SYNC -> space().use().setFlags(address, end, 0, EntryFlags.NO_SYNC);
        case NO_DUMP -> space().use().setFlags(address, end, EntryFlags.NO_DUMP, 0);
        case DUMP -> space().use().setFlags(address, end, 0, EntryFlags.NO_DUMP);
        case INVALIDATE -> space().use().invalidate(self, address, end);
      }
    });
  }

  // ---- wiring

  /// Keeps a range in memory (`mlock`). When this returns, every page of it is resident, and the
  /// space's own where it may be stored into; no access to the range waits for memory or I/O until
  /// [#unwire]. Does not nest: what is wired already stays so. A fork does not inherit it, and
  /// copies what is wired and may be stored into: it takes as long as that takes. Waits for memory,
  /// for I/O, and for other threads that wire or unwire in this space.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws AccessViolationException if a part of the range is not mapped or allows no access;
  ///   nothing is wired then
  /// @throws org.pondhawk.vm.error.OutOfPagesException if more would be wired than `vm.max_wired`
  ///   allows, or memory can't be had; nothing is wired then
  /// @throws java.io.UncheckedIOException if a page can't be read; nothing is wired then
  public void wire(long address, long bytes) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    edge.run(self -> space().wiring().wire(self, address, address + length));
  }

  /// Ends [#wire], however often the range was wired (`munlock`). Waits for leases for writing.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws AccessViolationException if a part of the range is not mapped or not wired; nothing is
  ///   changed then
  public void unwire(long address, long bytes) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    edge.run(self -> space().wiring().unwire(self, address, address + length));
  }

  /// Keeps all that is mapped in memory, or all that will be, or both (`mlockall`). What will be
  /// mapped is wired when it is mapped, if there is memory for it; else it is mapped all the same.
  ///
  /// @throws org.pondhawk.vm.error.OutOfPagesException as for [#wire]; nothing is changed then
  public void wireAll(WireScope scope) {
    machine.haltSwitch().check();
    edge.run(self -> {
      if (scope != WireScope.FUTURE) {
        space().wiring().wireAll(self);
      }
      if (scope != WireScope.CURRENT) {
        space().wiring().setFuture(true);
      }
    });
  }

  /// Ends [#wire] and [#wireAll] for the whole space (`munlockall`).
  public void unwireAll() {
    machine.haltSwitch().check();
    edge.run(self -> space().wiring().unwireAll(self));
  }

  /// Looks which pages of a range are in memory, and what happened to them (`mincore`).
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages; no more than 2^31 - 9 of them
  /// @return the state of each page, as of a moment ago
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of the range is not mapped
  public Residency residency(long address, long bytes) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    byte[] states = new byte[Residency.pageCount(length, machine.spec().pageSize())];
    long hole = edge.call(self -> look(now -> now.use().residency(self, address, states)));
    if (hole >= 0) {
      throw new AccessViolationException(hole, "residency", "not mapped");
    }
    return new Residency(states);
  }

  /// Makes a copy of this space as of now: a snapshot, or a process of its own (`fork`). Nothing is
  /// copied until one of the two stores into a page; what [#inherit] says otherwise is shared or
  /// left out. Takes about as long as a store for each region of 512 pages, and one wait for stores
  /// under way.
  ///
  /// The copy is atomic towards single operations of views: a consistent cut of what happened
  /// before. For a group of stores to be in it as a whole, [#freeze] first. What is stored under a
  /// lease is in it as a whole or not at all.
  ///
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] for writing is not closed in
  ///   time, or is the calling thread's; nothing is changed then
  public AddressSpace fork() {
    machine.haltSwitch().check();
    return edge.call(self -> new AddressSpace(machine, edge, machine.fork(self, space())));
  }

  // ---- several users, and new programs

  /// Makes another handle of this space, for another user of the same memory (`vmspace_ref`, as
  /// `rfork` with `RFMEM`). Each is closed on its own; the last one to be closed closes the space.
  ///
  /// @return a handle that is equal to this one but for its own life
  /// @throws IllegalStateException if this handle is closed
  public AddressSpace share() {
    machine.haltSwitch().check();
    return edge.call(_ -> new AddressSpace(machine, edge, handle.refer()));
  }

  /// How many handles the space has that are not closed (`vmspace_getrefs`).
  ///
  /// @return 0 once it is closed
  public int sharers() {
    return handle.isClosed() ? 0 : handle.any().life().references();
  }

  /// Gives this handle a space of its own, a copy as of [#fork], if others have handles of the same
  /// (`vmspace_unshare`). Views that were made before stay with the old one. A call on this handle
  /// that another thread has under way may be on either.
  ///
  /// @return whether there were others, so that this handle has another space now
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [#fork]
  public boolean unshare() {
    machine.haltSwitch().check();
    return edge.call(handle::unshare);
  }

  /// Puts an empty space of the same range in the place of this one, as for a new program
  /// (`vmspace_exec`): views of the old one find it closed, unless it has other handles, and it has
  /// no shared segment attached. Niceness stays. In one step for this handle's users, but a call
  /// that another thread has under way may find the old one closed.
  ///
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [#close]; nothing is changed then
  public void replaceByEmpty(InitialStack stack) {
    machine.haltSwitch().check();
    Programs programs = new Programs(machine);
    edge.run(self -> handle.replace(self, () -> programs.empty(self, range(), stack)));
  }

  /// Puts a copy of another space, as of [#fork], in the place of this one (`vmspace_exec` with a
  /// snapshot); otherwise as [#replaceByEmpty].
  ///
  /// @param image what is copied, of the same machine and range; it may be this space
  /// @throws IllegalArgumentException if it is of another machine or range
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [#close] of this and [#fork] of the
  ///   image; nothing is changed then
  public void replaceBy(AddressSpace image, InitialStack stack) {
    machine.haltSwitch().check();
    if (image.machine != machine || image.range() != range()) {
      throw new IllegalArgumentException(
          "%s is of another machine or range than %s".formatted(image, this));
    }
    Programs programs = new Programs(machine);
    edge.run(self -> handle.replace(self, () -> programs.copy(self, image.handle, stack)));
  }

  /// The counts of the space at this moment. Costs a look at each mapping, with the map shared: as
  /// a fault, it waits while the map is changed.
  ///
  /// @throws IllegalStateException if the space is closed
  public SpaceStatistics statistics() {
    machine.haltSwitch().check();
    return edge.call(_ -> look(SpaceSurvey::count));
  }

  /// Says what a fork gets of a range; [Inheritance#COPY] by default (`minherit`). What is not
  /// mapped in the range is skipped.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  public void inherit(long address, long bytes, Inheritance inheritance) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    edge.run(_ -> space().use().setInheritance(address, address + length, inheritance.internal));
  }

  /// Stops all stores into this space and leases for writing: they wait until [#thaw]. Returns when
  /// none is under way. Counts: it is thawed as often as it was frozen. Loads go on.
  ///
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] for writing is not closed in
  ///   time, or is the calling thread's; the space is not frozen then
  public void freeze() {
    machine.haltSwitch().check();
    edge.run(self -> space().freeze(self));
  }

  /// Ends one [#freeze].
  ///
  /// @throws IllegalStateException if the space is not frozen
  public void thaw() {
    edge.run(_ -> handle.any().thaw()); // closed or not: who froze it may end that
  }

  // ---- memory pressure

  /// How early accesses through views of this space yield memory to others (`nice`).
  ///
  /// @return from -20, last, to 20, first; 0 by default
  public int nice() {
    return handle.any().process().nice();
  }

  /// Sets how early accesses through views of this space yield memory to others: when memory is
  /// short, the nicer wait earlier. A view may have a niceness of its own ([View#setNice]); a fork
  /// begins with that of its parent. `vm.nice_policy` says what niceness does.
  ///
  /// @param nice from -20, which yields last, to 20, which yields first
  /// @throws IllegalArgumentException if it is not
  public void setNice(int nice) {
    handle.any().process().setNice(nice);
  }

  /// Lets no access through a view of this space wait for memory any more, from now on: those that
  /// do, and those that would, get [org.pondhawk.vm.error.OutOfPagesException], so that whoever
  /// uses the space gives it up and others get its memory (`P_LOWMEMKILL`). Nothing is lost:
  /// accesses that need no wait go on, and [#pardon] takes it back. The machine does it by itself
  /// only where `vm.lowmem_kill` is set.
  public void condemn() {
    if (!edge.tryRun(self -> machine.lowMemory().condemn(self, handle.any()))) {
      handle.any().process().condemn(); // the machine is closed, and nobody sleeps
    }
  }

  /// Takes [#condemn] back.
  public void pardon() {
    handle.any().process().pardon();
  }

  /// Whether the space is condemned, by [#condemn] or by the machine.
  public boolean isCondemned() {
    return handle.any().process().isCondemned();
  }

  /// Makes the calling thread's window on this space. Only that thread uses it, and closes it.
  public View view() {
    machine.haltSwitch().check();
    return View.open(machine, space());
  }

  /// Unmaps everything. Views of it find nothing mapped from now on. Idempotent; a machine that is
  /// closed or halted has nothing left to unmap, its own close gives all memory back.
  ///
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] is not closed in time, or is
  ///   the calling thread's; the space stays open then
  @Override
  public void close() {
    if (!machine.haltSwitch().isHalted()) {
      edge.tryRun(handle::close);
    }
  }

  /// The inside, or the last one after [#close].
  Space internal() {
    return handle.any();
  }

  boolean isOf(Machine other) {
    return machine == other;
  }

  /// Looks at the space, which is held meanwhile.
  <T> T look(Function<Space, T> question) {
    Space now = handle.hold();
    try {
      return question.apply(now);
    } finally {
      machine.dropSpace(now);
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
