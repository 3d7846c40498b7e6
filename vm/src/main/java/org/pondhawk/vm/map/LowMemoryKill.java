package org.pondhawk.vm.map;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// Condemns the address space that has most memory and swap, when nothing else can be freed and
/// that is switched on (`vm_pageout_scan_callback`, `vm.lowmem_kill`).
///
/// A condemned space is not taken down: its waits for memory end, so that whoever uses it learns of
/// it and gives it up. The others get a second for that before they are refused, as they are at
/// once where this is switched off.
///
/// **Contract.** Called by the pageout daemon; never waits, a map that is being changed is passed
/// by.
public final class LowMemoryKill {
  /// How long a condemned space has to give memory up, and how far two verdicts lie apart.
  private static final long GRACE_NANOS = 1_000_000_000L;

  private final List<Space> spaces;
  private final FreeGate gate;
  private final VmStats stats;
  private final Ticker ticker;
  private final Tunable enabled;
  private boolean everCondemned;
  private long lastNanos;

  /// Makes it.
  ///
  /// @param spaces those that are open, a list that others may change meanwhile
  /// @param enabled whether the daemon may condemn
  public LowMemoryKill(
      List<Space> spaces, FreeGate gate, VmStats stats, Ticker ticker, Tunable enabled) {
    this.spaces = spaces;
    this.gate = gate;
    this.stats = stats;
    this.ticker = ticker;
    this.enabled = enabled;
  }

  /// Condemns the largest space, unless that was done a moment ago.
  ///
  /// @return whether those who wait for memory should go on for now
  public boolean relieve(VmThread self) {
    if (!enabled.isOn()) {
      return false;
    }
    long now = ticker.nanos();
    if (everCondemned && now - lastNanos < GRACE_NANOS) {
      return true;
    }
    Space largest = largest();
    if (largest == null || !condemn(self, largest)) {
      return false; // nobody left, or the largest did not give anything up: no more are sacrificed
    }
    everCondemned = true;
    lastNanos = now;
    return true;
  }

  /// Condemns a space and wakes its threads, to learn of it.
  ///
  /// @return whether it was not condemned before
  public boolean condemn(VmThread self, Space space) {
    boolean first = space.process().condemn();
    if (first) {
      stats.count(self.stripe(), Event.CONDEMNED, 1);
    }
    gate.broadcast();
    return first;
  }

  private @Nullable Space largest() {
    Space largest = null;
    long most = 0;
    for (Space space : spaces) {
      long size = sizeOf(space);
      if (size > most) { // the first of equals; one of nothing never
        most = size;
        largest = space;
      }
    }
    return largest;
  }

  /// What closing a space would give back at most, in pages: what is resident of the objects that
  /// its entries show directly, and the share of their swap that lies behind the entries.
  ///
  /// @return 0 for a space whose map is being changed
  long sizeOf(Space space) {
    long stamp = space.map().tryLockShared();
    if (stamp == 0) {
      return 0;
    }
    try {
      long size = 0;
      for (MapEntry entry : space.map().all()) {
        if (entry.backing() != null) {
          size += entry.head().object().resident().size() + entry.head().swapShare();
        }
      }
      return size;
    } finally {
      space.map().unlockShared(stamp);
    }
  }
}
