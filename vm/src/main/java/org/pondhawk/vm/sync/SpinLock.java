package org.pondhawk.vm.sync;

import org.pondhawk.vm.mem.Linux;
import org.pondhawk.vm.mem.RawMemory;

/// Spin locks that are words of off-heap structures: 0 is free, 1 is taken.
///
/// **Contract.** Not recursive. Whoever holds one neither sleeps, waits, allocates nor calls out. A
/// waiter spins, then gives its processor away, for as long as it takes: a holder is always running
/// or about to.
///
/// **Memory effects.** Unlocking happens-before the next locking of the same word.
public final class SpinLock {
  private static final int ROUNDS_BEFORE_YIELD = 100;
  private static final boolean CAN_YIELD = Linux.available();

  private SpinLock() {}

  /// Takes the lock at `word`, spinning until it is free.
  ///
  /// @param word the address of the lock's int
  public static void lock(long word) {
    if (!tryLock(word)) {
      spin(word);
    }
  }

  /// Takes the lock at `word` if it is free.
  ///
  /// @param word the address of the lock's int
  /// @return true if the caller now holds it
  public static boolean tryLock(long word) {
    return RawMemory.compareAndSetInt(word, 0, 1);
  }

  /// Gives the lock at `word` back.
  ///
  /// @param word the address of the lock's int
  public static void unlock(long word) {
    assert isLocked(word) : "unlock of a free spin lock";
    RawMemory.setIntRelease(word, 0);
  }

  /// Whether somebody holds the lock at `word`.
  ///
  /// @param word the address of the lock's int
  /// @return true if it is taken
  public static boolean isLocked(long word) {
    return RawMemory.getIntAcquire(word) != 0;
  }

  private static void spin(long word) {
    int round = 0;
    do {
      while (RawMemory.getIntOpaque(word) != 0) { // stale is fine: the CAS decides
        pause(++round);
      }
    } while (!tryLock(word));
  }

  /// Gives the processor to another thread that is ready to run, if there is one.
  public static void giveWay() {
    if (CAN_YIELD) {
      Linux.schedYield();
    } else {
      Thread.onSpinWait();
    }
  }

  /// One round of waiting for something that another running thread is about to do.
  ///
  /// @param round how many rounds the caller has waited, from 1
  public static void pause(int round) {
    if (round % ROUNDS_BEFORE_YIELD != 0 || !CAN_YIELD) {
      Thread.onSpinWait();
    } else {
      Linux.schedYield();
    }
  }
}
