package org.pondhawk.vm;

import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.Guard;

/// Accesses that are broken on purpose, so that a test can be seen to notice. Chosen once, before
/// the first view, so that in every other process the compiler keeps nothing of it.
final class BrokenAccess {
  /// The system property that names what is broken, if anything.
  static final String PROPERTY = "org.pondhawk.vm.broken";

  private static final String BROKEN = System.getProperty(PROPERTY, "");

  /// A load believes what it finds, and never looks at the entry again.
  static final boolean LOADS_ONCE = "loads-once".equals(BROKEN);

  /// A store reads the entry and goes inside its guard only then.
  static final boolean GUARDS_LATE = "guards-late".equals(BROKEN);

  private static final int LINGER = 200;

  private BrokenAccess() {}

  /// Starts a store in the wrong order, with time for others in between.
  ///
  /// @return the entry
  static long lookAndEnter(Guard guard, long slot) {
    long pte = RawMemory.getLongAcquire(slot);
    for (int i = 0; i < LINGER; i++) {
      Thread.onSpinWait();
    }
    guard.enter();
    return pte;
  }
}
