package org.pondhawk.vm.map;

import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// A change of what may be done with a range (`vm_map_protect`).
///
/// **Contract.** The map is locked exclusively, and leases in the way have ended. Rights that are
/// taken are gone for every thread when it returns; rights that are given show in the next fault.
/// What is not mapped in the range is skipped.
///
/// **Failure.** All entries are asked before any is changed. If a store under way does not end,
/// pages have lost their mappings, which faults give back, and the entries are as they were.
final class RightsChange {
  private final AddressMap map;
  private final Clipper clipper;
  private final Pmap pmap;
  private final Grace grace;
  private final Wiring wiring;

  RightsChange(AddressMap map, Clipper clipper, Pmap pmap, Grace grace, Wiring wiring) {
    this.wiring = wiring;
    this.map = map;
    this.clipper = clipper;
    this.pmap = pmap;
    this.grace = grace;
  }

  /// Changes a range.
  ///
  /// @param access what is to be allowed, bits of [Access]
  /// @param forGood whether no more than that is ever to be allowed again; rights that an entry
  ///   does not have now are not given then
  /// @return whether something wired has got rights, so that its pages are to be made ready for
  ///   them
  /// @throws AccessViolationException if an entry may not have these rights
  /// @throws IllegalArgumentException if a part of the range has a map of its own
  boolean apply(VmThread self, long start, long end, int access, boolean forGood) {
    map.requireNoSubmap(start, end);
    for (MapEntry entry : map.overlapping(start, end)) {
      if (!Access.allows(entry.maxAccess(), access)) {
        throw new AccessViolationException(
            Math.max(start, entry.start()), "protect", "more than was left to allow: " + entry);
      }
    }
    clipper.clip(start);
    clipper.clip(end);
    try {
      boolean weakened = false;
      boolean readied = false;
      for (MapEntry entry : map.overlapping(start, end)) {
        weakened |= weaken(self, entry, access);
        readied |= !forGood && entry.isWired() && !Access.allows(entry.access(), access);
      }
      if (weakened) {
        grace.synchronize("protect");
      }
      for (MapEntry entry : map.overlapping(start, end)) {
        map.replace(
            entry,
            forGood
                ? entry.with(entry.traits().withAccess(entry.access() & access, access))
                : entry.with(entry.traits().withAccess(access, entry.maxAccess())));
      }
      return readied;
    } finally {
      clipper.join(start, end);
    }
  }

  /// Takes from the mappings of an entry what it is to lose.
  ///
  /// @return whether a store may be under way that must not be any more
  private boolean weaken(VmThread self, MapEntry entry, int access) {
    int lost = entry.access() & ~access & (Access.READ | Access.WRITE); // no table knows of others
    if (entry.isUntouched() || lost == 0) {
      return false;
    }
    if ((lost & Access.READ) == 0) {
      pmap.writeProtect(entry.start(), entry.end());
    } else {
      wiring.forget(self, entry.start(), entry.end());
      pmap.remove(entry.start(), entry.end());
    }
    return true;
  }
}
