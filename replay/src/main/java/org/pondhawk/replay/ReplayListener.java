package org.pondhawk.replay;

/// Hears how a replay gets on.
@FunctionalInterface
public interface ReplayListener {
  /// Called once a second, and when the replay stage is over, by the thread that runs the replay.
  void sampled(ReplaySample sample);
}
