package org.pondhawk.vm.fault;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.Behavior;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.sync.VmThread;

/// The faults of one thread in one space: what the walk of the current attempt knows
/// (`faultstate`).
///
/// **Contract.** Belongs to its thread, which has one fault at a time; kept from fault to fault, so
/// that a fault takes nothing from the heap.
public final class Fault {
  final VmThread self;
  final Space space;
  long address;
  boolean write;

  /// A page that somebody else has busy, to be waited for when nothing is held.
  int busyPage = PageArray.NONE;

  /// Whether the page is being sent and stores of before are to be waited for, when nothing is
  /// held: those that [#openTicket] tells of.
  boolean awaitsStores;

  int openTicket;

  /// The page that the head has got by copy-on-write.
  int page = PageArray.NONE;

  /// Whether the head is to get a page of its own and no store follows, so that a frozen space is
  /// no reason to wait.
  boolean copiesOnly;

  /// The map of its own that the range of the address has.
  @Nullable Space submap;

  /// Whether the page is to be wired and made ready for every access that its range allows; no
  /// access follows.
  boolean wires;

  /// Whether the page is to be held before it can change again.
  boolean holds;

  /// The page that is held, or none.
  int held = PageArray.NONE;

  private @Nullable MapEntry entry;

  /// Makes the record of a thread's faults in a space.
  public Fault(VmThread self, Space space) {
    this.self = self;
    this.space = space;
  }

  /// Begins a walk down the chain of an entry.
  void begin(MapEntry found, long at, boolean forWrite) {
    entry = found;
    self.setReadsAhead(found.behavior() != Behavior.RANDOM);
    address = at;
    write = forWrite;
    busyPage = PageArray.NONE;
    awaitsStores = false;
  }

  /// Ends the walk: an entry that is unmapped later is not kept alive.
  void end() {
    self.setReadsAhead(true);
    entry = null;
  }

  /// Whether a store follows.
  boolean stores() {
    return write && !wires;
  }

  MapEntry entry() {
    if (entry == null) {
      throw new VmPanic("a walk without an entry at 0x%x".formatted(address));
    }
    return entry;
  }

  Backing head() {
    return entry().head();
  }
}
