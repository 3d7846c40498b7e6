package org.pondhawk.vm.sync;

import java.util.EnumMap;

/// What the calling thread holds. Called only from `assert`, so production pays nothing.
public final class LockOrder {
  private static final ThreadLocal<EnumMap<LockRank, Integer>> HELD =
      ThreadLocal.withInitial(() -> new EnumMap<>(LockRank.class));

  private LockOrder() {}

  /// Before a wait for `rank`. Always true; throws if the order is violated.
  ///
  /// @param rank the rank that the caller is about to wait for
  /// @return true
  public static boolean mayWaitFor(LockRank rank) {
    for (LockRank held : HELD.get().keySet()) {
      if (held.compareTo(rank) >= 0) {
        throw new AssertionError("waiting for " + rank + " while holding " + HELD.get());
      }
    }
    return true;
  }

  /// After an acquisition, waited for or tried.
  ///
  /// @param rank the rank that was taken
  /// @return true
  public static boolean took(LockRank rank) {
    HELD.get().merge(rank, 1, Integer::sum);
    return true;
  }

  /// After a release.
  ///
  /// @param rank the rank that was given back
  /// @return true
  public static boolean gave(LockRank rank) {
    Integer left = HELD.get().computeIfPresent(rank, (_, n) -> n - 1);
    if (left == null) {
      throw new AssertionError("giving back " + rank + ", holding only " + HELD.get());
    }
    HELD.get().remove(rank, 0);
    return true;
  }

  /// Whether the calling thread holds a lock of this rank.
  ///
  /// @param rank the rank asked for
  /// @return true if at least one is held
  public static boolean holds(LockRank rank) {
    return HELD.get().containsKey(rank);
  }

  /// Whether the calling thread holds nothing that forbids sleeping.
  ///
  /// @return true if no spin lock is held
  public static boolean maySleep() {
    return HELD.get().keySet().stream().allMatch(rank -> rank.maySleep);
  }
}
