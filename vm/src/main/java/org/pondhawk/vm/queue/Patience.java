package org.pondhawk.vm.queue;

/// How long one operation has waited without anything moving in the machine.
///
/// Made for an operation that may wait several times: what counts is the time since the last page
/// was freed or the last transfer ended, not the time in all.
public final class Patience {
  private final long limitNanos;
  private long progress = -1;
  private long since;

  /// Patience with a limit.
  ///
  /// @param limitNanos how long nothing may move before the operation gives up
  public Patience(long limitNanos) {
    this.limitNanos = limitNanos;
  }

  /// Whether nothing has moved for too long.
  ///
  /// @param seen a number that grows with every page freed and every transfer
  /// @param now the time in nanoseconds
  boolean isOver(long seen, long now) {
    if (seen != progress) {
      progress = seen;
      since = now;
    }
    return now - since > limitNanos;
  }
}
