package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// Frees what elements of chains have and nobody can see, because each chain that goes through them
/// has something nearer: for when memory is short.
///
/// **Contract.** Works in steps with one map shared; the maps of other spaces are only tried. Never
/// waits for memory or for a busy page.
final class HiddenPages {
  /*
   * Once a chain hides an index it always does: what hides it may be paged out, or moved further up,
   * but goes only with the mapping. A fork makes chains that hide the same. So it is enough to have
   * seen, at any moment, that each chain hides an index; what the element has there is kept the same
   * by its token. The order of elements is changed only under the collapser's lock, which the caller has.
   */
  private static final int BATCH = 256;

  /// An element that more chains than this go through is left alone.
  private static final int MANY_CHAINS = 64;

  private final CollapseParts parts;
  private final VmThread self;

  HiddenPages(CollapseParts parts) {
    this.parts = parts;
    this.self = parts.self();
  }

  /// Where a sweep of a space has got to.
  static final class Place {
    private long address;
    private int depth = 1;
    private long pindex = -1;

    /// Pages and blocks looked at.
    long looks;

    /// Those that were freed.
    long freed;

    /// Whether something could not be looked at now.
    boolean missed;

    /// Goes to the first address, of another space.
    void beginSpace() {
      address = 0;
      depth = 1;
      pindex = -1;
    }

    private void nextElement() {
      depth++;
      pindex = -1;
    }

    private void nextEntry(MapEntry entry) {
      address = entry.end();
      depth = 1;
      pindex = -1;
    }
  }

  /// Takes one step.
  ///
  /// @return false at the end of the space
  boolean step(Space space, Place place) {
    return space.withMapShared(map -> {
      MapEntry entry = map.from(place.address);
      if (entry == null) {
        return false;
      }
      Backing element = entry.backing();
      for (int n = 0; n < place.depth && element != null; n++) {
        element = element.next();
      }
      if (element == null) {
        place.nextEntry(entry);
      } else {
        sweep(element, place);
      }
      return true;
    });
  }

  private void sweep(Backing element, Place place) {
    VmObject object = element.object();
    Attachment[] chains = object.attachments();
    boolean kept = object.keepsUnshown() || object.kind().hasOwnPager();
    if (kept || chains.length > MANY_CHAINS) {
      place.nextElement();
      return;
    }
    object.token().lock(self, true);
    try {
      long[] indexes = someIndexes(element, Math.max(place.pindex, element.firstPindex()));
      if (indexes.length == 0) {
        place.nextElement();
        return;
      }
      place.pindex = indexes[indexes.length - 1] + 1;
      place.looks += indexes.length;
      boolean[] seen = new boolean[indexes.length];
      for (Attachment chain : object.attachments()) {
        if (!markSeen((Backing) chain, element.space(), indexes, seen)) {
          place.missed = true;
          return;
        }
      }
      free(object, indexes, seen, place);
    } finally {
      object.token().unlock(self);
    }
  }

  private static long[] someIndexes(Backing element, long from) {
    long[] indexes = new long[BATCH];
    int count = 0;
    long p = CollapseParts.next(element.object(), from);
    while (count < BATCH && p >= 0 && p < element.endPindex()) {
      indexes[count++] = p;
      p = CollapseParts.next(element.object(), p + 1);
    }
    return Arrays.copyOf(indexes, count);
  }

  private void free(VmObject object, long[] indexes, boolean[] seen, Place place) {
    for (int i = 0; i < indexes.length; i++) {
      if (!seen[i] && CollapseParts.has(object, indexes[i])) {
        boolean dropped = parts.drop(object, indexes[i]);
        place.freed += dropped ? 1 : 0;
        place.missed |= !dropped;
      }
    }
  }

  /// Marks the indexes that a chain shows.
  ///
  /// @return false if that can't be found out now
  private boolean markSeen(Backing chain, Space locked, long[] indexes, boolean[] seen) {
    List<Backing> above = find(chain, locked);
    if (above == null) {
      return false;
    }
    boolean[] hidden = new boolean[indexes.length];
    for (Backing nearer : above) {
      if (!nearer.object().token().tryLock(self, false)) {
        return false; // out of order: only tried
      }
      for (int i = 0; i < indexes.length; i++) {
        long p = indexes[i] - chain.firstPindex() + nearer.firstPindex();
        hidden[i] |= p >= nearer.firstPindex() && CollapseParts.has(nearer.object(), p);
      }
      nearer.object().token().unlock(self);
    }
    for (int i = 0; i < indexes.length; i++) {
      boolean inRange = chain.firstPindex() <= indexes[i] && indexes[i] < chain.endPindex();
      seen[i] |= inRange && !hidden[i];
    }
    return true;
  }

  private static @Nullable List<Backing> find(Backing chain, Space locked) {
    AddressMap map = chain.space().map();
    if (chain.space() == locked) {
      return findIn(map, chain);
    }
    long stamp = map.tryLockShared();
    if (stamp == 0) {
      return null;
    }
    try {
      return findIn(map, chain);
    } finally {
      map.unlockShared(stamp);
    }
  }

  @SuppressWarnings("ReferenceEquality") // this very element, not one that looks the same
  private static @Nullable List<Backing> findIn(AddressMap map, Backing chain) {
    MapEntry entry = map.find(chain.start());
    List<Backing> nearer = new ArrayList<>();
    for (Backing e = entry == null ? null : entry.backing(); e != null; e = e.next()) {
      if (e == chain) {
        return nearer;
      }
      nearer.add(e);
    }
    return null;
  }
}
