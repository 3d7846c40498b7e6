package org.pondhawk.replay;

/// How long the stages of a replay took.
///
/// @param preloadNanos the preload
/// @param replayNanos the replay itself
/// @param checkNanos the final check of every byte
/// @param elapsedNanos all of it, with the examination of the machine
public record StageTimes(long preloadNanos, long replayNanos, long checkNanos, long elapsedNanos) {}
