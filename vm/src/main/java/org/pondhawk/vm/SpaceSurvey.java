package org.pondhawk.vm;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.ProgramLayout;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.stats.SpaceStatistics;

/// Looks at an address space from outside: counts what it has, and lists its mappings.
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
    ProgramLayout layout = space.layout();
    return new SpaceStatistics(
        space.pmap().resident(),
        space.pmap().wired(),
        swapped,
        anonymous,
        space.map().size(),
        entries.size(),
        layout.textBytes(),
        layout.dataBytes(),
        layout.stackBytes(),
        space.life().references(),
        space.life().holds());
  }

  /// Lists the mappings of a space, one a line, below a line for all of it (`show map`). Does not
  /// wait: of a map that is being changed there is only the first line.
  static String show(Space space) {
    StringBuilder text = new StringBuilder();
    text.append(
        "space %d: %s, range 0x%x, %d pages mapped\n"
            .formatted(space.id(), space.life(), space.map().range(), space.pmap().resident()));
    long stamp = space.map().tryLockShared();
    if (stamp == 0) {
      return text.append("  its map is being changed\n").toString();
    }
    try {
      for (MapEntry entry : space.map().all()) {
        text.append(
            "  %s %s %s\n".formatted(entry, entry.inheritance(), entry.traits().subsystem()));
      }
      text.append("  %d mappings, %d bytes\n".formatted(space.map().count(), space.map().size()));
    } finally {
      space.map().unlockShared(stamp);
    }
    return text.toString();
  }
}
