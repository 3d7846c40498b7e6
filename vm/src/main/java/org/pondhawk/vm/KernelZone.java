package org.pondhawk.vm;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.kmem.Zone;

/// A pool of items of one size in kernel memory (`vm_zone`). Items are read and written through a
/// view of the [KernelMemory] that the zone is of.
///
/// **Contract.** An item is a multiple of 32 bytes and begins at a multiple of 32. At first it is
/// zeros; later it is as its last user left it, but for its first 16 bytes, which belong to the
/// zone while the item is free. All methods may be called from any thread.
///
/// **Failure.** `IllegalStateException` when the zone is destroyed or the machine closed.
public final class KernelZone {
  /// What a zone is to be like.
  public enum Kind {
    /// An allocation does not wait for a page, but gets no item when there is none at once; an
    /// index node is all that it may wait for. The zone has a limit, for which its addresses are
    /// taken at the beginning (`ZONE_INTERRUPT`).
    INTERRUPT,
    /// That no item is left is a [VmPanic] (`ZONE_PANICFAIL`).
    PANIC_ON_FAILURE,
    /// It may be taken down (`ZONE_DESTROYABLE`).
    DESTROYABLE
  }

  private final EdgeThreads edge;
  private final Zone zone;

  KernelZone(EdgeThreads edge, Zone zone) {
    this.edge = edge;
    this.zone = zone;
  }

  /// Its name.
  public String name() {
    return zone.name();
  }

  /// The size of an item in bytes, as it was rounded up.
  public int itemBytes() {
    return zone.itemBytes();
  }

  /// Allocates an item (`zalloc`). May wait for memory, unless the zone is [Kind#INTERRUPT].
  ///
  /// @return its address, or 0 if there is none: the limit is reached, or memory is out
  /// @throws VmPanic if there is none in a zone that is to panic then; the machine is halted
  public long allocate() {
    return edge.call(zone::allocate);
  }

  /// Gives an item back (`zfree`). Never waits for memory.
  ///
  /// @throws IllegalArgumentException if no item of this zone begins at the address
  /// @throws VmPanic if it is free already; the machine is halted
  public void free(long item) {
    edge.run(self -> zone.free(self, item));
  }

  /// Takes the zone down and gives its memory back (`zdestroy`). Waits for stores under way.
  ///
  /// @throws IllegalStateException if it is not [Kind#DESTROYABLE], or items are in use
  public void destroy() {
    edge.run(zone::destroy);
  }

  /// How many items there may be; 0 for as many as there is memory for.
  public long limit() {
    return zone.limit();
  }

  /// How many items are in use: exact at rest.
  public long used() {
    return zone.used();
  }

  /// How many items are free, and need no memory to be had.
  public long free() {
    return zone.free();
  }

  /// How often an item was asked for.
  public long requests() {
    return zone.requests();
  }

  @Override
  public String toString() {
    return zone.toString();
  }
}
