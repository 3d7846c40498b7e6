package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// The cutting of one chain whose elements are all alive: which of them are to be left, where their
/// pages are that must be copied up first, and at last the cut.
///
/// **Contract.** Used by one thread. Each call locks the map for a bounded step; what changes in
/// between is noticed, and ends the plan.
public final class ChainCut {
  /*
   *   head ─▶ e1 ─▶ … ─▶ ej ─▶ kept ─▶ …        becomes       head ─▶ kept ─▶ …
   *   └─ what e1 to ej show is copied up first
   *
   * j is the deepest element that is not heavier than all above it together. So each kept one is heavier
   * than the sum of what is above it: there are at most as many as the number of pages has binary digits,
   * and a page is copied again only after the elements above it have outgrown it. A large old base
   * beneath many small generations is not copied.
   *
   * An element that is not the head never shows anything new, but for zero pages that another space
   * puts there whose head it is: `arrivals` tells. So an index that was found hidden stays hidden.
   */
  private static final int BATCH = 64;

  private final Space space;
  private final MapEntry planned;
  private final VmObject head;
  private final List<Left> left;
  private int element;
  private long pindex;

  /// An element that is to be left, as it was at the beginning.
  private record Left(VmObject object, long firstPindex, long arrivals) {}

  private ChainCut(Space space, MapEntry planned, List<Left> left) {
    this.space = space;
    this.planned = planned;
    this.head = planned.head().object();
    this.left = left;
    this.pindex = left.getFirst().firstPindex();
  }

  /// Plans the cutting of a chain of a space that is too deep and may be stored into. Gives its
  /// entry a head of its own.
  ///
  /// @param depth how deep is too deep
  /// @return null if there is none, or cutting would not pay
  public static @Nullable ChainCut plan(VmThread self, Space space, int depth) {
    for (long at = space.deepEntry(0, depth); at >= 0; at = space.deepEntry(at + 1, depth)) {
      space.forker().shadow(at);
      ChainCut cut = planOf(self, space, at);
      if (cut != null) {
        return cut;
      }
    }
    return null;
  }

  private static @Nullable ChainCut planOf(VmThread self, Space space, long start) {
    long stamp = space.map().lockShared();
    try {
      MapEntry entry = space.map().find(start);
      return entry == null || entry.needsCopy() ? null : planOf(self, space, entry);
    } finally {
      space.map().unlockShared(stamp);
    }
  }

  private static @Nullable ChainCut planOf(VmThread self, Space space, MapEntry entry) {
    List<Left> all = new ArrayList<>();
    int worth = 0;
    long above = weight(self, entry.head().object());
    for (Backing e = entry.head().next(); e != null; e = e.next()) {
      VmObject object = e.object();
      if (object.kind().hasOwnPager()) {
        break; // all of it would be read and copied
      }
      long weight = weight(self, object);
      all.add(new Left(object, e.firstPindex(), arrivals(self, object)));
      worth = weight <= above ? all.size() : worth;
      above += weight;
    }
    return worth == 0 ? null : new ChainCut(space, entry, List.copyOf(all.subList(0, worth)));
  }

  private static long weight(VmThread self, VmObject object) {
    object.token().lock(self, false);
    long weight = object.weight();
    object.token().unlock(self);
    return weight;
  }

  private static long arrivals(VmThread self, VmObject object) {
    object.token().lock(self, false);
    long arrivals = object.arrivals();
    object.token().unlock(self);
    return arrivals;
  }

  /// The space.
  public Space space() {
    return space;
  }

  /// Some more addresses whose pages the head is to get copies of. Empty means that no more are
  /// needed: what comes then is [#cut].
  ///
  /// @return null if the chain has changed, so that the plan is void
  public long @Nullable [] next(VmThread self) {
    long stamp = space.map().lockShared();
    try {
      return next(self, space.map());
    } finally {
      space.map().unlockShared(stamp);
    }
  }

  private long @Nullable [] next(VmThread self, AddressMap map) {
    List<Backing> chain = chain(map);
    if (chain == null) {
      return null;
    }
    long[] found = new long[BATCH];
    int count = 0;
    int first = chain.size() - left.size();
    while (count == 0 && element < left.size()) {
      Backing at = chain.get(first + element);
      count = someShown(self, at, chain.subList(0, first), found);
      if (count == 0) {
        element++;
        pindex = element < left.size() ? left.get(element).firstPindex() : 0;
      }
    }
    return Arrays.copyOf(found, count);
  }

  /// Looks for indexes of an element that none of those above hides.
  private int someShown(VmThread self, Backing at, List<Backing> above, long[] found) {
    int count = 0;
    while (count < found.length) {
      at.object().token().lock(self, false);
      pindex = CollapseParts.next(at.object(), pindex);
      at.object().token().unlock(self);
      if (pindex < 0 || pindex >= at.endPindex()) {
        break;
      }
      if (above.stream().noneMatch(e -> has(self, e, pindex - at.firstPindex()))) {
        found[count++] = at.start() + ((pindex - at.firstPindex()) << space.pageShift());
      }
      pindex++;
    }
    return count;
  }

  private static boolean has(VmThread self, Backing element, long offset) {
    VmObject object = element.object();
    object.token().lock(self, false);
    boolean has = CollapseParts.has(object, element.firstPindex() + offset);
    object.token().unlock(self);
    return has;
  }

  /// The chain of the entry down to the last element that is to be left, if they are still those.
  private @Nullable List<Backing> chain(AddressMap map) {
    MapEntry entry = map.find(planned.start());
    if (entry == null || entry.start() != planned.start() || entry.end() != planned.end()) {
      return null;
    }
    List<Backing> chain = new ArrayList<>();
    Backing at = entry.backing();
    while (at != null && at.object() != head) {
      chain.add(at); // a fork came, and a store
      at = at.next();
    }
    for (int i = -1; i < left.size(); i++) {
      if (at == null || at.object() != (i < 0 ? head : left.get(i).object())) {
        return null;
      }
      chain.add(at);
      at = at.next();
    }
    return chain;
  }

  /// Cuts the elements off, if nothing was shown anew in them. Nobody loses anything: who else goes
  /// through them still does.
  ///
  /// @return how many were cut off
  public int cut(VmThread self) {
    return space.withMapLocked(map -> {
      List<Backing> chain = chain(map);
      if (chain == null || left.stream().anyMatch(e -> arrivals(self, e.object) != e.arrivals)) {
        return 0;
      }
      MapEntry entry = Objects.requireNonNull(map.find(planned.start()));
      List<Backing> above = chain.subList(0, chain.size() - left.size());
      Backing kept = chain.getLast().next();
      for (Backing e : above.reversed()) {
        kept = e.above(kept);
        e.object().replace(e, kept);
      }
      map.replace(entry, entry.with(Objects.requireNonNull(kept), entry.needsCopy()));
      for (Backing e : chain.subList(above.size(), chain.size())) {
        e.object().replace(e);
        space.leave(self, e);
      }
      return left.size();
    });
  }
}
