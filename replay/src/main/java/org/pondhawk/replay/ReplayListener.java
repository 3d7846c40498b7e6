package org.pondhawk.replay;

/// Hears how a replay gets on.
@FunctionalInterface
public interface ReplayListener {
  /// Called once a second, by the thread that runs the replay.
  void everySecond(ReplaySample sample);
}
