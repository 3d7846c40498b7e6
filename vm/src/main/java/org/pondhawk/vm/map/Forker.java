package org.pondhawk.vm.map;

import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// Copies a space, page by page and only when somebody stores (`vmspace_fork`, `vm_map_copy_entry`,
/// `vm_map_entry_shadow`).
///
/// **Contract.** As [Space].
public final class Forker {
  private final Space space;
  private final AddressMap map;
  private final Space.Parts parts;

  Forker(Space space, Space.Parts parts) {
    this.space = space;
    this.map = space.map();
    this.parts = parts;
  }

  /// Makes `child`, which is empty and known to nobody, a copy of this space as of now, or shares
  /// what is to be shared (`vmspace_fork`). Nothing is copied here: what is to be copied loses the
  /// right to be stored into, which costs one word for each region that has pages, and then belongs
  /// to both. Waits for leases for writing, and once for stores under way.
  ///
  /// @throws AccessUnderWayException if one does not end; nothing has changed
  public void forkInto(VmThread self, Space child) {
    SpaceLeases.Stop stop = space.leases().stop(self, "fork", 0, map.range(), true);
    try {
      forkWithoutLeases(child);
    } finally {
      space.leases().resume(stop);
    }
  }

  private void forkWithoutLeases(Space child) {
    long stamp = map.lockExclusive();
    try {
      space.requireOpen();
      child.process().inherit(space.process());
      child.limits().inherit(space.limits());
      child.dataBreak().inherit(space.dataBreak());
      // If a store does not end, the regions stay frozen and the entries as they are: as after a
      // fork whose child is gone, the next store into a region thaws it.
      if (space.pmap().freeze(0, map.range())) {
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
    if (entry.content() instanceof SuppliedRange range) {
      inherit(entry, range, child);
      return;
    }
    boolean copy = entry.inheritance() == Inheritance.COPY;
    if (copy && entry.isUntouched()) {
      child.map().insert(unwired(entry)); // zeros for both
      return;
    }
    MapEntry touched = space.mapper().touch(entry);
    MapEntry ours = copy ? touched.with(touched.head(), true) : shadowed(touched);
    map.replace(touched, ours);
    Backing theirs = ours.head().in(child);
    theirs.attachAll();
    child.map().insert(unwired(ours.with(theirs, copy)));
  }

  /// A child has to wire for itself.
  private static MapEntry unwired(MapEntry entry) {
    return entry.isWired()
        ? entry.with(entry.traits().withWirings(0).withFlags(0, EntryFlags.USER_WIRED))
        : entry;
  }

  /// Gives the child the same range of a supplier, which knows whose pages it is asked for. No page
  /// is mapped in the child yet, and what is supplied is never copied.
  private static void inherit(MapEntry entry, SuppliedRange ours, Space child) {
    SuppliedRange theirs = ours.in(child);
    ours.supplier().added(theirs);
    child.map().insert(unwired(MapEntry.showing(theirs, entry.traits())));
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
    boolean anonymous = !head.object().kind().hasOwnPager();
    if (anonymous && head.object().references() == 1 && !parts.allocator().holdsAny()) {
      return entry.with(head, false);
    }
    long pageCount = (entry.end() - entry.start()) >>> parts.pageShift();
    VmObject object = parts.objects().create(pageCount, parts.nodes());
    Backing above = new Backing(entry.start(), entry.end(), object, 0, space, head);
    object.attach(above);
    return entry.with(above, false);
  }
}
