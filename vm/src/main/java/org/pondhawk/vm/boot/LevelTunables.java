package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.queue.FreeLevel;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.sync.Tunable;

/// The levels of free memory as tunables: each may be set alone, at any time, and nothing is
/// derived anew; what would put them out of order is refused.
final class LevelTunables {
  private static final long MOST_PAGES = 1 << 30;
  private static final long MOST_BASE = 1 << 20;

  private final Tunable base =
      Tunable.atBoot(
              "vm.free_min_base",
              5,
              MOST_BASE,
              FreeLevels.BASE,
              "The constant part of v_free_min, to which a 200th of all pages comes.")
          .in("pages")
          .derived("64, or 16 below 4096 pages");

  private final Map<FreeLevel, Tunable> byLevel = new EnumMap<>(FreeLevel.class);
  private @Nullable Pressure pressure;
  private long pageCount;

  LevelTunables() {
    add(FreeLevel.MIN, "base + pages/200", "Below it faults wait for memory.");
    add(FreeLevel.RESERVED, "min/2 + 7", "Free pages below it are for the machine's own threads.");
    add(FreeLevel.SEVERE, "min/2", "Below it no fault may allocate.");
    add(FreeLevel.PAGEOUT_MIN, "min/4 + 7", "At it a daemon is woken that waits for memory.");
    add(FreeLevel.PAGING_WAIT, "2 min", "Below it waiters are kept waiting between passes.");
    add(FreeLevel.PAGING_START, "3 min", "Below it the pageout daemon runs.");
    add(FreeLevel.TARGET1, "4 min", "What a first pass of the daemon aims at.");
    add(FreeLevel.TARGET2, "5 min", "What the daemon stops at.");
    add(FreeLevel.FREE_TARGET, "2 min", "What the cache scan refills the free queues to.");
    add(FreeLevel.INACTIVE_TARGET, "free/16", "How many inactive pages there should be.");
    add(FreeLevel.MAX_LAUNDER, "pages/256 + 16", "How many dirty pages a pass may write.");
  }

  private void add(FreeLevel level, String how, String what) {
    Tunable tunable =
        Tunable.live("vm." + level.label(), 1, MOST_PAGES, 1, what).in("pages").derived(how);
    tunable.takenBy(wanted -> set(Map.of(level, wanted)));
    byLevel.put(level, tunable);
  }

  List<Tunable> all() {
    List<Tunable> all = new ArrayList<>(byLevel.values());
    all.add(base);
    return all;
  }

  /// The levels of a machine that is to be made: as chosen, the others as its size has them.
  ///
  /// @throws IllegalArgumentException if they are out of order
  FreeLevels settle(long pages, long freeCount) {
    base.settle(FreeLevels.baseFor(pages));
    FreeLevels derived = FreeLevels.withBase(base.get(), pages, freeCount);
    FreeLevels levels = derived;
    boolean anyChosen = base.isChosen();
    for (Map.Entry<FreeLevel, Tunable> e : byLevel.entrySet()) {
      e.getValue().settle(Math.max(1, derived.get(e.getKey())));
      if (e.getValue().isChosen()) {
        levels = levels.with(e.getKey(), e.getValue().get());
        anyChosen = true;
      }
    }
    return anyChosen ? levels.requireOrder(pages) : levels;
  }

  /// Lets the machine go by what is set from now on.
  synchronized void drive(Pressure itsPressure, long itsPageCount) {
    pressure = itsPressure;
    pageCount = itsPageCount;
  }

  /// The level that a tunable is, or null.
  @SuppressWarnings("ReferenceEquality") // this very tunable
  @Nullable FreeLevel levelOf(Tunable tunable) {
    for (Map.Entry<FreeLevel, Tunable> e : byLevel.entrySet()) {
      if (e.getValue() == tunable) {
        return e.getKey();
      }
    }
    return null;
  }

  /// Sets some levels in one step, so that they may pass through each other.
  ///
  /// @throws IllegalArgumentException if they were out of order then: nothing has changed
  synchronized void set(Map<FreeLevel, Long> wanted) {
    Pressure driven = pressure;
    if (driven == null) {
      throw new IllegalStateException("there is no machine yet whose levels could be set");
    }
    FreeLevels levels = driven.levels();
    for (Map.Entry<FreeLevel, Long> e : wanted.entrySet()) {
      levels = levels.with(e.getKey(), e.getValue());
    }
    driven.set(levels, pageCount);
    byLevel.forEach((level, tunable) -> {
      Long pages = wanted.get(level);
      if (pages != null) {
        tunable.note(pages);
      }
    });
  }
}
