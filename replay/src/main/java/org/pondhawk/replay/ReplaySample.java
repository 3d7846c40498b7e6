package org.pondhawk.replay;

/// A look at a running replay.
///
/// @param stage the stage it is in
/// @param elapsedNanos the time since it began
/// @param references the references replayed so far, by all processes
/// @param figures the counters of the machine
public record ReplaySample(
    Stage stage, long elapsedNanos, long references, MachineFigures figures) {}
