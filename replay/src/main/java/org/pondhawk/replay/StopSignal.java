package org.pondhawk.replay;

/// Tells processes to stop: at the end of the time, because one of them failed, or in a hurry.
final class StopSignal {
  private volatile boolean raised;
  private volatile boolean hurried;
  private volatile boolean givenUp;
  private volatile long checkUntilNanos;

  /// Ends the replay; the final check is still made.
  void raise() {
    raised = true;
  }

  /// Ends the replay, and the final check when the clock has come to a time. Asking again changes
  /// nothing.
  synchronized void hurry(long untilNanos) {
    if (!hurried) {
      checkUntilNanos = untilNanos;
      hurried = true;
      raised = true;
    }
  }

  /// Ends everything at once, because nobody waits for it any more.
  void giveUp() {
    givenUp = true;
    raised = true;
  }

  boolean isRaised() {
    return raised;
  }

  boolean isHurried() {
    return hurried;
  }

  /// Whether the time for the final check is over.
  boolean isCheckOver(long nowNanos) {
    return givenUp || (hurried && nowNanos - checkUntilNanos >= 0);
  }
}
