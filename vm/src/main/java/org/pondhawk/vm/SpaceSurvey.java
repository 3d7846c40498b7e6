package org.pondhawk.vm;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.stats.SpaceStatistics;

/// Looks at an address space from outside, and counts what it has.
///
/// **Contract.** The caller holds the space, so that its page table stays. A space that ends at the
/// same time is found empty.
final class SpaceSurvey {
  private SpaceSurvey() {}

  /// Counts what a space has. Costs a look at each mapping, with the map shared: waits as a fault
  /// does.
  static SpaceStatistics count(Space space) {
    long stamp = space.map().lockShared();
    try {
      return count(space, space.map().all());
    } finally {
      space.map().unlockShared(stamp);
    }
  }

  private static SpaceStatistics count(Space space, List<MapEntry> entries) {
    Set<VmObject> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    long swapped = 0;
    long anonymous = 0;
    for (MapEntry entry : entries) {
      Backing head = entry.backing();
      if (head != null) {
        swapped += head.swapShare();
        anonymous += seen.add(head.object()) ? head.object().resident().size() : 0;
      }
    }
    return new SpaceStatistics(
        space.pmap().resident(),
        space.pmap().wired(),
        swapped,
        anonymous,
        space.map().size(),
        entries.size(),
        bytesOf(entries, Subsystem.BRK),
        bytesOf(entries, Subsystem.STACK),
        space.life().references(),
        space.life().holds());
  }

  private static long bytesOf(List<MapEntry> entries, Subsystem subsystem) {
    return entries.stream()
        .filter(entry -> entry.traits().subsystem() == subsystem)
        .mapToLong(entry -> entry.end() - entry.start())
        .sum();
  }
}
