package org.pondhawk.vm.map;

import org.pondhawk.vm.object.VmObject;

/// How far the way is made for a small head to change places with the large element beneath it:
/// what the head hides there is freed, index by index. Once nothing is hidden, their order means
/// nothing.
final class Sinking {
  /*
   * Why one walk over the head's indexes is enough: whatever the head gets behind the walk it gets
   * from nowhere in the element (a fresh zero page, its own backing) or by a move, which leaves
   * nothing there. The one exception, a copy, is noted by the head's object. What the element gets it
   * gets from its own backing, where the head had nothing.
   */
  private static final int LOOKS_PER_STEP = 512;
  private static final int DROPS_PER_STEP = 64;

  private final Backing upper;
  private final VmObject lower;
  private final long coverings;
  private long next;
  private boolean done;

  /// Begins. The tokens of both are held.
  Sinking(Backing head, Backing beneath) {
    this.upper = head;
    this.lower = beneath.object();
    this.coverings = head.object().coverings();
    this.next = head.firstPindex();
  }

  /// Whether it is about these two elements, and nothing was hidden anew since it began.
  boolean isAbout(Backing head, Backing beneath) {
    return head.object() == upper.object()
        && beneath.object() == lower
        && head.start() == upper.start()
        && head.end() == upper.end()
        && coverings == upper.object().coverings();
  }

  boolean isDone() {
    return done;
  }

  /// Frees some of what the head hides in the element beneath. Both tokens are held exclusively.
  Step dropSome(CollapseParts parts, Backing head, Backing beneath) {
    int drops = 0;
    for (int looks = 0; looks < LOOKS_PER_STEP && drops < DROPS_PER_STEP; looks++) {
      next = CollapseParts.next(head.object(), next);
      if (next < 0 || next >= head.endPindex()) {
        done = true;
        return Step.PROGRESS;
      }
      long below = next - head.firstPindex() + beneath.firstPindex();
      if (CollapseParts.has(beneath.object(), below)) {
        if (!parts.drop(beneath.object(), below)) {
          return Step.LATER;
        }
        drops++;
      }
      next++;
    }
    return Step.PROGRESS;
  }
}
