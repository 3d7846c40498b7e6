package org.pondhawk.vm.boot;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.AddressMap;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.stats.MappedRange;
import org.pondhawk.vm.sync.VmThread;

/// What the debugger's command for maps prints (`show map`).
public final class MapInspection {
  private static final long NOT_COUNTED = -1;

  private MapInspection() {}

  /// What is mapped in a space, in order. The map is shared meanwhile; waits for tokens.
  public static List<MappedRange> of(VmThread self, Space space) {
    int pageShift = Integer.numberOfTrailingZeros(space.pageSize());
    long stamp = space.map().lockShared();
    try {
      return space.map().all().stream()
          .map(e -> of(e, resident(self, e, e.backing(), pageShift)))
          .toList();
    } finally {
      space.map().unlockShared(stamp);
    }
  }

  private static MappedRange of(MapEntry entry, long residentPages) {
    Backing head = entry.backing();
    return new MappedRange(
        entry.start(),
        entry.end(),
        Access.describe(entry.access()),
        Access.describe(entry.maxAccess()),
        entry.inheritance().name(),
        entry.behavior().name(),
        EntryFlags.describe(entry.traits().flags()),
        entry.traits().subsystem().name(),
        entry.traits().wirings(),
        entry.reserve(),
        entry.depth(),
        head == null ? -1 : head.object().id(),
        residentPages);
  }

  private static long resident(
      VmThread self, MapEntry entry, @Nullable Backing head, int pageShift) {
    if (head == null) {
      return 0;
    }
    VmObject object = head.object();
    long end = head.pindex(entry.end(), pageShift);
    long count = 0;
    object.token().lock(self, false);
    try {
      for (long p = object.resident().next(head.firstPindex());
          p >= 0 && p < end;
          p = object.resident().next(p + 1)) {
        count++;
      }
    } finally {
      object.token().unlock(self);
    }
    return count;
  }

  /// The maps of all open spaces as text, a line for each range. Never waits: counts nothing that
  /// needs a token, and passes over a map that is being changed.
  public static String text(Machine machine) {
    StringBuilder text = new StringBuilder();
    for (Space space : machine.spaces()) {
      long stamp = space.map().tryLockShared();
      if (stamp == 0) {
        text.append("space %d: its map is being changed\n".formatted(space.id()));
        continue;
      }
      try {
        append(text, space);
      } finally {
        space.map().unlockShared(stamp);
      }
    }
    return text.toString();
  }

  private static void append(StringBuilder text, Space space) {
    AddressMap map = space.map();
    text.append(
        "space %d: %d mappings, %d bytes of %d, timestamp %d\n"
            .formatted(space.id(), map.count(), map.size(), map.range(), map.timestamp()));
    for (MapEntry entry : map.all()) {
      text.append("  ").append(of(entry, NOT_COUNTED).text()).append('\n');
    }
  }
}
