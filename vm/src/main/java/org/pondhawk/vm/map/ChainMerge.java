package org.pondhawk.vm.map;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.VmThread;

/// Merges the two nearest elements of a chain that nobody else goes through, and takes the emptied
/// one out (in place of `vm_fault_collapse`).
///
/// **Contract.** Works in steps of a few pages with the map shared and both objects' tokens
/// exclusive, so that a fault waits for one step at most, and only if it is in the same mapping;
/// the map is exclusive just to change links. Never waits for memory or for a busy page.
final class ChainMerge {
  /*
   * The smaller one is emptied, so that what one generation stored is what it costs to forget it,
   * however large the space is:
   *
   *   element not much larger        its pages are moved up into the head; what the head hides is freed
   *   element much larger            what the head hides in it is freed (Sinking); then the two change
   *                                  places, and what was the head is the smaller element beneath
   *
   * Pages are only ever moved up, so a walk from the head down that holds the head's token misses
   * none.
   */
  private static final int PAGES_PER_STEP = 64;
  private static final int MUCH_LARGER = 2;

  private final CollapseParts parts;
  private final VmThread self;

  ChainMerge(CollapseParts parts) {
    this.parts = parts;
    this.self = parts.self();
  }

  /// Takes one step in the chains of a space.
  Step step(Space space) {
    Step step = space.withMapShared(map -> moveSome(space, map));
    return step == Step.RELINK ? space.withMapLocked(map -> relink(space, map)) : step;
  }

  /// What is done with the two nearest elements of a chain.
  private interface Work {
    Step on(Backing head, Backing next);
  }

  private Step moveSome(Space space, AddressMap map) {
    Step result = Step.NOTHING;
    for (MapEntry entry : map.all()) {
      Step step = onPair(entry, (head, next) -> moveSome(space, head, next));
      if (step == Step.PROGRESS || step == Step.RELINK) {
        return step;
      }
      result = step == Step.LATER ? step : result;
    }
    return result;
  }

  /// Works on an entry's two nearest elements with both tokens held, if only its chain goes through
  /// them. What has a pager of its own is left alone: its pages are not the chain's.
  private Step onPair(MapEntry entry, Work work) {
    Backing head = entry.backing();
    Backing next = head == null ? null : head.next();
    if (head == null || next == null || next.object().kind().hasOwnPager()) {
      return Step.NOTHING;
    }
    if (!head.isAlone() || !next.isAlone()) {
      return Step.NOTHING;
    }
    head.object().token().lock(self, true);
    next.object().token().lock(self, true);
    try {
      return work.on(head, next);
    } finally {
      next.object().token().unlock(self);
      head.object().token().unlock(self);
    }
  }

  private static boolean isEmpty(Backing element) {
    long first = CollapseParts.next(element.object(), element.firstPindex());
    return first < 0 || first >= element.endPindex();
  }

  private Step moveSome(Space space, Backing head, Backing next) {
    if (isEmpty(next)) {
      return Step.RELINK;
    }
    // A held page must not be stored into where it lies, as the new head's would be.
    boolean sink = next.object().weight() > MUCH_LARGER * head.object().weight();
    if (!sink || parts.allocator().holdsAny()) {
      Step step = movePages(head, next);
      return step == Step.NOTHING ? moveBlocks(head, next) : step;
    }
    Sinking sinking = space.sinking;
    if (sinking == null || !sinking.isAbout(head, next)) {
      sinking = new Sinking(head, next);
      space.sinking = sinking;
    }
    return sinking.isDone() ? Step.RELINK : sinking.dropSome(parts, head, next);
  }

  // ---- links

  private Step relink(Space space, AddressMap map) {
    for (MapEntry entry : map.all()) {
      Step step = onPair(entry, (head, next) -> relink(space, map, entry, head, next));
      if (step == Step.PROGRESS) {
        return step;
      }
    }
    return Step.PROGRESS; // it was there when the map was shared: look again
  }

  private Step relink(Space space, AddressMap map, MapEntry entry, Backing head, Backing next) {
    Sinking sinking = space.sinking;
    if (isEmpty(next)) {
      takeOut(map, entry, head, next);
      return Step.PROGRESS;
    }
    if (sinking == null || !sinking.isDone() || !sinking.isAbout(head, next)) {
      return Step.NOTHING;
    }
    space.sinking = null;
    if (!parts.allocator().holdsAny()) {
      changePlaces(map, entry, head, next);
    }
    return Step.PROGRESS;
  }

  /// Takes an element out of a chain that has nothing any more that could be seen.
  private void takeOut(AddressMap map, MapEntry entry, Backing head, Backing next) {
    Backing shorter = head.above(next.next());
    head.object().replace(head, shorter);
    next.object().replace(next);
    map.replace(entry, entry.with(shorter, entry.needsCopy()));
    parts.reaper().release(self, next.object());
    parts.count(Event.COLLAPSED);
  }

  private static void changePlaces(AddressMap map, MapEntry entry, Backing head, Backing next) {
    Backing lower = head.above(next.next());
    Backing upper = next.above(lower);
    head.object().replace(head, lower);
    next.object().replace(next, upper);
    map.replace(entry, entry.with(upper, entry.needsCopy()));
  }

  // ---- pages and blocks

  private static boolean endsStep(int moved, Backing head) {
    return moved == PAGES_PER_STEP || (moved > 0 && head.object().token().isWanted());
  }

  private Step movePages(Backing head, Backing next) {
    long end = next.endPindex();
    int moved = 0;
    IntRadix resident = next.object().resident();
    for (long p = resident.next(next.firstPindex()); p >= 0 && p < end; p = resident.next(p + 1)) {
      if (endsStep(moved, head)) {
        return Step.PROGRESS;
      }
      if (!movePage(next.object(), p, head.object(), p - next.firstPindex() + head.firstPindex())) {
        return moved > 0 ? Step.PROGRESS : Step.LATER;
      }
      moved++;
    }
    return moved > 0 ? Step.PROGRESS : Step.NOTHING;
  }

  /// Moves a page up, or frees it if it is hidden. A held page is not moved: once it is the head's
  /// own it is stored into where it lies, and who holds it may be a reader of another space.
  private boolean movePage(VmObject from, long p, VmObject to, long pindex) {
    if (CollapseParts.has(to, pindex)) {
      return parts.drop(from, p);
    }
    int page = from.resident().get(p);
    if (!parts.page().busy().tryHardBusy(page)) {
      return false;
    }
    // No hold can come: mapped is the page at most in this space, and its reader may see our
    // stores.
    boolean moved =
        parts.page().pages().holdCount(page) == 0 && parts.owner().move(self, to, pindex, page);
    if (moved && PageQueue.CACHE.isKindOf(parts.page().pages().queue(page))) {
      parts.page().mover().deactivate(self, page); // it is dirty now: not as good as free any more
    }
    parts.page().busy().unbusy(page);
    if (moved) {
      parts.count(Event.MOVED);
    }
    return moved;
  }

  private Step moveBlocks(Backing head, Backing next) {
    BlockPager from = next.object().swap();
    long end = next.endPindex();
    int moved = 0;
    for (long p = from == null ? -1 : from.nextBlock(next.firstPindex());
        from != null && p >= 0 && p < end;
        p = from.nextBlock(p + 1)) {
      if (endsStep(moved, head)) {
        return Step.PROGRESS;
      }
      if (!moveBlock(next.object(), from, p, head, p - next.firstPindex() + head.firstPindex())) {
        return Step.LATER;
      }
      moved++;
    }
    return moved > 0 ? Step.PROGRESS : Step.NOTHING;
  }

  private boolean moveBlock(VmObject object, BlockPager from, long p, Backing head, long pindex) {
    VmObject to = head.object();
    if (CollapseParts.has(to, pindex)) {
      return parts.drop(object, p);
    }
    @Nullable BlockPager pager = to.swap();
    if (pager == null) {
      pager = parts.pagers().newPager();
      to.setSwap(self, pager);
    }
    return from.handOver(self, p, pager, pindex);
  }
}
