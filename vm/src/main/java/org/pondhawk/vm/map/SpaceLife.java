package org.pondhawk.vm.map;

import java.util.concurrent.atomic.AtomicLong;
import org.pondhawk.vm.error.VmPanic;

/// Counts who refers to an address space and who holds it, and decides who ends it (`vmspace_ref`,
/// `vmspace_rel`, `vmspace_hold`, `vmspace_drop`).
///
/// Who *refers* to a space uses it: the last one to leave takes its memory down, which is stage 1.
/// Who *holds* it only looks at it from outside, or is about to end it: the last hold gives the
/// page table back, which is stage 2.
///
/// **Contract.** Any thread, without a lock. Exactly one caller is told to begin each stage.
///
/// **Memory effects.** Those of one atomic word: what a holder did before its [#drop] is visible to
/// stage 2.
///
/// **Failure.** [VmPanic] for a transition that [LifeWord] does not have.
public final class SpaceLife {
  private final AtomicLong word = new AtomicLong(LifeWord.NEW);

  /// What became of a reference that was to be given back.
  public enum Release {
    /// It is given back; others refer to the space.
    DONE,
    /// It is the last one, and kept: [#tryDelete] gives it back.
    LAST,
    /// The space has ended, and all references with it.
    ENDED
  }

  /// The life of a space that was just made, to which its maker refers.
  public SpaceLife() {}

  /// Adds a reference (`vmspace_ref`).
  ///
  /// @return false if the space is deleted: it never comes back
  public boolean tryReference() {
    for (; ; ) {
      long was = word.get();
      if (LifeWord.isDeleted(was)) {
        return false;
      }
      if (LifeWord.holds(was) == LifeWord.MOST) {
        throw illegal("tryReference", was);
      }
      if (word.compareAndSet(was, was + LifeWord.ONE_REFERENCE + LifeWord.ONE_HOLD)) {
        return true;
      }
    }
  }

  /// Gives a reference back, and the hold that it owns, unless it is the last (`vmspace_rel`).
  public Release release() {
    for (; ; ) {
      long was = word.get();
      if (LifeWord.isDeleted(was)) {
        return Release.ENDED;
      }
      if (LifeWord.references(was) < 2) {
        return Release.LAST;
      }
      if (word.compareAndSet(was, was - LifeWord.ONE_REFERENCE - LifeWord.ONE_HOLD)) {
        return Release.DONE;
      }
    }
  }

  /// Gives the last reference back for good. Its hold stays: it is the caller's, for stage 1.
  ///
  /// @return false if it is not the last any more, or the space is deleted; nothing has changed
  public boolean tryDelete() {
    for (; ; ) {
      long was = word.get();
      if (LifeWord.isDeleted(was) || LifeWord.references(was) != 1) {
        return false;
      }
      if (word.compareAndSet(was, (was - LifeWord.ONE_REFERENCE) | LifeWord.DELETED)) {
        return true;
      }
    }
  }

  /// Takes all references away, whoever has them: the machine ends. One hold stays, the caller's.
  ///
  /// @return false if the space is deleted already
  public boolean deleteAll() {
    for (; ; ) {
      long was = word.get();
      if (LifeWord.isDeleted(was)) {
        return false;
      }
      int all = LifeWord.references(was);
      long left = was - all * LifeWord.ONE_REFERENCE - (all - 1) * LifeWord.ONE_HOLD;
      if (word.compareAndSet(was, left | LifeWord.DELETED)) {
        return true;
      }
    }
  }

  /// Notes the end of stage 1, by who was told to begin it.
  public void emptied() {
    long was = word.getAndUpdate(now -> now | LifeWord.EMPTIED);
    if (!LifeWord.isDeleted(was) || LifeWord.isEmptied(was)) {
      throw illegal("emptied", was);
    }
  }

  /// Keeps the page table of a space that may be about to end (`vmspace_hold`).
  ///
  /// @return false if nobody holds it any more
  public boolean tryHold() {
    for (; ; ) {
      long was = word.get();
      if (LifeWord.holds(was) == 0) {
        return false;
      }
      if (LifeWord.holds(was) == LifeWord.MOST) {
        throw illegal("tryHold", was);
      }
      if (word.compareAndSet(was, was + LifeWord.ONE_HOLD)) {
        return true;
      }
    }
  }

  /// Ends one hold (`vmspace_drop`).
  ///
  /// @return whether it was the last: the caller does stage 2
  public boolean drop() {
    for (; ; ) {
      long was = word.get();
      boolean last = LifeWord.holds(was) == 1;
      if (LifeWord.holds(was) <= LifeWord.references(was) || (last && !LifeWord.isEmptied(was))) {
        throw illegal("drop", was);
      }
      long now = was - LifeWord.ONE_HOLD;
      if (word.compareAndSet(was, last ? now | LifeWord.TORN_DOWN : now)) {
        return last;
      }
    }
  }

  /// How many refer to it (`vmspace_getrefs`).
  ///
  /// @return 0 for a deleted space
  public int references() {
    return LifeWord.references(word.get());
  }

  /// How many hold it, those who refer to it included.
  public int holds() {
    return LifeWord.holds(word.get());
  }

  /// Whether nobody refers to it, nor ever will.
  public boolean isDeleted() {
    return LifeWord.isDeleted(word.get());
  }

  /// Whether stage 1 is over.
  public boolean isEmptied() {
    return LifeWord.isEmptied(word.get());
  }

  /// Whether stage 2 has begun.
  public boolean isTornDown() {
    return LifeWord.isTornDown(word.get());
  }

  private static VmPanic illegal(String transition, long was) {
    return new VmPanic(transition + " of a space that is " + LifeWord.describe(was));
  }

  @Override
  public String toString() {
    return LifeWord.describe(word.get());
  }
}
